"""What the API works with; tests bring their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from worker.celery import messages_waiting, nudge_out_of, queues_served
from worker.services import Services, get_services

REDIS_RETRIES = 3
"""A caller is told that Redis is away; a worker waits for it."""


def process_services() -> Services:
    """The services of this process."""
    return get_services(REDIS_RETRIES)


@dataclass(frozen=True, slots=True)
class Parts:
    """The services, made on first use, and Celery: how a step is nudged and what is known of queues and workers."""

    services: Callable[[], Services] = process_services
    nudge_out_of: Callable[..., None] = nudge_out_of
    queues_served: Callable[[], dict[str, list[str]]] = queues_served
    messages_waiting: Callable[[], dict[str, int]] = messages_waiting
