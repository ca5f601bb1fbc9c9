"""Jobs over HTTP: request a report; list, show, follow, cancel and retry jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, HTTPException, Query, Request, Response

from worker.api.access import Access
from worker.api.backend import Backend
from worker.api.events import EventStream, Feed, job_events, overview_events
from worker.api.models import JobBody, JobView, MadeJob, ShownJob, event_answers, problems
from worker.api.requests import make_router
from worker.errors import BadInput
from worker.jobs.create import JobRequest, create_job, job_id_of
from worker.jobs.finish import cancel
from worker.jobs.listing import JobFilter, list_jobs
from worker.jobs.views import job_facts
from worker.model import Job, JobState
from worker.services import Services

RETRY_AFTER_SECONDS = 30


def add_jobs(app: FastAPI, backend: Backend, access: Access, feed: Feed) -> None:
    """Add the paths about jobs."""
    look, act = make_router("jobs", access.may_look), make_router("jobs", access.may_act, 403)

    @act.post("/jobs", status_code=202, responses=problems(403, 413, 429), summary="Request a report")
    def make(
        body: JobBody,
        response: Response,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=512)] = None,
        traceparent: Annotated[str | None, Header(description="W3C Trace Context; a malformed one is ignored")] = None,
    ) -> MadeJob:
        services = backend.services()
        _refuse_too_many(services)
        request = JobRequest(
            f"{body.connection}.{body.report}",
            body.params,
            services.allowed_sink(body.to),
            body.join,
            body.ready_within,
            body.finish_within,
            idempotency_key,
            body.webhook,
            traceparent,
        )
        job_id, joined = create_job(services, request)
        job = _find_job(services, job_id)
        if not joined:
            backend.nudge_out_of("queued", job_id)
        elif idempotency_key is not None:
            _refuse_other_request(job, request.digest, idempotency_key)
        response.headers["Location"] = f"/v1/jobs/{job_id}"
        return MadeJob(**job_facts(job, services.ledger.now()), joined=joined)

    @look.get("/jobs", summary="Jobs, the latest first; the `Link` header leads to the next page")
    def list_(
        request: Request,
        response: Response,
        state: JobState | None = None,
        connection: str | None = None,
        report: str | None = None,
        cursor: str | None = None,
        count: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[JobView]:
        ledger = backend.services().ledger
        found, following = list_jobs(ledger, JobFilter(state, connection, report), cursor, count)
        if following:
            # A path, not a whole URL: behind a proxy this process does not know its own name.
            query = request.url.include_query_params(cursor=following).query
            response.headers["Link"] = f'</v1/jobs?{query}>; rel="next"'
        now = ledger.now()
        return [JobView(**job_facts(job, now)) for job in found]

    @look.get("/jobs/{job_id}", responses=problems(404), summary="One job, with its receipt once it has one")
    def show(job_id: str) -> ShownJob:
        services = backend.services()
        job = _find_job(services, job_id)
        return ShownJob(**job_facts(job, services.ledger.now()), receipt=job.receipt)

    @act.post("/jobs/{job_id}/cancel", status_code=202, responses=problems(403, 404), summary="Cancel a job")
    def cancel_(job_id: str, response: Response) -> JobView:
        services = backend.services()
        _find_job(services, job_id)
        cancel(services, job_id)
        return _show_after_action(services, job_id, response)

    @act.post(
        "/jobs/{job_id}/retry",
        status_code=202,
        responses=problems(403, 404, 409),
        summary="Retry a failed or cancelled job",
    )
    def retry(job_id: str, response: Response) -> JobView:
        services = backend.services()
        _find_job(services, job_id)
        state, other = services.ledger.retry(job_id)
        if state is None:
            raise HTTPException(409, f"job {job_id} is {other}; only a failed or cancelled job can be retried")
        backend.nudge_out_of(state, job_id, number=int(other))
        return _show_after_action(services, job_id, response)

    _add_events(look, backend, feed)
    app.include_router(act)
    app.include_router(look)


def _add_events(look: APIRouter, backend: Backend, feed: Feed) -> None:
    @look.get(
        "/jobs/{job_id}/events",
        response_class=EventStream,
        responses=event_answers(404),
        summary="The events of a job until it ends: `state`, `progress`, `waits` and `end`",
    )
    def watch(job_id: str) -> EventStream:
        _find_job(backend.services(), job_id)
        return EventStream(job_events(feed, job_id))

    @look.get(
        "/events",
        response_class=EventStream,
        responses=event_answers(),
        summary="The number of jobs in each state and the latest jobs, at each change; never ends",
    )
    def watch_all() -> EventStream:
        return EventStream(overview_events(feed))


def _find_job(services: Services, job_id: str) -> Job:
    job = services.ledger.job(job_id)
    if job is None:
        raise HTTPException(404, f"no job {job_id}")
    return job


def _refuse_other_request(job: Job, digest: str, key: str) -> None:
    """Raise BadInput if the key has made this job for another request, whose rows would be taken for those of this."""
    # A job that was joined for its report has another key, or none; one of an earlier version has no digest.
    if job.id == job_id_of(key) and job.request not in (None, digest):
        raise BadInput("Idempotency-Key", key, f"a key of its own: with this one job {job.id} was requested")


def _show_after_action(services: Services, job_id: str, response: Response) -> JobView:
    response.headers["Location"] = f"/v1/jobs/{job_id}"
    return JobView(**job_facts(_find_job(services, job_id), services.ledger.now()))


def _refuse_too_many(services: Services) -> None:
    """Raise 429 if the largest allowed number of jobs is waiting for a worker."""
    waiting, bound = services.ledger.count_by_state()["queued"], services.settings.queue_bound
    if waiting >= bound:
        text = f"{waiting} jobs wait for a worker; at most {bound} may (MILLRACE_QUEUE_BOUND)"
        raise HTTPException(429, text, {"Retry-After": str(RETRY_AFTER_SECONDS)})
