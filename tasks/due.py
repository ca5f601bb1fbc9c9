"""The task `report.due`: creates the jobs that the schedule owes."""

from __future__ import annotations

from datetime import UTC, datetime

from config.celery import DUE_SECONDS
from worker.celery import app, nudge_out_of
from worker.errors import BadInput
from worker.observe import Event, log
from worker.schedule.due import serve
from worker.services import Services, get_services


@app.task(name="report.due", send_events=False)  # with events, Flower would show little else
def due() -> None:
    """Create the jobs that are due; beat sends this task."""
    services = get_services()
    services.ledger.note_run("due", DUE_SECONDS)
    serve_schedule(services)


def serve_schedule(services: Services) -> None:
    """Create every job that the schedule owes by now. May be repeated, and run by several workers at once."""
    try:
        made = serve(services, datetime.fromtimestamp(services.ledger.now(), UTC))
    except BadInput as bad:
        log.error(Event.SCHEDULE_REFUSED, why=str(bad))
        return
    for job in made:
        nudge_out_of("queued", job)
