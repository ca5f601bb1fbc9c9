"""Every way of paging against a vendor that has so many rows: all of them once, then an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.errors import FailJob, StartOver
from worker.model import Facts
from worker.paging import Address, Pager, pager_for
from worker.sources.schema import Read

ROWS = {"kind": "json", "rows": ["rows"]}


def pager(params: dict[str, Any] | None = None, **paging: Any) -> Pager:
    return pager_for(Read.model_validate({"request": {"path": "/r"}, "format": ROWS, "paging": paging}), params or {})


@dataclass
class PagedVendor:
    """A vendor that answers an address with the rows that belong to it and says what it says beside them."""

    rows: int
    answer: Callable[[PagedVendor, Address], tuple[range, Facts]]
    size: int = 100
    says_total: bool = False
    capped_at: int | None = None
    asked: list[Address] = field(default_factory=list)

    def total(self) -> int | None:
        if not self.says_total:
            return None
        return self.rows if self.capped_at is None else min(self.rows, self.capped_at)


def by_offset(vendor: PagedVendor, address: Address) -> tuple[range, Facts]:
    start, limit = address.query["offset"], min(address.query["limit"], vendor.size)
    return range(start, max(start, min(start + limit, vendor.rows))), Facts(total=vendor.total())


def by_number(vendor: PagedVendor, address: Address) -> tuple[range, Facts]:
    start = (address.query["page"] - 1) * vendor.size
    pages = -(-vendor.rows // vendor.size) if vendor.says_total else None
    return range(start, max(start, min(start + vendor.size, vendor.rows))), Facts(total_pages=pages)


def by_chain(vendor: PagedVendor, address: Address) -> tuple[range, Facts]:
    start = int(address.link or address.query.get("token") or 0)
    end = min(start + vendor.size, vendor.rows)
    return range(start, end), Facts(next=str(end) if end < vendor.rows else None, total=vendor.total())


WAYS: dict[str, tuple[dict[str, Any], Any]] = {
    "offset": ({"kind": "offset", "limit": 100}, by_offset),
    "page-number": ({"kind": "page-number", "size": 100}, by_number),
    "link": ({"kind": "link"}, by_chain),
    "token": ({"kind": "token", "param": "token"}, by_chain),
}


def read_whole(pager: Pager, vendor: PagedVendor, *, most_pages: int = 1000) -> list[range]:
    """Read the report as the steps do: page by page, as many as are known, each by its own requests."""
    planned, number, pages = pager.planned(vendor.total(), None), 1, []
    links: dict[int, str | None] = {}
    while number <= planned:
        assert number <= most_pages, "paging does not end"
        facts = Facts()
        rows = read_page(pager, vendor, number, links.get(number), facts)
        pages.append(rows)
        following = pager.following(number, sum(map(len, rows)), facts, planned)
        assert following.planned >= planned
        planned, links[number + 1] = following.planned, following.link
        number += 1
    return [part for rows in pages for part in rows]


def read_page(pager: Pager, vendor: PagedVendor, number: int, link: str | None, facts: Facts) -> list[range]:
    parts = []
    requests = pager.addresses(number, link, facts)
    address = next(requests)
    while True:
        vendor.asked.append(address)
        rows, said = vendor.answer(vendor, address)
        facts.total, facts.total_pages, facts.next = said.total, said.total_pages, said.next
        rows = rows[1:] if address.begins_with == "last" else rows
        parts.append(rows)
        try:
            address = requests.send(len(rows))
        except StopIteration:
            return parts


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("says_total", [False, True])
@settings(deadline=None, max_examples=100)
@given(rows=st.integers(0, 1_050))
def test_every_row_comes_once_and_in_order(way: str, says_total: bool, rows: int) -> None:
    paging, answer = WAYS[way]
    vendor = PagedVendor(rows, answer, says_total=says_total)
    parts = read_whole(pager(**paging), vendor)
    assert [row for part in parts for row in part] == list(range(rows))
    assert len(vendor.asked) <= rows // 100 + 3


@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, max_examples=100)
@given(rows=st.integers(0, 450), size=st.integers(1, 99))
def test_a_vendor_that_gives_fewer_rows_at_a_time_than_asked_loses_none(way: str, rows: int, size: int) -> None:
    paging, answer = WAYS[way]
    parts = read_whole(pager(**paging), PagedVendor(rows, answer, size=size))
    assert [row for part in parts for row in part] == list(range(rows))


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
            read_page(pager(**paging), vendor, number, link, Facts())
            asked.append(vendor.asked)
        assert asked[0] == asked[1]


def test_pages_that_can_be_addressed_are_planned_from_a_total() -> None:
    assert [pager(kind="offset", limit=100).planned(total, None) for total in (None, 0, 1, 100, 101)] == [1, 1, 1, 1, 2]
    numbered = pager(kind="page-number", size="{page_size}", params={"page_size": 10})
    assert [numbered.planned(total, pages) for total, pages in ((None, None), (25, None), (25, 4), (0, 0))] == [
        1,
        3,
        4,
        1,
    ]
    assert [pager(kind=kind).planned(1_000, None) for kind in ("single", "link")] == [1, 1]
    assert [pager(**paging).is_addressable for paging, _ in WAYS.values()] == [True, True, False, False]
    assert not pager(kind="single").is_addressable


def test_a_page_that_learns_of_more_rows_plans_them_all() -> None:
    following = pager(kind="offset", limit=100).following(1, 100, Facts(total=1_000), 1)
    assert following.planned == 10
    assert pager(kind="page-number").following(1, 100, Facts(total_pages=7), 1).planned == 7


def test_numbers_and_sizes_go_where_the_source_says() -> None:
    numbered = pager(
        kind="page-number", size="{n}", first=0, number_param="pagination.page_index",
        size_param="pagination.page_size", place="json", params={"n": "50"},
    )  # fmt: skip
    address = next(numbered.addresses(2, None, Facts()))
    assert address.json_parts == {"pagination.page_index": 1, "pagination.page_size": 50}
    assert (address.query, address.values) == ({}, {"page_number": 1, "page_size": 50})
    sliced = next(pager(kind="offset", limit=9, limit_param="n", offset_param="from").addresses(3, None, Facts()))
    assert (sliced.query, sliced.values) == ({"n": 9, "from": 18}, {"limit": 9, "offset": 18})
    token = pager(kind="token", param="page.token", place="json")
    assert next(token.addresses(2, "abc", Facts())).json_parts == {"page.token": "abc"}


@pytest.mark.parametrize("size", ["0", "-1", "many", 0])
def test_a_page_size_that_is_none_fails(size: object) -> None:
    with pytest.raises(FailJob):
        pager(kind="page-number", size="{n}", params={"n": size})


def test_more_rows_than_asked_for_fail_since_the_next_slice_would_hold_them_again() -> None:
    requests = pager(kind="offset", limit=100).addresses(1, None, Facts())
    next(requests)
    with pytest.raises(FailJob, match="asked for 100 rows from row 0 on, got 605"):
        requests.send(605)


def test_a_count_of_pages_that_changes_starts_over_unless_rows_are_counted_too() -> None:
    numbered = pager(kind="page-number")
    with pytest.raises(StartOver, match="page 2 counts 6 pages"):
        numbered.following(2, 100, Facts(total_pages=6), 5)
    assert numbered.following(2, 100, Facts(total_pages=6, total=600), 5).planned == 6
    assert numbered.following(2, 100, Facts(total_pages=5), 5).planned == 5
    assert numbered.following(1, 0, Facts(total_pages=0), 1).planned == 1


@pytest.mark.parametrize("kind", [{"kind": "link"}, {"kind": "token", "param": "t"}])
def test_an_empty_answer_that_names_a_next_is_read_past(kind: dict[str, Any]) -> None:
    answers = {"0": (range(3), "1"), "1": (range(0), "2"), "2": (range(0), "3"), "3": (range(3, 5), None)}

    def answer(vendor: PagedVendor, address: Address) -> tuple[range, Facts]:
        rows, following = answers[address.link or address.query.get("t") or "0"]
        return rows, Facts(next=following)

    vendor = PagedVendor(5, answer)
    assert [row for part in read_whole(pager(**kind), vendor) for row in part] == list(range(5))
    assert len(vendor.asked) == 4


@pytest.mark.parametrize("rows", [0, 3])
def test_a_chain_that_comes_back_fails(rows: int) -> None:
    vendor = PagedVendor(3, lambda vendor, address: (range(rows), Facts(next="7")))
    with pytest.raises(FailJob, match="page 2 leads to a page that was read before"):
        read_page(pager(kind="link"), vendor, 2, "7", Facts())


def test_a_chain_of_empty_answers_fails() -> None:
    vendor = PagedVendor(0, lambda vendor, address: (range(0), Facts(next=str(len(vendor.asked)))))
    with pytest.raises(FailJob, match="20 empty answers in a row"):
        read_page(pager(kind="link"), vendor, 1, None, Facts())
