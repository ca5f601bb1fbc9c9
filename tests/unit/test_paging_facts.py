"""What pages say beside their rows."""

from __future__ import annotations

import pytest

from worker.errors import StartOver
from worker.paging.chain import next_in_link_header
from worker.paging.pager import reconcile_total


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://h/x?page=2>; rel="next"', "https://h/x?page=2"),
        ("<https://h/x?page=2>; rel=next", "https://h/x?page=2"),
        ('<https://h/x>; rel="last", <https://h/y?a=1,2>; rel="next"', "https://h/y?a=1,2"),
        ('<https://h/x>; title="rel=\\"next\\", no"; rel="prev", </y>;REL = "last NEXT"', "/y"),
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


@pytest.mark.parametrize(
    ("known", "said", "holds"),
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
    ],
)
def test_the_first_count_stands_where_none_contradicts_it(
    known: int | None, said: int | None, holds: int | None
) -> None:
    assert reconcile_total(known, said, capped_at=10_000) == holds


@pytest.mark.parametrize(("known", "said"), [(605, 606), (605, 0), (0, 1), (605, 10_000), (10_000, 9_999)])
def test_a_count_that_changes_starts_over(known: int, said: int) -> None:
    with pytest.raises(StartOver, match=rf"counted {known} rows in all, now {said}"):
        reconcile_total(known, said, capped_at=10_000)
