"""`millrace run` requests a report and follows it to its receipt; `millrace submit` returns at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from worker.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_RUNNING
from worker.cli.options import Seconds, as_json_option, read_params, report_options
from worker.cli.output import print_json, print_table, talk
from worker.cli.progress import Interrupted, TimedOut, follow
from worker.cli.standalone import default_sink, is_standalone, warn_without_workers, workers_here
from worker.cli.startup import any_worker_answers, open_services
from worker.errors import MissingInput
from worker.jobs.create import JobRequest, create_job
from worker.model import Json
from worker.services import Services, get_services


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `run` and `submit` share."""
    for option in reversed(
        [
            report_options,
            click.option(
                "--to",
                "sink",
                metavar="SINK",
                help="Where rows go: stream:NAME, redis://...?stream=NAME, file:DIR, or a bucket (s3://, gs://, az://).",
            ),
            click.option("--new", is_flag=True, help="Make a new job even if the same report is running already."),
            click.option(
                "--ready-within", metavar="TIME", help="How long the vendor may take to prepare it, such as 2h."
            ),
            click.option("--finish-within", metavar="TIME", help="How long the whole job may take, such as 24h."),
            as_json_option,
        ]
    ):
        command = option(command)
    return command


@click.command()
@job_options
@click.option(
    "--timeout", type=Seconds(), metavar="SECONDS", help="Stop following after this time (exit 3); the job continues."
)
@click.option("--processes", type=click.IntRange(1), help="Stream processes, if the command starts workers itself.")
def run(name: str, timeout: float | None, processes: int | None, as_json: bool, **options: Any) -> None:
    """Request a report and follow it to its receipt; without MILLRACE_REDIS_URL, with workers of its own.

    Exit 0 if the job is done, 1 if it failed, 3 if it still runs after the timeout, 130 after Ctrl-C.
    """
    services = open_services()
    request = _read_request(name, sink=options.pop("sink") or default_sink(), **options)
    # Before the job is stored: a Ctrl-C while we ask for workers could not cancel it.
    job, joined = _create(services, request, lambda: warn_without_workers("the job waits"))
    announcement = f"job {job}" + (" (joined: the same report is running already)" if joined else "")
    with workers_here(processes) as workers:
        try:
            receipt = follow(get_services(), job, timeout, workers, announcement)
        except TimedOut:
            goes_on = "not finished; run the same command again (without --new) to continue"
            talk.print(goes_on if is_standalone() else f"still running: millrace show {job}")
            sys.exit(EXIT_RUNNING)
        except Interrupted as interrupted:
            _print_receipt(interrupted.receipt, as_json)
            sys.exit(EXIT_INTERRUPTED)
    _print_receipt(receipt, as_json)
    sys.exit(EXIT_DONE if receipt["state"] == "done" else EXIT_FAILED)


@click.command()
@job_options
def submit(name: str, as_json: bool, **options: Any) -> None:
    """Request a report and return at once. Workers must be running, because this command starts none."""
    services = open_services()
    job, joined = _create(services, _read_request(name, **options), _require_workers)
    if as_json:
        print_json({"job": job, "joined": joined})
    else:
        click.echo(job)
        if joined:
            talk.print("joined: the same report is running already")


def _require_workers() -> None:
    if not any_worker_answers():
        allowed = "`millrace worker control` and `millrace worker stream` to be running, or `millrace run` instead"
        raise MissingInput("a worker", allowed)


def _read_request(
    name: str,
    *,
    sets: tuple[str, ...],
    file: Path | None,
    sink: str | None,
    new: bool,
    ready_within: str | None,
    finish_within: str | None,
) -> JobRequest:
    """The job request that the options describe."""
    return JobRequest(name, read_params(sets, file), sink, not new, ready_within, finish_within)


def _create(services: Services, request: JobRequest, before_storing: Callable[[], None]) -> tuple[str, bool]:
    from worker.celery import nudge

    job, joined = create_job(services, request, before_storing=before_storing)
    if not joined:
        nudge("report.submit", job)
    return job, joined


def _print_receipt(receipt: Json, as_json: bool) -> None:
    if as_json:
        print_json(receipt)
        return
    shown = ("state", "rows", "expected_rows", "dead_rows", "pages", "proof", "generation", "digest", "sink", "error")
    print_table(("job", receipt["job"]), [(name, receipt[name]) for name in shown if receipt[name] is not None])
