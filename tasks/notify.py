"""The task `report.notify`: tells a webhook that a job has ended."""

from __future__ import annotations

from worker.celery import app
from worker.jobs.webhook_delivery import deliver_notice
from worker.services import get_services


@app.task(name="report.notify")
def notify(job_id: str, number: int) -> str:
    """Deliver one notice if it is due. If that fails, the sweep sends this task again when the notice is next due."""
    return deliver_notice(get_services(), job_id, number)
