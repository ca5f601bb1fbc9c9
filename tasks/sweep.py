"""Finds unfinished work that is overdue and without a worker, and nudges it again."""

from __future__ import annotations

from worker.celery import app, nudge_out_of
from worker.observe import Event, log
from worker.services import get_services


@app.task(name="report.sweep")
def sweep() -> None:
    """Nudge what is overdue; a nudge too many finds nothing to do."""
    ledger = get_services().ledger
    for job, page, state, poll in ledger.overdue():
        log.info(Event.SWEPT, job=job, page=page, state=state)
        nudge_out_of(state, job, number=page or poll)
    ledger.forget_finished(ledger.now())
