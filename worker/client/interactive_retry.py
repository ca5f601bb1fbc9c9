"""Retries within one command: while a person waits, the command can sleep until the vendor may be asked again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from worker.errors import RetryLater

LONGEST_WAIT_SECONDS = 60.0
LONGEST_IN_ALL_SECONDS = 300.0
USUAL_WAIT_SECONDS = 2.0

Given = TypeVar("Given")


def retry(
    act: Callable[[], Given],
    *,
    say: Callable[[str], None],
    most_failures: int = 1,
    sleep: Callable[[float], None] = time.sleep,
) -> Given:
    """Call `act` until it succeeds, and return its result.

    Waiting for a quota or a pause does not count as a failure, but is bounded too. Raises the RetryLater of the last
    failure allowed (`most_failures`), or of a wait that is too long. `say` is called with the reason for a longer wait.
    """
    failures, waited = 0, 0.0
    while True:
        try:
            return act()
        except RetryLater as later:
            failures += later.is_attempt
            wait = USUAL_WAIT_SECONDS if later.wait_seconds is None else later.wait_seconds
            waited += wait
            if failures >= most_failures or wait > LONGEST_WAIT_SECONDS or waited > LONGEST_IN_ALL_SECONDS:
                raise
            if later.is_attempt or wait >= USUAL_WAIT_SECONDS:
                say(f"{later}; trying again in {wait:g} s")
        sleep(wait)
