"""streaming -> streamed, page by page: read one page incrementally and publish it."""

from __future__ import annotations

from contextlib import closing

from celery import Task

from tasks.backpressure import Backpressure
from tasks.lease import Heartbeat
from tasks.step import JobFailed, run
from worker.celery import app, nudge
from worker.client.pages import Page
from worker.client.vendor import Vendor
from worker.errors import FailJob, LeaseLost, ReportNotFound, RetryLater, StartOver
from worker.jobs.column_changes import record_columns
from worker.metrics import count
from worker.model import Checkpoint, Job, Lease
from worker.observe import Event, log
from worker.publish.pipeline import Publication
from worker.services import Services
from worker.sinks.sink import Sink


@app.task(name="report.stream", bind=True, acks_late=True, reject_on_worker_lost=False, throws=(JobFailed,))
def stream(self: Task, job_id: str, page: int) -> str | None:
    """Publish the rows of one page that the sink does not have yet, and nudge the pages that follow."""
    return run(self, lambda ledger: ledger.take_page(job_id, page), _stream)


def _stream(services: Services, lease: Lease, heartbeat: Heartbeat) -> str:
    vendor = services.vendor(lease.job)
    page = vendor.page(lease.page, lease.link)
    heartbeat.set_hang_up(page.hang_up)
    with services.sink(lease.job) as sink:
        try:
            end = _publish(services, lease, heartbeat, vendor, sink, page)
        except ReportNotFound as gone:
            if _is_just_ready(services, lease.job, heartbeat.now()):
                raise RetryLater(f"{gone}, or does not have it yet") from None
            raise
    _close_page(services, lease, heartbeat, vendor, page, end)
    return f"page {lease.job.generation}.{lease.page}: {end.rows:,} rows"


def _is_just_ready(services: Services, job: Job, now: float) -> bool:
    """Has the report only just become ready? Storage may show a new file some seconds late."""
    poll = services.report(job).poll
    return poll is not None and now - (job.ready_at or 0) <= poll.missing_link_grace_seconds


def _publish(
    services: Services, lease: Lease, heartbeat: Heartbeat, vendor: Vendor, sink: Sink, page: Page
) -> Checkpoint:
    backpressure = Backpressure(heartbeat, hold_seconds=0 if vendor.is_addressable else services.settings.hold_seconds)

    def note_commit(at: Checkpoint) -> None:
        backpressure.reset()
        heartbeat.note_progress(at)

    publication = Publication(
        sink,
        lease.job.generation,
        lease.page,
        on_read=heartbeat.check,
        on_commit=note_commit,
        on_full=backpressure.wait,
    )
    start = publication.start()
    if lease.attempts:
        # A worker died or gave up on this page before, and may have left unfinished files.
        sink.remove_abandoned(lease.job.generation, lease.page)
    if start.rows:
        log.info(Event.TAKEN_OVER, rows=start.rows)
        # The last worker may have died before it reported these rows to the ledger.
        heartbeat.note_progress(start)
    with closing(page.blocks()) as blocks:
        end = publication.publish(record_columns(services, lease.job, blocks))
    publication.close(end)
    of = (lease.job.connection, lease.job.report)
    count(services.redis, "millrace_commits_total", *of, by=publication.commits)
    count(services.redis, "millrace_commit_seconds_total", *of, by=publication.commit_seconds)
    return end


def _close_page(
    services: Services, lease: Lease, heartbeat: Heartbeat, vendor: Vendor, page: Page, end: Checkpoint
) -> None:
    job = lease.job
    facts = page.facts
    following = vendor.follow(lease.page, facts, job.pages)
    # Reported together with the closing of the page, so that no progress is reported twice or not at all.
    rows, dead_rows, bytes_ = heartbeat.take_unreported(end)
    outcome, out = services.ledger.close_page(
        lease,
        end,
        planned=following.planned,
        is_open=following.is_open,
        link=following.link,
        total=facts.total,
        last_count=vendor.last_count(lease.page, facts, job.pages),
        at_once=services.connection(job).limits.streams_at_once,
        rows=rows,
        dead_rows=dead_rows,
        bytes_=bytes_,
        has_end=facts.has_end,
    )
    if outcome == "lost":
        raise LeaseLost("when the page was closed")
    if outcome == "total":
        raise StartOver(f"page {lease.page} counts {facts.total} rows in all, but another page counted differently")
    if outcome == "repeated":
        raise FailJob(vendor.explain_repeat(lease.page, out[0]))
    if outcome == "loop":
        raise FailJob(f"page {lease.page} links to a page that was read before")
    log.info(Event.PAGE_CLOSED, rows=end.rows, dead_rows=end.dead_rows)
    if outcome == "streamed":
        nudge("report.finalize", job.id)
    for number in out:
        nudge("report.stream", job.id, number)
