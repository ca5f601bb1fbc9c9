"""The task `report.notify`: tells a webhook that a job has ended."""

from __future__ import annotations

from worker.celery import app
from worker.jobs.webhook_delivery import deliver_due_notices
from worker.services import get_services


@app.task(name="report.notify")
def notify(job_id: str, number: int) -> str:
    """Deliver one notice if it is due, then others. The sweep sends this task again for each that is due again."""
    return deliver_due_notices(get_services(), job_id, number)
