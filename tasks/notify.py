"""Tells whoever named a webhook that a job has ended."""

from __future__ import annotations

from worker.celery import app
from worker.jobs.notices import deliver_notice
from worker.services import get_services


@app.task(name="report.notify")
def notify(job_id: str, number: int) -> str:
    """Deliver one notice, if it is due; what is not heard the sweep sends again when its time comes."""
    return deliver_notice(get_services(), job_id, number)
