"""What watchers are shown of a step that waits for its next attempt."""

from __future__ import annotations

from celery.events.state import Task
from celery.exceptions import Retry

from worker.celery_events import show_retries
from worker.errors import RetryLater


def test_a_step_that_waits_for_its_next_attempt_shows_as_retry_until_that_begins() -> None:
    show_retries()
    task, states = Task(uuid="1"), []
    events = {"received": {}, "started": {}, "retried": {"exception": "busy"}}
    later = {"received": {"eta": "2026-11-26T01:00:15"}, "started": {}, "succeeded": {"result": "'ready'"}}
    for at, (kind, fields) in enumerate([*events.items(), *later.items()]):
        task.event(kind, float(at), float(at), dict(fields))
        states.append(task.state)
    assert states == ["RECEIVED", "STARTED", "RETRY", "RETRY", "STARTED", "SUCCESS"]


def test_the_reason_alone_stands_as_the_exception() -> None:
    show_retries()
    assert repr(Retry(exc=RetryLater("the vendor is busy"), when=15)) == "RetryLater('the vendor is busy')"
    assert repr(Retry("soon")) == "soon"
