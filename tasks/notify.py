"""Tells a job's webhooks that it has ended."""

from __future__ import annotations

from worker.celery import app
from worker.jobs.webhook_delivery import deliver_notice
from worker.services import get_services


@app.task(name="report.notify")
def notify(job_id: str, number: int) -> str:
    """Deliver one notice if it is due. If that fails, the sweep sends this task again when it is due next."""
    return deliver_notice(get_services(), job_id, number)
