"""Traces each step as a span in the trace of its job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import Retry

from worker.errors import RetryLater
from worker.ledger import Ledger
from worker.model import Lease
from worker.tracing import Span, span


@contextmanager
def step_span(name: str, ledger: Ledger, lease: Lease) -> Iterator[Span]:
    """A span around one step, in the trace of its job; if the job has no trace yet, this step begins it.

    The span fails if the step will be retried because of an error, but not if the step only waits.
    """
    job = lease.job
    attributes: dict[str, str | int] = {
        "connection": job.connection,
        "report": job.report,
        "job": job.id,
        "state": job.state,
        "generation": job.generation,
        **({"page": lease.page} if lease.page else {}),
    }
    with span(name, job.traceparent, attributes) as made:
        if made.traceparent and job.traceparent is None:
            ledger.note(lease, traceparent=made.traceparent)
        try:
            yield made
        except Retry as again:
            reason = again.exc
            if isinstance(reason, RetryLater) and not reason.is_attempt:
                made.set("waits_for", reason.reason)
            elif reason is not None:
                made.fail(reason)
            raise
        except Exception as error:
            made.fail(error)
            raise
