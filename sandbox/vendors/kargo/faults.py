"""Faults of Kargo: the variants on which its documents are silent or disagree."""

from __future__ import annotations

from typing import Literal

from sandbox.faults.kind import Kinds

KARGO = Kinds("kargo")
KARGO.switch(
    "status_word",
    {"status"},
    "The status is this word, from poll number `from_poll` on. `link` says whether the report has its links then.",
    word=(str, "completed"),
    from_poll=(int, 1),
    link=(Literal["as_usual", "set", "empty"], "as_usual"),
)
KARGO.switch(
    "status_shape",
    {"status"},
    "The form of the poll's answer: A status and totals, B a list with the report, C the report only, D the status.",
    shape=Literal["A", "B", "C", "D"],
)
KARGO.switch("ready_by_link", {"status"}, "Only the link shows that the report is ready: the status stays `running`.")
KARGO.switch("ready_without_link", {"status"}, "The links stay empty after the report is ready.")
KARGO.switch("never_ready", {"status"}, "The report is never ready: `pending` for ever.", "instal", "kargo")
KARGO.switch(
    "error_status", {"status"}, "The report fails; the answer has `text` if it is given.", text=(str | None, None)
)
KARGO.switch(
    "late_listing", {"status", "list"}, "A report is missing from the first `polls` polls and lists.", polls=(int, 2)
)
KARGO.switch(
    "foreign_row",
    {"status"},
    "The report of another account comes before ours in the answer, or `alone`.",
    alone=(bool, False),
)
KARGO.switch(
    "expired_report",
    {"status", "link", "page", "csv"},
    "The report has expired: `rpt_file_expires_at` is in the past, and rows and links are answered with `code`.",
    code=(int, 410),
)
KARGO.switch(
    "next_link",
    {"list", "page"},
    "The next link: its place in the answer, where it leads, its host, and its value on the last page.",
    place=(Literal["data.links.next", "links.next", "data.link.next", "link.next"], "data.links.next"),
    leads=(Literal["next", "self", "circle", "nowhere"], "next"),
    host=(Literal["documented", "own", "other", "relative"], "documented"),
    end=(Literal["empty", "null", "absent", "null_text"], "empty"),
)
KARGO.switch("bare_links", {"list", "page"}, "The answer has links only if the request had limit or offset.")
KARGO.switch(
    "rows_place",
    {"list", "page"},
    "The place of the rows in the answer.",
    place=(Literal["data.rows", "rows", "data"], "data.rows"),
)
KARGO.switch("totals_last", {"page"}, "The total and the links come after the rows.")
KARGO.switch(
    "strict_names",
    {"submit"},
    "Only the dimensions and measures in the documents' samples are known.",
    answer=(Literal["400", "error_status"], "400"),
)
KARGO.switch(
    "link_composition",
    {"status"},
    "The report's link already has a query, or is relative.",
    form=(Literal["query", "relative"], "query"),
)
KARGO.switch(
    "capped_total",
    {"status", "link", "page"},
    "The number of rows that the vendor states is at most this.",
    at=(int, 10_000),
)
