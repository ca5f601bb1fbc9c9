"""A connection's quota, shared or not: never more requests than allowed, and no wait occupies a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledgers import Clock
from worker.errors import RetryLater
from worker.sources.schema import Limits
from worker.transport.quota import LONGEST_QUEUE_SECONDS, OwnQuota, Quota, ReportLimit, SharedQuota
from worker.transport.tokens import Grant, SharedTokens, Turn


@dataclass
class Time(Clock):
    """A clock that sleeping moves on."""

    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def make(kind: str, time: Time, rate: float) -> Callable[[], Quota]:
    limits = Limits(requests_per_second=rate)
    if kind == "own":
        own = OwnQuota("acme", limits, sleep=time.sleep, clock=time)
        return lambda: own
    server = fakeredis.FakeServer(version=(6, 2))
    return lambda: SharedQuota(fakeredis.FakeRedis(server=server), "acme", limits, sleep=time.sleep, clock=time)


@pytest.fixture(params=["shared", "own"])
def quota(request: pytest.FixtureRequest, time: Time) -> Callable[[], Quota]:
    return make(request.param, time, 10)


Make = Callable[[], Quota]


def test_what_was_saved_up_goes_at_once_and_the_rest_one_interval_apart(quota: Make, time: Time) -> None:
    for _ in range(10):
        quota().wait_turn()
    assert time.slept == pytest.approx([0.1] * 4, abs=1e-4)


def test_a_longer_wait_gives_the_work_back_and_is_not_counted_as_an_attempt(quota: Make, time: Time) -> None:
    for _ in range(6):
        quota().wait_turn(patience_seconds=0)
    with pytest.raises(RetryLater, match="acme has used up its quota") as caught:
        quota().wait_turn(patience_seconds=0)
    error = caught.value
    assert (error.is_attempt, error.is_unsent) == (False, True)
    assert error.wait_seconds is not None
    time.now += error.wait_seconds
    quota().wait_turn(patience_seconds=0)
    assert time.slept == []


def test_a_turn_brings_the_token_in_use_unless_that_is_to_be_renewed_by_then(time: Time) -> None:
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(6, 2)))
    tokens = SharedTokens(redis, "acme", "place", clock=time)
    quota = SharedQuota(redis, "acme", Limits(requests_per_second=1), sleep=time.sleep, clock=time)
    assert quota.wait_turn(token_key=tokens.key) is None
    turn = tokens.take()
    assert isinstance(turn, Turn)
    kept = tokens.keep(turn, Grant("t1", 100))
    time.now += 79.5
    assert quota.wait_turn(token_key=tokens.key) == kept
    assert quota.wait_turn(token_key=tokens.key) is None  # this turn comes a second later
    assert time.slept == [1]


@pytest.mark.parametrize("kind", ["shared", "own"])
@settings(deadline=None, max_examples=40)
@given(gaps=st.lists(st.floats(0, 1), max_size=30))
def test_no_second_ever_sees_more_than_the_rate_and_what_was_saved_up(kind: str, gaps: list[float]) -> None:
    time = Time()
    quota = make(kind, time, 4)
    sent = []
    for gap in gaps:
        time.now += gap
        quota().wait_turn(patience_seconds=1000)
        sent.append(time.now)
    for start in sent:
        # The rate, half a second's worth that was saved up, and the one that begins the second.
        assert sum(start <= moment < start + 1 for moment in sent) <= 4 + 2 + 1
    assert all(earlier <= later for earlier, later in pairwise(sent))


def test_clients_that_must_wait_get_different_times(time: Time) -> None:
    quota = make("shared", time, 10)
    waits = []
    for _ in range(700):
        try:
            quota().wait_turn(patience_seconds=0)
        except RetryLater as later:
            waits.append(later.wait_seconds or 0)
    assert waits == sorted(waits)
    assert waits[100] - waits[0] == pytest.approx(10)
    assert max(waits) == LONGEST_QUEUE_SECONDS


def test_a_pause_stops_everybody_is_never_shortened_and_ends(quota: Make, time: Time) -> None:
    assert quota().pause(30) is True
    assert quota().pause(10) is False
    with pytest.raises(RetryLater, match="acme is paused by the vendor") as caught:
        quota().wait_turn()
    assert caught.value.wait_seconds == pytest.approx(30)
    assert not caught.value.is_attempt
    time.now += 29.5
    quota().wait_turn()
    assert time.slept == [pytest.approx(0.5)]
    for _ in range(10):
        quota().wait_turn()
    assert sum(time.slept[1:]) == pytest.approx(0.5, abs=0.11)


# ---------------------------------------------------------------- reports in preparation


@pytest.fixture
def report_limit(time: Time) -> Callable[[], ReportLimit]:
    server = fakeredis.FakeServer(version=(6, 2))
    limits = Limits(reports_at_once=2)
    return lambda: ReportLimit(fakeredis.FakeRedis(server=server), "acme", limits, clock=time)


def test_no_more_reports_are_in_preparation_than_the_vendor_allows(report_limit: Callable[[], ReportLimit]) -> None:
    assert [report_limit().claim(job) for job in ("a", "b", "c")] == [True, True, False]
    assert report_limit().claim("a")
    report_limit().release("a")
    report_limit().release("a")
    assert [report_limit().claim(job) for job in ("c", "a")] == [True, False]


def test_a_claim_that_is_not_renewed_expires_and_a_renewed_one_does_not(
    report_limit: Callable[[], ReportLimit], time: Time
) -> None:
    assert [report_limit().claim(job) for job in ("a", "b")] == [True, True]
    time.now += 1_000
    report_limit().renew("a")
    time.now += 1_000
    assert [report_limit().claim(job) for job in ("c", "d")] == [True, False]


def test_a_report_already_in_preparation_is_counted_even_where_it_is_one_too_many(
    report_limit: Callable[[], ReportLimit],
) -> None:
    assert [report_limit().claim(job) for job in ("a", "b")] == [True, True]
    report_limit().renew("c")
    report_limit().release("a")
    assert not report_limit().claim("d")
