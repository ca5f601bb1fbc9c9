"""What Celery tells whoever watches, Flower among them, about a step that will be tried again."""

from __future__ import annotations

from typing import Any

from celery.events.state import Task
from celery.exceptions import Retry
from celery.states import RETRY


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
