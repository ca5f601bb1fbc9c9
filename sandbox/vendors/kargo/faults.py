"""Kargo's own switches: where its documents are silent, or disagree with each other."""

from __future__ import annotations

from typing import Literal

from sandbox.faults.kind import Kinds

KARGO = Kinds("kargo")
KARGO.switch(
    "status_word",
    {"status"},
    "The status is this word, from poll number `from_poll` on. `link` says whether the report's links stand there.",
    word=(str, "completed"),
    from_poll=(int, 1),
    link=(Literal["as_usual", "set", "empty"], "as_usual"),
)
KARGO.switch(
    "status_shape",
    {"status"},
    "The poll's answer: A status and totals, B rows with the report, C the bare report, D the status alone.",
    shape=Literal["A", "B", "C", "D"],
)
KARGO.switch("ready_by_link", {"status"}, "Once ready, only the link says so: the status stays `running`.")
KARGO.switch("ready_without_link", {"status"}, "Once ready, the links stay empty.")
KARGO.switch("never_ready", {"status"}, "The report is never ready: `pending` for ever.", "instal", "kargo")
KARGO.switch("error_status", {"status"}, "The report failed; `text` goes along where given.", text=(str | None, None))
KARGO.switch(
    "late_listing", {"status", "list"}, "A report is not listed in the first polls of it, or lists.", polls=(int, 2)
)
KARGO.switch(
    "foreign_row", {"status"}, "Another account's report stands before ours in the answer.", alone=(bool, False)
)
KARGO.switch(
    "expired_report",
    {"status", "link", "page", "csv"},
    "The report's time is over: `rpt_file_expires_at` is past, its rows and links answer `code`.",
    code=(int, 410),
)
KARGO.switch(
    "next_link",
    {"list", "page"},
    "Where the next link stands, where it leads, on which host it is, and what stands there after the last page.",
    place=(Literal["data.links.next", "links.next", "data.link.next", "link.next"], "data.links.next"),
    leads=(Literal["next", "self", "circle", "nowhere"], "next"),
    host=(Literal["documented", "own", "other", "relative"], "documented"),
    end=(Literal["empty", "null", "absent", "null_text"], "empty"),
)
KARGO.switch("bare_links", {"list", "page"}, "There are links only where limit or offset was sent.")
KARGO.switch(
    "rows_place",
    {"list", "page"},
    "Where the rows stand.",
    place=(Literal["data.rows", "rows", "data"], "data.rows"),
)
KARGO.switch("totals_last", {"page"}, "The total and the links stand after the rows.")
KARGO.switch("limit_refused", {"list", "page"}, "A limit above 10,000 is refused instead of clamped.")
KARGO.switch(
    "strict_names",
    {"submit"},
    "Only the dimensions and measures in the documents' samples exist.",
    answer=(Literal["400", "error_status"], "400"),
)
KARGO.switch(
    "link_composition",
    {"status"},
    "The report's link already has a query, or is relative.",
    form=(Literal["query", "relative"], "query"),
)
KARGO.switch(
    "extra_measure", {"submit"}, "Rows hold `media_delivery_sum` too, asked or not, as in the documents' sample."
)
KARGO.switch(
    "capped_total",
    {"status", "link", "page"},
    "The number of rows the vendor names is never more than this.",
    at=(int, 10_000),
)
