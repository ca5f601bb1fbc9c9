"""What Celery tells whoever watches, Flower among them: of steps that will be tried again, in how many messages."""

from __future__ import annotations

from typing import Any

from celery.events.state import Task
from celery.exceptions import Retry
from celery.states import RETRY
from celery.worker.consumer import Consumer

EVENTS_WAIT_SECONDS = 0.1
"""How long an event waits for others."""


def show_retries() -> None:
    """Let a step that waits for its next attempt show as RETRY, and only the reason as its exception.

    A worker takes the message of the next attempt at once and holds it until its time. Watchers would show the step as
    RECEIVED from then on, and nobody would see that it is being tried again.
    """
    hear = Task.event

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
            hear(self, type_, timestamp, local_received, fields, **more)

    Task.event = event
    Retry.__repr__ = _reason


def _reason(retry: Retry) -> str:
    return str(retry.excs or retry.message)


def send_events_together() -> None:
    """Let one message carry what happens within a tenth of a second. Celery sends each event at once: three a poll."""
    Consumer.on_send_event_buffered = _send_soon


def _send_soon(consumer: Any) -> None:
    if consumer.hub and not vars(consumer).get("_sends_events"):
        consumer._sends_events = True
        consumer.hub.call_later(EVENTS_WAIT_SECONDS, _send, consumer)


def _send(consumer: Any) -> None:
    consumer._sends_events = False
    consumer._flush_events()
