"""Kargo's own switches: where its documents are silent, or disagree with each other."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kinds, choice, roles

KARGO = Kinds("kargo")
KARGO.switch(
    "status_word",
    roles("status"),
    "The status is this word, from poll number `from_poll` on. `link` says whether the report's links stand there.",
    word=Arg(str, "completed"),
    from_poll=Arg(int, 1),
    link=choice("as_usual", "set", "empty", default="as_usual"),
)
KARGO.switch(
    "status_shape",
    roles("status"),
    "The poll's answer: A status and totals, B rows with the report, C the bare report, D the status alone.",
    shape=choice("A", "B", "C", "D"),
)
KARGO.switch("ready_by_link", roles("status"), "Once ready, only the link says so: the status stays `running`.")
KARGO.switch("ready_without_link", roles("status"), "Once ready, the links stay empty.")
KARGO.switch(
    "never_ready",
    roles("status"),
    "The report is never ready: `pending` for ever.",
    vendors=("instal", "kargo"),
)
KARGO.switch("error_status", roles("status"), "The report failed; `text` goes along where given.", text=Arg(str, None))
KARGO.switch(
    "late_listing",
    roles("status", "list"),
    "A report is not listed in the first polls of it, or lists.",
    polls=Arg(int, 2),
)
KARGO.switch(
    "foreign_row", roles("status"), "Another account's report stands before ours in the answer.", alone=Arg(bool, False)
)
KARGO.switch(
    "expired_report",
    roles("status", "link", "page", "csv"),
    "The report's time is over: `rpt_file_expires_at` is past, its rows and links answer `code`.",
    code=Arg(int, 410),
)
KARGO.switch(
    "next_link",
    roles("list", "page"),
    "Where the next link stands, where it leads, on which host it is, and what stands there after the last page.",
    place=choice("data.links.next", "links.next", "data.link.next", "link.next", default="data.links.next"),
    leads=choice("next", "self", "circle", "nowhere", default="next"),
    host=choice("documented", "own", "other", "relative", default="documented"),
    end=choice("empty", "null", "absent", "null_text", default="empty"),
)
KARGO.switch("bare_links", roles("list", "page"), "There are links only where limit or offset was sent.")
KARGO.switch(
    "rows_place",
    roles("list", "page"),
    "Where the rows stand.",
    place=choice("data.rows", "rows", "data", default="data.rows"),
)
KARGO.switch("totals_last", roles("page"), "The total and the links stand after the rows.")
KARGO.switch("limit_refused", roles("list", "page"), "A limit above 10,000 is refused instead of clamped.")
KARGO.switch(
    "strict_names",
    roles("submit"),
    "Only the dimensions and measures in the documents' samples exist.",
    answer=choice("400", "error_status", default="400"),
)
KARGO.switch(
    "link_composition",
    roles("status"),
    "The report's link already has a query, or is relative.",
    form=choice("query", "relative", default="query"),
)
KARGO.switch(
    "extra_measure", roles("submit"), "Rows hold `media_delivery_sum` too, asked or not, as in the documents' sample."
)
KARGO.switch(
    "capped_total",
    roles("status", "link", "page"),
    "The number of rows the vendor names is never more than this.",
    at=Arg(int, 10_000),
)
