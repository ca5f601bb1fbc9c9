"""Waiting for a vendor while a person waits: quotas and pauses are waited for, failures only for a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from worker.client.interactive_retry import LONGEST_IN_ALL_SECONDS, LONGEST_WAIT_SECONDS, USUAL_WAIT_SECONDS, retry
from worker.errors import FailJob, RetryLater


class Vendor:
    """Raises what it was given, one error after another, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self._errors: Iterator[Exception] = iter(errors)
        self.slept: list[float] = []
        self.said: list[str] = []

    def answer(self) -> str:
        for error in self._errors:
            raise error
        return "rows"

    def asked(self, most_failures: int = 1) -> str:
        return retry(self.answer, say=self.said.append, most_failures=most_failures, sleep=self.slept.append)


def quota(seconds: float) -> RetryLater:
    return RetryLater("quota", wait_seconds=seconds, is_attempt=False)


def test_a_quota_is_waited_for_and_a_short_wait_is_not_worth_a_word() -> None:
    vendor = Vendor(quota(0.5), quota(30))
    assert vendor.asked() == "rows"
    assert vendor.slept == [0.5, 30]
    assert vendor.said == ["quota; trying again in 30 s"]


def test_one_failure_is_enough_unless_more_are_worth_it() -> None:
    with pytest.raises(RetryLater, match="cut"):
        Vendor(RetryLater("cut")).asked()
    vendor = Vendor(RetryLater("cut"), quota(1), RetryLater("cut again"))
    assert vendor.asked(most_failures=3) == "rows"
    assert vendor.slept == [USUAL_WAIT_SECONDS, 1, USUAL_WAIT_SECONDS]
    with pytest.raises(RetryLater, match="third"):
        Vendor(RetryLater("first"), RetryLater("second"), RetryLater("third")).asked(most_failures=3)


def test_a_pause_of_an_hour_is_said_and_not_waited_for() -> None:
    vendor = Vendor(quota(LONGEST_WAIT_SECONDS + 1))
    with pytest.raises(RetryLater):
        vendor.asked()
    assert vendor.slept == []


def test_many_short_pauses_come_to_an_end() -> None:
    vendor = Vendor(*[quota(50)] * 100)
    with pytest.raises(RetryLater):
        vendor.asked()
    assert sum(vendor.slept) <= LONGEST_IN_ALL_SECONDS


def test_what_cannot_succeed_is_not_tried_again() -> None:
    vendor = Vendor(FailJob("refused"))
    with pytest.raises(FailJob, match="refused"):
        vendor.asked(most_failures=9)
    assert vendor.slept == []
