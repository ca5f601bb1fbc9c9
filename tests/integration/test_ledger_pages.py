"""The ledger hands out a job's pages, and closes each once, on a real Redis."""

from __future__ import annotations

import pytest

from tests.ledgers import Clock, close, ending, held, job, streaming
from tests.ledgers import clock as clock
from tests.ledgers import ledger as ledger
from worker.ledger import Ledger


def test_at_most_so_many_pages_are_out_and_each_that_closes_lets_the_next_out(ledger: Ledger) -> None:
    assert streaming(ledger, 5, at_once=2) == [1, 2]
    assert close(ledger, 1, at_once=2) == ("closed", [3])
    assert close(ledger, 3, at_once=2) == ("closed", [4])


def test_the_last_page_to_close_moves_the_job_to_streamed_once(ledger: Ledger, clock: Clock) -> None:
    streaming(ledger, 2)
    assert close(ledger, 2) == ("closed", [])
    clock.now += 21
    assert ledger.overdue() == [("j", 1, "streaming", 0)]
    assert close(ledger, 1) == ("streamed", [])
    assert job(ledger).state == "streamed"
    assert ledger.take_page("j", 1) == "the job is streamed"
    assert ledger.overdue() == []
    clock.now += 21
    assert ledger.overdue() == [("j", None, "streamed", 0)]


def test_a_page_registers_the_next_one_in_the_move_that_closes_it(ledger: Ledger) -> None:
    streaming(ledger, 1)
    assert close(ledger, 1, planned=2, link="/next?page=2") == ("closed", [2])
    assert held(ledger.take_page("j", 2)).link == "/next?page=2"


def test_a_link_seen_before_is_a_loop(ledger: Ledger) -> None:
    streaming(ledger, 1)
    close(ledger, 1, planned=2, link="/a")
    assert close(ledger, 2, planned=3, link="/a")[0] == "loop"


def test_pages_with_different_counts_are_noticed(ledger: Ledger) -> None:
    streaming(ledger, 2)
    assert close(ledger, 1, total=605)[0] == "closed"
    assert close(ledger, 2, total=606)[0] == "total"


def test_neighbouring_pages_with_the_same_rows_are_noticed_in_any_order(ledger: Ledger) -> None:
    streaming(ledger, 4)
    assert close(ledger, 3, end=ending(200, "same"))[0] == "closed"
    assert close(ledger, 1, end=ending(200, "same"))[0] == "closed"
    assert close(ledger, 2, end=ending(200, "same")) == ("repeated", [1])
    assert close(ledger, 4, end=ending(200, "same")) == ("repeated", [3])


def test_pages_without_a_count_that_begin_again_at_the_first_are_noticed(ledger: Ledger) -> None:
    streaming(ledger, 1)
    for page in (1, 2, 3):
        assert close(ledger, page, end=ending(200, str(page)), planned=page + 1) == ("closed", [page + 1])
    assert close(ledger, 4, end=ending(200, "1"), planned=5) == ("repeated", [1])


def test_rows_of_the_first_page_may_come_again_if_all_pages_are_known(ledger: Ledger) -> None:
    streaming(ledger, 4)
    for page, digest in ((1, "same"), (2, "other"), (4, "same")):
        assert close(ledger, page, end=ending(200, digest), planned=4)[0] == "closed"


def test_a_chain_that_comes_back_to_the_rows_of_any_page_is_noticed(ledger: Ledger) -> None:
    streaming(ledger, 1)
    assert close(ledger, 1, end=ending(1, "a"), planned=2, link="/2", last_count=3) == ("closed", [2])
    assert close(ledger, 2, end=ending(1, "b"), planned=3, link="/1?again", last_count=3) == ("closed", [3])
    assert close(ledger, 3, end=ending(1, "a"), planned=4, link="/2?again", last_count=3) == ("repeated", [1])


@pytest.mark.parametrize("link", ["/more", None])
def test_a_page_reached_by_a_link_is_compared_with_all_before_it(ledger: Ledger, link: str | None) -> None:
    streaming(ledger, 1)
    for page, digest in enumerate("abc", 1):
        close(ledger, page, end=ending(1, digest), planned=page + 1, link=f"/{page + 1}")
    assert close(ledger, 4, end=ending(1, "b"), planned=5 if link else 0, link=link) == ("repeated", [2])


def test_a_page_opened_again_may_have_the_link_and_the_rows_that_it_had(ledger: Ledger) -> None:
    streaming(ledger, 1)
    close(ledger, 1, end=ending(1, "a"), planned=2, link="/2")
    assert close(ledger, 2, end=ending(1, "b")) == ("streamed", [])
    assert ledger.reopen_pages(held(ledger.take("j", "streamed")), (1,))
    assert close(ledger, 1, end=ending(1, "a"), planned=2, link="/2") == ("streamed", [])


def test_a_link_that_was_followed_is_a_circle_even_where_the_count_is_met(ledger: Ledger) -> None:
    streaming(ledger, 1)
    close(ledger, 1, end=ending(1, "a"), planned=2, link="/2", last_count=3)
    close(ledger, 2, end=ending(1, "b"), planned=3, link="/1", last_count=3)
    assert close(ledger, 3, end=ending(1, "c"), planned=4, link="/2", last_count=3)[0] == "loop"


def test_empty_pages_repeat_nothing(ledger: Ledger) -> None:
    streaming(ledger, 2)
    assert close(ledger, 1, end=ending(0, "nothing"))[0] == "closed"
    assert close(ledger, 2, end=ending(0, "nothing"))[0] == "streamed"


def test_nothing_beyond_the_count_is_requested(ledger: Ledger) -> None:
    streaming(ledger, 1)
    assert close(ledger, 1, end=ending(100), planned=2, link="/2", last_count=150) == ("closed", [2])
    assert close(ledger, 2, end=ending(50), planned=3, link="/3", last_count=150) == ("streamed", [])


def test_one_more_page_is_opened_only_if_all_known_ones_have_fewer_rows_than_the_count(ledger: Ledger) -> None:
    streaming(ledger, 2)
    assert close(ledger, 2, end=ending(40), last_count=150, is_open=True) == ("closed", [])
    assert close(ledger, 1, end=ending(100), last_count=150, is_open=True) == ("closed", [3])
    assert close(ledger, 3, end=ending(0), last_count=150) == ("streamed", [])


def test_a_page_opened_again_is_counted_once(ledger: Ledger) -> None:
    streaming(ledger, 2)
    close(ledger, 1, end=ending(100), last_count=150)
    assert close(ledger, 2, end=ending(50), last_count=150) == ("streamed", [])
    assert ledger.reopen_pages(held(ledger.take("j", "streamed")), (2,))
    assert close(ledger, 2, end=ending(40), last_count=150, is_open=True) == ("closed", [3])


def test_pages_the_sink_lacks_are_opened_again_by_the_lease_that_found_it_out(ledger: Ledger, clock: Clock) -> None:
    streaming(ledger, 2)
    close(ledger, 1)
    close(ledger, 2)
    lease = held(ledger.take("j", "streamed"))
    assert ledger.reopen_pages(lease, (2,))
    assert not ledger.reopen_pages(lease, (1,)), "the job is streaming"
    assert ledger.overdue() == []
    clock.now += 30
    assert ledger.overdue() == [("j", 2, "streaming", 0)]
    assert ledger.take_page("j", 1) == "the page is closed"
    assert close(ledger, 2) == ("streamed", [])
    assert held(ledger.take("j", "streamed")).attempts == 0
