"""Runs the steps of a job in this process, one after another, as a worker does, but without Celery's messages.

What is timed are the `stream` steps, whole: lease and heartbeat, quota and HTTP, reading, commits, ledger.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from itertools import count

from bench.figures import peak_bytes
from bench.reports import require_whole
from tasks.finalize import finalize
from tasks.paginate import paginate
from tasks.poll import poll
from tasks.stream import stream
from tasks.submit import submit
from worker.jobs.create import JobRequest, create_job
from worker.model import Job, Json
from worker.observe import configure_logging
from worker.services import get_services


@dataclass(frozen=True)
class Ran:
    """The result of a job that ran in this process."""

    job: Job
    seconds: float


def run_report(name: str, params: Json, sink: str) -> Ran:
    """Run one report from its request to its receipt. Raises RuntimeError unless it ends with every row."""
    services = get_services()
    configure_logging(services.settings.log, services.settings.log_level)
    job_id, _ = create_job(services, JobRequest(name, params, sink, may_join=False))
    submit(job_id)
    while (job := _job(job_id)).state == "pending":
        poll(job_id, job.poll)
    paginate(job_id)
    took = 0.0
    for page in count(1):
        if _job(job_id).state != "streaming":
            break
        began = time.perf_counter()
        stream(job_id, page)  # which may have been read already, right after the page before
        took += time.perf_counter() - began
    finalize(job_id)
    job = _job(job_id)
    services.redis.delete("control", "stream")  # the messages nobody waits for
    require_whole(job)
    return Ran(job, took)


def _job(job_id: str) -> Job:
    job = get_services().ledger.job(job_id)
    if job is None:
        raise RuntimeError(f"the ledger lost {job_id}")
    return job


def main() -> None:
    """Run the report that the arguments name (NAME PARAMS SINK); print its rows, bytes, seconds and peak memory."""
    name, params, sink = sys.argv[1:]
    ran = run_report(name, json.loads(params), sink)
    print(json.dumps({"rows": ran.job.rows, "bytes": ran.job.bytes, "seconds": ran.seconds, "peak": peak_bytes()}))


if __name__ == "__main__":
    main()
