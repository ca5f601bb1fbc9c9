"""`millrace jobs`, `show`, `receipt`, `cancel` and `retry`: show jobs and act on them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from worker.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_RUNNING
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_table, talk
from worker.cli.startup import open_services
from worker.errors import BadInput
from worker.jobs.finish import cancel as cancel_job
from worker.jobs.views import job_facts
from worker.jobs.waiting import waits_for
from worker.model import FINISHED, UNFINISHED, Job

STATES = (*UNFINISHED, *FINISHED)


def find_job(job_id: str) -> Job:
    """The job with this id. Raises BadInput if the ledger has none."""
    job = open_services().ledger.job(job_id)
    if job is None:
        raise BadInput("JOB", job_id, "the id of a job in this ledger; see `millrace jobs`")
    return job


@click.command()
@click.option("--state", type=click.Choice(STATES))
@click.option("--count", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json_option
def jobs(state: str | None, count: int, as_json: bool) -> None:
    """List jobs, the latest first."""
    ledger = open_services().ledger
    found, now = ledger.jobs(state=state, count=count), ledger.now()  # type: ignore[arg-type]
    if as_json:
        for job in found:
            print_json(job_facts(job, now))
        return
    lines = []
    for job in found:
        made_at = f"{datetime.fromtimestamp(job.created_at, UTC):%Y-%m-%d %H:%M:%S}"
        lines.append((job.id, job.name, job.state, f"{job.closed}/{job.pages}", job.rows, made_at, job.error))
    print_table(("job", "report", "state", "pages", "rows", "made", "error"), lines, wrapped="error")


@click.command()
@click.argument("job_id", metavar="JOB")
@as_json_option
def show(job_id: str, as_json: bool) -> None:
    """Show what the ledger holds about a job."""
    job, now = find_job(job_id), open_services().ledger.now()
    facts = job_facts(job, now)
    if as_json:
        print_json(facts)
    else:
        wait = waits_for(job, now)
        facts["waits_for"] = wait and wait.describe(now)
        print_table(("what", "is"), [(name, value) for name, value in facts.items() if value is not None])


@click.command()
@click.argument("job_id", metavar="JOB")
@as_json_option
def receipt(job_id: str, as_json: bool) -> None:
    """Print a finished job's receipt; exit 3 if it has none yet."""
    job = find_job(job_id)
    if job.receipt is None:
        talk.print(f"job {job.id} is {job.state}: there is no receipt yet")
        sys.exit(EXIT_RUNNING)
    if as_json:
        print_json(job.receipt)
    else:
        print_table(("what", "is"), list(job.receipt.items()))


@click.command()
@click.argument("job_id", metavar="JOB")
@as_json_option
def cancel(job_id: str, as_json: bool) -> None:
    """Cancel a job in any state, and declare void what it published.

    Exit 1 if it had already ended, 3 if it ends later, because its sink does not answer now.
    """
    # An unknown id is wrong usage (exit 2), not a job that could not be cancelled.
    find_job(job_id)
    state = cancel_job(open_services(), job_id)
    _print_state(job_id, state, as_json)
    if state not in FINISHED:
        talk.print(f"its rows cannot be declared void yet; a worker does that and ends it: millrace show {job_id}")
        sys.exit(EXIT_RUNNING)
    sys.exit(EXIT_DONE if state == "cancelled" else EXIT_FAILED)


@click.command()
@click.argument("job_id", metavar="JOB")
@as_json_option
def retry(job_id: str, as_json: bool) -> None:
    """Retry a failed or cancelled job; the vendor's prepared report is used again if possible."""
    from worker.celery import nudge_out_of  # finds the broker, and may start one, on import

    find_job(job_id)
    state, other = open_services().ledger.retry(job_id)
    if state is None:
        raise BadInput("JOB", f"{job_id} ({other})", "a failed or cancelled job")
    nudge_out_of(state, job_id, number=int(other))
    _print_state(job_id, state, as_json)


def _print_state(job_id: str, state: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"job": job_id, "state": state})
    else:
        click.echo(f"{job_id} {state}")
