"""Finds unfinished work that is overdue and without a worker, and nudges it again."""

from __future__ import annotations

from worker.celery import app, nudge, nudge_out_of
from worker.jobs.notices import due_notices
from worker.observe import Event, log
from worker.services import Services, get_services


@app.task(name="report.sweep")
def sweep() -> None:
    """Nudge what is overdue, as beat says."""
    services = get_services()
    services.ledger.note_run("sweep", services.settings.sweep_seconds)
    nudge_overdue(services)


def nudge_overdue(services: Services) -> None:
    """Send the step of whatever is overdue again; a nudge too many finds nothing to do."""
    for job, page, state, poll in services.ledger.overdue():
        log.info(Event.SWEPT, job=job, page=page, state=state)
        nudge_out_of(state, job, number=page or poll)
    for job, number in due_notices(services):
        nudge("report.notify", job, number)
    services.ledger.forget_finished(services.ledger.now())
