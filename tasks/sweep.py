"""The task `report.sweep`: finds overdue work whose message was lost or whose worker died, and nudges it again."""

from __future__ import annotations

from worker.celery import app, nudge, nudge_out_of
from worker.jobs.webhook_delivery import due_notices
from worker.observe import Event, log
from worker.services import Services, get_services


@app.task(name="report.sweep", send_events=False)  # with events, Flower would show little else
def sweep() -> str:
    """Nudge all overdue work; beat sends this task."""
    services = get_services()
    services.ledger.note_run("sweep", services.settings.sweep_seconds)
    return f"{nudge_overdue(services)} nudged"


def nudge_overdue(services: Services) -> int:
    """Nudge all overdue work; returns how many pieces there were. A nudge that is not needed does nothing."""
    overdue = services.ledger.overdue()
    for job, page, state, poll in overdue:
        log.info(Event.SWEPT, job=job, page=page, state=state)
        nudge_out_of(state, job, number=page or poll)
    for job, number in due_notices(services):
        nudge("report.notify", job, number)
    services.ledger.forget_finished(services.ledger.now())
    return len(overdue)
