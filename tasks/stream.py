"""streaming -> streamed, page by page: read one page incrementally and publish it."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial

from celery import Task

from tasks.backpressure import Backpressure
from tasks.heartbeat import Heartbeat
from tasks.step import JobFailed, run
from worker.celery import app, is_stopping, nudge
from worker.client.pages import Page
from worker.client.vendor import Vendor
from worker.errors import FailJob, LeaseLost, ReportNotFound, RetryLater, StartOver
from worker.jobs.column_changes import record_columns
from worker.ledger import Ledger
from worker.metrics import count
from worker.model import Checkpoint, Job, Lease
from worker.observe import Event, log
from worker.publish.pipeline import Publication
from worker.services import Services
from worker.sinks.sink import Sink

GO_ON_SECONDS = 1.0
"""How long one message may keep a worker, apart from its last page: other jobs' pages wait meanwhile."""


@app.task(name="report.stream", bind=True, acks_late=True, reject_on_worker_lost=False, throws=(JobFailed,))
def stream(self: Task, job_id: str, page: int) -> str | None:
    """Publish the rows of one page that the sink does not have yet, and nudge the pages that follow.

    One of them is read here as well, and one after that, as long as the pages are small: a message for each would cost
    more than the page. Each has its own lease, as if it had come by a message.
    """
    until = time.monotonic() + GO_ON_SECONDS
    answer, pages, read = None, [page], 0
    while pages:
        number = pages.pop()
        answer = run(self, partial(Ledger.take_page, job_id=job_id, page=number), partial(_stream, until, pages))
        read += 1
    return answer if read == 1 else f"{read:,} pages, the last: {answer}"


def _stream(until: float, go_on_with: list[int], services: Services, lease: Lease, heartbeat: Heartbeat) -> str:
    """Publish one page. If a page that follows is to be read before the time `until`, it is put into `go_on_with`."""
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
    following = _close_page(services, lease, heartbeat, vendor, page, end)
    if following and time.monotonic() < until and not is_stopping():
        go_on_with.append(following.pop(0))
    for number in following:
        nudge("report.stream", lease.job.id, number)
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
) -> list[int]:
    """Close the page in the ledger; returns the pages to read next."""
    job = lease.job
    facts = page.facts
    following = vendor.follow(lease.page, facts, job.pages)
    outcome, out = services.ledger.close_page(
        lease,
        end,
        planned=following.planned,
        is_open=following.is_open,
        link=following.link,
        total=facts.total,
        last_count=vendor.last_count(lease.page, facts, job.pages),
        at_once=services.connection(job).limits.streams_at_once,
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
    return [int(number) for number in out]
