"""Patches Celery's events, which Flower shows: a step to be retried is shown as such, and events are sent together."""

from __future__ import annotations

from typing import Any

from celery.events.state import Task
from celery.exceptions import Retry
from celery.states import RETRY
from celery.worker.consumer import Consumer

EVENTS_WAIT_SECONDS = 0.1
"""How long an event waits to be sent together with others."""


def show_retries() -> None:
    """Make Flower show a step that waits for its next attempt as RETRY, with only the reason as its exception.

    A worker receives the message of the next attempt at once and holds it until it is due. Flower would show the step
    as RECEIVED from then on, which hides that it is being retried.
    """
    apply_event = Task.event

    def event(
        self: Task,
        type_: str,
        timestamp: float,
        local_received: float,
        fields: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        is_held = type_ == "received" and self.state == RETRY and bool(fields and fields.get("eta"))
        if not is_held:
            apply_event(self, type_, timestamp, local_received, fields, **more)

    Task.event = event
    Retry.__repr__ = lambda retry: str(retry.excs or retry.message)


def send_events_together() -> None:
    """Send the events of a tenth of a second in one message. By default each is sent at once: three for each poll."""
    Consumer.on_send_event_buffered = _schedule_sending


def _schedule_sending(consumer: Any) -> None:
    if consumer.hub and not vars(consumer).get("_sends_events"):
        consumer._sends_events = True
        consumer.hub.call_later(EVENTS_WAIT_SECONDS, _send, consumer)


def _send(consumer: Any) -> None:
    consumer._sends_events = False
    consumer._flush_events()
