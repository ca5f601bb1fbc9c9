"""Finds unfinished work that is overdue and without a worker, and nudges it again."""

from __future__ import annotations

from worker.assembly import assembly
from worker.celery import app, nudge
from worker.observe import Event, log

STEP_FOR = {
    "queued": "report.submit",
    "ready": "report.paginate",
    "streamed": "report.finalize",
    "verdict": "report.finalize",
}


@app.task(name="report.sweep")
def sweep() -> None:
    """Nudge what is overdue; a nudge too many finds nothing to do."""
    ledger = assembly().ledger
    for job, page, state, poll in ledger.overdue():
        log.info(Event.SWEPT, job=job, page=page, state=state)
        if state == "pending":
            nudge("report.poll", job, poll)
        elif state == "streaming" and page:
            nudge("report.stream", job, page)
        elif state in STEP_FOR and page is None:
            nudge(STEP_FOR[state], job)
    ledger.forget_finished(ledger.now())
