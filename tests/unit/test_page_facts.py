"""What pages say beside their rows: the next page, in a header, and the count of all rows."""

from __future__ import annotations

import pytest

from worker.errors import FailJob, StartOver
from worker.paging.chain import next_in_link_header
from worker.paging.pager import reconcile_total


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://h/x?page=2>; rel="next"', "https://h/x?page=2"),
        ("<https://h/x?page=2>; rel=next", "https://h/x?page=2"),
        ('<https://h/x>; rel="last", <https://h/y?a=1,2>; rel="next"', "https://h/y?a=1,2"),
        ('<https://h/x>; title="rel=\\"next\\", no"; rel="prev", </y>;REL = "last NEXT"', "/y"),
        ('</x>; title="a; rel=prev"; rel="next"', "/x"),
        ("</x>; rel='next'", "/x"),
        ("< /x >; rel=next", "/x"),
        ('</x>; rev="next"', None),
        ('</x>; rel="nextish"', None),
        ('</x>; rel="prev"', None),
        ("</x>", None),
        ("<>; rel=next", None),
        ("", None),
        ('<<<>>;rel="', None),
        ("<" * 100_000, None),
    ],
)
def test_the_next_page_is_found_in_a_link_header(header: str, link: str | None) -> None:
    assert next_in_link_header(header) == link


@pytest.mark.parametrize("header", ["/x?page=2; rel=next", '<</x>; rel="next', 'https://h/x; rel = "next"'])
def test_a_link_header_that_cannot_be_read_is_not_the_end(header: str) -> None:
    with pytest.raises(FailJob, match="the `Link` header names a next page, but not as"):
        next_in_link_header(header)


@pytest.mark.parametrize(
    ("known", "now", "holds"),
    [
        (None, None, None),
        (None, 605, 605),
        (605, None, 605),
        (605, 605, 605),
        (605, -1, 605),
        (None, -1, None),
        (0, 0, 0),
        (12_345, 10_000, 12_345),
        (10_000, 12_345, 10_000),
        (10_000, 0, 10_000),
    ],
)
def test_the_first_count_is_kept_if_none_contradicts_it(known: int | None, now: int | None, holds: int | None) -> None:
    assert reconcile_total(known, now, capped_at=10_000) == holds


@pytest.mark.parametrize(("known", "now"), [(605, 606), (605, 0), (0, 1), (0, 10_000), (605, 10_000), (10_000, 9_999)])
def test_a_count_that_changes_starts_over(known: int, now: int) -> None:
    with pytest.raises(StartOver, match=rf"counted {known} rows before and counts {now} now"):
        reconcile_total(known, now, capped_at=10_000)
