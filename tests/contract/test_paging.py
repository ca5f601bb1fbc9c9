"""Every way of paging brings all rows of a vendor once, and comes to an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.errors import FailJob, StartOver
from worker.model import PageFacts
from worker.paging.kinds import pager_for
from worker.paging.pager import Address, Pager
from worker.sources.schema import Read

ROWS = {"kind": "json", "rows": ["rows"]}


def pager(params: dict[str, Any] | None = None, **paging: Any) -> Pager:
    return pager_for(Read.model_validate({"request": {"path": "/r"}, "format": ROWS, "paging": paging}), params or {})


@dataclass
class PagedVendor:
    """A vendor that answers an address with the rows that belong to it and says what it says beside them."""

    rows: int
    answer: Callable[[PagedVendor, Address], tuple[range, PageFacts]]
    size: int = 100
    says_total: bool = False
    capped_at: int | None = None
    asked: list[Address] = field(default_factory=list)

    def total(self) -> int | None:
        if not self.says_total:
            return None
        return self.rows if self.capped_at is None else min(self.rows, self.capped_at)


def by_offset(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
    start, limit = address.query["offset"], min(address.query["limit"], vendor.size)
    return range(start, max(start, min(start + limit, vendor.rows))), PageFacts(total=vendor.total())


def by_number(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
    start = (address.query["page"] - 1) * vendor.size
    pages = -(-vendor.rows // vendor.size) if vendor.says_total else None
    return range(start, max(start, min(start + vendor.size, vendor.rows))), PageFacts(total_pages=pages)


def by_chain(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
    start = int(address.link or address.query.get("token") or 0)
    end = min(start + vendor.size, vendor.rows)
    return range(start, end), PageFacts(next=str(end) if end < vendor.rows else None, total=vendor.total())


WAYS: dict[str, tuple[dict[str, Any], Any]] = {
    "offset": ({"kind": "offset", "limit": 100}, by_offset),
    "page-number": ({"kind": "page-number", "size": 100}, by_number),
    "link": ({"kind": "link"}, by_chain),
    "token": ({"kind": "token", "param": "token"}, by_chain),
}


def read_whole(pager: Pager, vendor: PagedVendor, *, most_pages: int = 1000) -> list[range]:
    """Read the report as the steps do: page by page, as many as are known, each by its own requests."""
    planned, number, came = pager.plan(vendor.total()), 1, 0
    parts: list[range] = []
    links: dict[int, str | None] = {}
    while number <= planned:
        assert number <= most_pages, "paging does not end"
        rows, page = read_page(pager, vendor, number, links.get(number))
        parts += rows
        came += page.rows
        following = pager.follow(number, page, planned)
        assert following.planned >= planned
        if page.total is not None and page.total != vendor.capped_at and came >= page.total:
            break
        planned, links[number + 1] = following.planned, following.link
        # As the ledger does if it is unknown whether more follow: one page more, until one is empty.
        planned += number == planned and following.is_open
        number += 1
    return parts


def read_page(pager: Pager, vendor: PagedVendor, number: int, link: str | None) -> tuple[list[range], PageFacts]:
    parts: list[range] = []
    requests = pager.addresses(number, link, None)
    address = next(requests)
    while True:
        vendor.asked.append(address)
        rows, facts = vendor.answer(vendor, address)
        # A vendor that is asked from the last row known repeats it, so that a gap would show.
        rows = rows[1:] if address.begins_with == "last" else rows
        parts.append(rows)
        try:
            address = requests.send(replace(facts, rows=len(rows)))
        except StopIteration as end:
            return parts, replace(facts, rows=sum(map(len, parts)), next=end.value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("says_total", [False, True])
@settings(deadline=None, max_examples=100)
@given(rows=st.integers(0, 650), size=st.just(100) | st.integers(1, 99))
def test_every_row_comes_once_and_in_order_also_if_a_vendor_gives_fewer_than_requested(
    way: str, says_total: bool, rows: int, size: int
) -> None:
    paging, answer = WAYS[way]
    vendor = PagedVendor(rows, answer, size=size, says_total=says_total)
    parts = read_whole(pager(**paging), vendor)
    assert [row for part in parts for row in part] == list(range(rows))
    assert size < 100 or len(vendor.asked) <= rows // 100 + 3


@settings(deadline=None, max_examples=100)
@given(rows=st.integers(0, 1_200))
def test_a_total_at_its_cap_ends_nothing(rows: int) -> None:
    vendor = PagedVendor(rows, by_offset, says_total=True, capped_at=500)
    parts = read_whole(pager(kind="offset", limit=100, total_capped_at=500), vendor)
    assert sum(map(len, parts)) == rows


@pytest.mark.parametrize("way", WAYS)
def test_a_page_asks_for_the_same_rows_whenever_it_is_read(way: str) -> None:
    paging, answer = WAYS[way]
    for number, link in ((1, None), (3, "200")):
        asked = []
        for _ in range(2):
            vendor = PagedVendor(1_000, answer, says_total=True)
            read_page(pager(**paging), vendor, number, link)
            asked.append(vendor.asked)
        assert asked[0] == asked[1]


@settings(deadline=None, max_examples=100)
@given(rows=st.integers(0, 450), size=st.integers(1, 100), number=st.integers(1, 5), says_total=st.booleans())
def test_a_page_by_offset_has_its_own_rows_and_none_of_the_next(
    rows: int, size: int, number: int, says_total: bool
) -> None:
    vendor = PagedVendor(rows, by_offset, size=size, says_total=says_total)
    parts, _ = read_page(pager(kind="offset", limit=100), vendor, number, None)
    assert [row for part in parts for row in part] == list(range(rows))[(number - 1) * 100 : number * 100]


def test_pages_of_a_known_size_are_planned_from_a_total() -> None:
    assert [pager(kind="offset", limit=100).plan(total) for total in (None, 0, 1, 100, 101)] == [1, 1, 1, 1, 2]
    assert [pager(kind=kind).plan(1_000) for kind in ("single", "link")] == [1, 1]
    assert [pager(**paging).is_addressable for paging, _ in WAYS.values()] == [True, True, False, False]
    assert not pager(kind="single").is_addressable


def test_a_page_that_learns_of_more_rows_plans_them_all() -> None:
    following = pager(kind="offset", limit=100).follow(1, PageFacts(rows=100, total=1_000), 1)
    assert following.planned == 10
    assert pager(kind="page-number").follow(1, PageFacts(rows=100, total_pages=7), 1).planned == 7


def test_numbers_and_sizes_go_where_the_source_says() -> None:
    numbered = pager(
        kind="page-number", size="{n}", first=0, number_param="pagination.page_index",
        size_param="pagination.page_size", place="json", params={"n": "50"},
    )  # fmt: skip
    address = next(numbered.addresses(2, None, None))
    assert address.json_parts == {"pagination.page_index": 1, "pagination.page_size": 50}
    assert (address.query, address.values) == ({}, {"page_number": 1, "page_size": 50})
    assert next(pager(kind="page-number", size=50).addresses(1, None, None)).query == {"page": 1}
    sliced = next(pager(kind="offset", limit=9, limit_param="n", offset_param="from").addresses(3, None, None))
    assert (sliced.query, sliced.values) == ({"n": 9, "from": 18}, {"limit": 9, "offset": 18})
    token = pager(kind="token", param="page.token", place="json")
    assert next(token.addresses(2, "abc", None)).json_parts == {"page.token": "abc"}
    in_form = next(pager(kind="offset", limit=9, place="form").addresses(2, None, None))
    assert (in_form.form, in_form.query, in_form.json_parts) == ({"limit": 9, "offset": 9}, {}, {})


@pytest.mark.parametrize("size", ["0", "-1", "many", 0])
def test_an_invalid_page_size_fails(size: object) -> None:
    with pytest.raises(FailJob):
        pager(kind="page-number", size="{n}", params={"n": size})


def test_more_rows_than_requested_fail_because_the_next_slice_would_repeat_them() -> None:
    requests = pager(kind="offset", limit=100).addresses(1, None, None)
    next(requests)
    with pytest.raises(FailJob, match="asked for 100 rows from row 0 on, got 605"):
        requests.send(PageFacts(rows=605))


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        (100, [(0, None, False), (39, "last", False), (78, "last", False)]),
        # Where the last row alone came again, an empty answer or a refusal must be one to a request without it.
        (40, [(0, None, False), (39, "last", False), (40, "another", True)]),
    ],
)
def test_after_a_short_answer_the_next_request_begins_after_its_last_row_so_that_a_gap_is_noticed(
    rows: int, asked: list[tuple[int, str | None, bool]]
) -> None:
    vendor = PagedVendor(rows, by_offset, size=40)
    read_page(pager(kind="offset", limit=100), vendor, 1, None)
    assert [(each.query["offset"], each.begins_with, each.is_probe) for each in vendor.asked] == asked


def test_a_count_of_pages_that_changes_starts_over_unless_rows_are_counted_too() -> None:
    numbered = pager(kind="page-number")
    with pytest.raises(StartOver, match="page 2 counts 6 pages"):
        numbered.follow(2, PageFacts(rows=100, total_pages=6), 5)
    assert numbered.follow(2, PageFacts(rows=100, total_pages=6, total=600), 5).planned == 6
    assert numbered.follow(2, PageFacts(rows=100, total_pages=5), 5).planned == 5
    assert numbered.follow(1, PageFacts(rows=0, total_pages=0), 1).planned == 1


@pytest.mark.parametrize("kind", [{"kind": "link"}, {"kind": "token", "param": "t"}])
def test_an_empty_answer_that_names_a_next_is_read_past(kind: dict[str, Any]) -> None:
    answers = {"0": (range(3), "1"), "1": (range(0), "2"), "2": (range(0), "3"), "3": (range(3, 5), None)}

    def answer(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
        rows, following = answers[address.link or address.query.get("t") or "0"]
        return rows, PageFacts(next=following)

    vendor = PagedVendor(5, answer)
    assert [row for part in read_whole(pager(**kind), vendor) for row in part] == list(range(5))
    assert len(vendor.asked) == 4


def test_a_page_that_leads_to_itself_or_in_a_circle_fails() -> None:
    itself = PagedVendor(3, lambda vendor, address: (range(3), PageFacts(next="7")))
    empty_circle = PagedVendor(0, lambda vendor, address: (range(0), PageFacts(next="76"[len(vendor.asked) % 2])))
    promising = PagedVendor(0, lambda vendor, address: (range(0), PageFacts(next="7", has_more=True)))
    for vendor in (itself, empty_circle, promising):
        with pytest.raises(FailJob, match="page 2 links to a page that was read before"):
            read_page(pager(kind="link"), vendor, 2, "7")


@pytest.mark.parametrize("kind", [{"kind": "link"}, {"kind": "token", "param": "t"}])
def test_an_empty_last_answer_that_repeats_its_own_cursor_is_the_end(kind: dict[str, Any]) -> None:
    def answer(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
        start = int(address.link or address.query.get("t") or 0)
        end = min(start + 100, vendor.rows)
        return range(start, end), PageFacts(next=str(end))

    vendor = PagedVendor(250, answer)
    assert sum(map(len, read_whole(pager(**kind), vendor))) == 250
    assert len(vendor.asked) == 4


@pytest.mark.parametrize("kind", [{"kind": "link"}, {"kind": "token", "param": "t"}])
def test_an_empty_answer_is_the_end_of_a_chain_where_the_source_says_so(kind: dict[str, Any]) -> None:
    vendor = PagedVendor(0, lambda vendor, address: (range(0), PageFacts(next=str(len(vendor.asked)))))
    read_whole(pager(**kind, ends_with="empty"), vendor)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("rows", [250, 300])
@pytest.mark.parametrize("way", WAYS)
def test_a_flag_of_no_more_is_an_end_even_if_the_answer_has_more(way: str, rows: int) -> None:
    paging, answer = WAYS[way]

    def with_flag(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
        came, facts = answer(vendor, address)
        return came, replace(facts, next=facts.next or "again", has_more=len(vendor.asked) < 3)

    vendor = PagedVendor(rows, with_flag)
    assert sum(map(len, read_whole(pager(**paging), vendor))) == rows
    assert len(vendor.asked) == 3


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_answer_that_promises_more_and_does_not_say_where_fails(way: str) -> None:
    paging, _ = WAYS[way]
    vendor = PagedVendor(0, lambda vendor, address: (range(0), PageFacts(has_more=True)))
    with pytest.raises(FailJob, match="more pages follow"):
        read_whole(pager(**paging), vendor)


@pytest.mark.parametrize("kind", [{"kind": "offset", "limit": 100}, {"kind": "page-number", "size": 100}])
def test_a_short_page_is_the_end_where_the_source_says_so(kind: dict[str, Any]) -> None:
    vendor = PagedVendor(250, WAYS[kind["kind"]][1])
    assert sum(map(len, read_whole(pager(**kind, ends_with="short"), vendor))) == 250
    assert len(vendor.asked) == 3


@pytest.mark.parametrize("kind", [{"kind": "offset", "limit": 100}, {"kind": "page-number", "size": 100}])
def test_a_short_page_is_not_the_end_while_the_vendor_says_that_more_follow(kind: dict[str, Any]) -> None:
    def with_flag(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
        rows, facts = WAYS[kind["kind"]][1](vendor, address)
        return rows, replace(facts, has_more=rows.stop < vendor.rows)

    vendor = PagedVendor(250, with_flag, size=40)
    assert sum(map(len, read_whole(pager(**kind, ends_with="short"), vendor))) == 250


def test_rows_that_end_within_a_page_though_the_vendor_says_that_more_follow_fail() -> None:
    vendor = PagedVendor(130, lambda vendor, address: (by_offset(vendor, address)[0], PageFacts(has_more=True)))
    with pytest.raises(FailJob, match="no row follows row 130, but the vendor says that more pages follow"):
        read_whole(pager(kind="offset", limit=100), vendor)


def test_a_count_that_is_reached_does_not_end_a_page_while_the_vendor_says_that_more_follow() -> None:
    """It may be the count of one answer."""
    vendor = PagedVendor(
        100, lambda vendor, address: (by_offset(vendor, address)[0], PageFacts(total=40, has_more=True)), size=40
    )
    parts, _ = read_page(pager(kind="offset", limit=100), vendor, 1, None)
    assert sum(map(len, parts)) == 100


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_of_the_first_page_is_never_the_end(way: str) -> None:
    asked = [next(pager(**WAYS[way][0]).addresses(number, link, None)) for number, link in ((1, None), (2, "100"))]
    assert [address.is_probe for address in asked] == [False, True]


@pytest.mark.parametrize("kind", ["offset", "page-number"])
def test_a_refusal_of_rows_that_the_vendor_has_counted_is_not_the_end(kind: str) -> None:
    paging = {**WAYS[kind][0], **({"total_capped_at": 500} if kind == "offset" else {})}
    assert not next(pager(**paging).addresses(2, None, 101)).is_probe
    # A count at its cap means "at least".
    asked = [next(pager(**paging).addresses(number, None, 500)) for number in (5, 6)]
    assert [address.is_probe for address in asked] == [False, kind == "offset"]


def test_a_vendor_that_counts_from_one_is_asked_from_one() -> None:
    asked = [next(pager(kind="offset", limit=100, first=1).addresses(n, None, None)).query["offset"] for n in (1, 2)]
    assert asked == [1, 101]


def test_nothing_beyond_the_count_is_requested() -> None:
    def last_page_again(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
        start = min(address.query["page"] - 1, 2) * 100
        return range(start, min(start + 100, 250)), PageFacts(total=250)

    vendor = PagedVendor(250, last_page_again)
    assert sum(map(len, read_whole(pager(kind="page-number"), vendor))) == 250
    assert len(vendor.asked) == 3


@settings(deadline=None, max_examples=100)
@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8), more=st.integers(0, 3))
def test_a_vendor_that_counts_pages_and_rows_is_asked_for_no_page_that_the_rows_do_not_need(
    sizes: list[int], more: int
) -> None:
    starts = [sum(sizes[:number]) for number in range(len(sizes) + 1)]

    def answer(vendor: PagedVendor, address: Address) -> tuple[range, PageFacts]:
        number = address.query["page"]
        return range(*starts[number - 1 : number + 1]), PageFacts(total=vendor.rows, total_pages=len(sizes) + more)

    vendor = PagedVendor(starts[-1], answer)
    parts = read_whole(pager(kind="page-number"), vendor)
    assert [row for part in parts for row in part] == list(range(starts[-1]))
    first = pager(kind="page-number").follow(1, PageFacts(rows=sizes[0], total=starts[-1], total_pages=len(sizes)), 1)
    assert first.planned == min(len(sizes), -(-starts[-1] // sizes[0]))


@pytest.mark.parametrize("way", ["offset", "page-number"])
def test_a_last_page_plans_another_only_if_it_says_that_more_follow(way: str) -> None:
    """Pages before it may be read later: then no page but this one knows."""
    numbered = pager(**WAYS[way][0])
    for counted in (None, 7):
        assert numbered.follow(3, PageFacts(rows=50, total=250, total_pages=counted), 3).planned == 3
    assert numbered.follow(2, PageFacts(rows=100, total=200, has_more=True), 2).planned == 3


def test_pages_that_are_planned_stay_planned() -> None:
    for paging, _ in WAYS.values():
        assert pager(**paging).follow(2, PageFacts(rows=100, next="200"), 5).planned == 5


def test_a_chain_of_empty_answers_fails() -> None:
    vendor = PagedVendor(0, lambda vendor, address: (range(0), PageFacts(next=str(len(vendor.asked)))))
    with pytest.raises(FailJob, match="20 empty answers in a row"):
        read_page(pager(kind="link"), vendor, 1, None)
