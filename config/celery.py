"""Celery's configuration: queues, routes, beat's schedule. docs/reliability.md explains why it is as it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kombu import Exchange, Queue

CONTROL, SWEEP, STREAM = "control", "sweep", "stream"

TASK_QUEUES = {
    "report.submit": CONTROL,
    "report.poll": CONTROL,
    "report.paginate": CONTROL,
    "report.finalize": CONTROL,
    "report.notify": CONTROL,
    "report.stream": STREAM,
    "report.sweep": SWEEP,
    "report.due": SWEEP,
}

DUE_SECONDS = 30

SOCKETS: dict[str, Any] = {
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 5,
}


def celery_settings(broker: Mapping[str, Any], sweep_seconds: float) -> dict[str, Any]:
    """The configuration of the Celery app; `broker` holds the settings that say where the broker is."""
    # No ack_emulation: a message that a worker has taken is only in its memory. The sweep replaces lost ones.
    options = {"ack_emulation": False, **SOCKETS}
    return {
        **broker,
        "broker_transport_options": {**options, **broker.get("broker_transport_options", {})},
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "result_backend": None,
        "task_ignore_result": True,
        # To Celery, `retry(max_retries=None)` means the task's own limit, which is 3. Only the ledger limits attempts.
        "task_annotations": {"*": {"max_retries": None}},
        "task_serializer": "json",
        "accept_content": ["json"],
        # One exchange per queue: with a shared one, every message would go to all three queues.
        "task_queues": [Queue(name, Exchange(name, "direct"), routing_key=name) for name in (CONTROL, SWEEP, STREAM)],
        "task_default_queue": CONTROL,
        "task_create_missing_queues": False,
        "task_routes": {name: {"queue": queue} for name, queue in TASK_QUEUES.items()},
        "worker_consumer": "worker.celery_patches:TerseConsumer",
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_max_tasks_per_child": 1_000,
        "imports": [
            f"tasks.{name}"
            for name in ("submit", "poll", "paginate", "stream", "finalize", "notify", "sweep", "due", "standby")
        ],
        # A beat without a state file: missed and repeated messages do no harm.
        "beat_scheduler": "celery.beat:Scheduler",
        "beat_schedule": {
            "sweep": {
                "task": "report.sweep",
                "schedule": timedelta(seconds=sweep_seconds),
                # A sweep that waited longer than its interval is followed by a fresh one anyway.
                "options": {"expires": sweep_seconds},
            },
            "due": {
                "task": "report.due",
                "schedule": timedelta(seconds=DUE_SECONDS),
                "options": {"expires": DUE_SECONDS},
            },
        },
    }
