"""Kargo's own switches: where its documents are silent, or disagree with each other."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kind, choice, roles

_PAGE = roles("page")
_STATUS = roles("status")
_SUBMIT = roles("submit")
_PAGED = roles("page", "list")
_KARGO = frozenset({"kargo"})
_INSTAL = frozenset({"instal"})

KARGO_KINDS: tuple[Kind, ...] = (
    Kind(
        "status_word",
        _STATUS,
        "The status is this word, from poll number `from_poll` on. `link` says whether the report's links stand there.",
        {
            "word": Arg(str, "completed"),
            "from_poll": Arg(int, 1),
            "link": choice("as_usual", "set", "empty", default="as_usual"),
        },
        _KARGO,
    ),
    Kind(
        "status_shape",
        _STATUS,
        "The poll's answer: A status and totals, B rows with the report, C the bare report, D the status alone.",
        {"shape": choice("A", "B", "C", "D")},
        _KARGO,
    ),
    Kind("ready_by_link", _STATUS, "Once ready, only the link says so: the status stays `running`.", {}, _KARGO),
    Kind("ready_without_link", _STATUS, "Once ready, the links stay empty.", {}, _KARGO),
    Kind("never_ready", _STATUS, "The report is never ready: `pending` for ever.", {}, _KARGO | _INSTAL),
    Kind(
        "error_status", _STATUS, "The report failed; `text` goes along where given.", {"text": Arg(str, None)}, _KARGO
    ),
    Kind(
        "late_listing",
        roles("status", "list"),
        "A report is not listed in the first polls of it, or lists.",
        {"polls": Arg(int, 2)},
        _KARGO,
    ),
    Kind(
        "foreign_row",
        _STATUS,
        "Another account's report stands before ours in the answer.",
        {"alone": Arg(bool, False)},
        _KARGO,
    ),
    Kind(
        "expired_report",
        roles("status", "page", "link", "csv"),
        "The report's time is over: `rpt_file_expires_at` is past, its rows and links answer `code`.",
        {"code": Arg(int, 410)},
        _KARGO,
    ),
    Kind(
        "next_link",
        _PAGED,
        "Where the next link stands, where it leads, on which host it is, and what stands there after the last page.",
        {
            "place": choice("data.links.next", "links.next", "data.link.next", "link.next", default="data.links.next"),
            "leads": choice("next", "self", "circle", "nowhere", default="next"),
            "host": choice("documented", "own", "other", "relative", default="documented"),
            "end": choice("empty", "null", "absent", "null_text", default="empty"),
        },
        _KARGO,
    ),
    Kind("bare_links", _PAGED, "There are links only where limit or offset was sent.", {}, _KARGO),
    Kind(
        "rows_place",
        _PAGED,
        "Where the rows stand.",
        {"place": choice("data.rows", "rows", "data", default="data.rows")},
        _KARGO,
    ),
    Kind("totals_last", _PAGE, "The total and the links stand after the rows.", {}, _KARGO),
    Kind("limit_refused", _PAGED, "A limit above 10,000 is refused instead of clamped.", {}, _KARGO),
    Kind(
        "strict_names",
        _SUBMIT,
        "Only the dimensions and measures in the documents' samples exist.",
        {"answer": choice("400", "error_status", default="400")},
        _KARGO,
    ),
    Kind(
        "link_composition",
        _STATUS,
        "The report's link already has a query, or is relative.",
        {"form": choice("query", "relative", default="query")},
        _KARGO,
    ),
    Kind(
        "extra_measure",
        roles("submit"),
        "Rows hold `media_delivery_sum` too, asked or not, as in the documents' sample.",
        {},
        _KARGO,
    ),
    Kind(
        "capped_total",
        roles("status", "page", "link"),
        "The number of rows the vendor names is never more than this.",
        {"at": Arg(int, 10_000)},
        _KARGO,
    ),
)
