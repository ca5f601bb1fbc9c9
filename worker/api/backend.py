"""The dependencies of the API, services and Celery, which tests replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from worker.celery import messages_waiting, nudge_out_of, queues_served
from worker.services import Services, get_services

REDIS_RETRIES = 3
"""Few: a worker waits for a Redis that is away, but a caller should be told."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The services, created on first use, and what is needed of Celery: nudges, and the state of queues and workers."""

    services: Callable[[], Services] = lambda: get_services(REDIS_RETRIES)
    nudge_out_of: Callable[..., None] = nudge_out_of
    queues_served: Callable[[], dict[str, list[str]]] = queues_served
    messages_waiting: Callable[[], dict[str, int]] = messages_waiting
