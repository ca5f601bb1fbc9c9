"""Turns the schedule into jobs when their times come."""

from __future__ import annotations

from datetime import UTC, datetime

from worker.celery import app, nudge_out_of
from worker.errors import BadInput
from worker.observe import Event, log
from worker.schedule.due import serve
from worker.services import get_services


@app.task(name="report.due")
def due() -> None:
    """Make the jobs the schedule owes by now; a second run at the same time finds them made."""
    services = get_services()
    try:
        made = serve(services, datetime.fromtimestamp(services.ledger.now(), UTC))
    except BadInput as bad:
        log.error(Event.SCHEDULE_REFUSED, why=str(bad))
        return
    for job in made:
        nudge_out_of("queued", job)
