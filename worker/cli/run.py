"""Ask for a report: `run` follows it to its receipt, `submit` returns at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from config.settings import settings
from worker.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_RUNNING
from worker.cli.options import as_json_option, given_params, report_options
from worker.cli.output import print_json, print_table, talk
from worker.cli.progress import Interrupted, TimedOut, follow
from worker.cli.services import open_services
from worker.errors import BadInput
from worker.jobs.create import JobRequest, create_job
from worker.local_workers import LocalWorkers, local_workers
from worker.model import Json
from worker.services import Services, get_services


def order_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What `run` and `submit` share."""
    for option in reversed(
        [
            report_options,
            click.option("--to", "sink", metavar="SINK", help="stream:NAME, redis://...?stream=NAME or file:DIR."),
            click.option("--new", is_flag=True, help="Do not join the same report where it is running already."),
            click.option("--ready-within", metavar="TIME", help="How long the vendor may prepare it, such as 2h."),
            click.option("--finish-within", metavar="TIME", help="How long the whole job may take, such as 24h."),
            as_json_option,
        ]
    ):
        command = option(command)
    return command


@click.command(help="Ask for a report and follow it to its receipt.")
@order_options
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop watching after so long (exit 3); the job goes on.")
@click.option("--processes", type=click.IntRange(1), help="Stream processes where workers are started here.")
def run(name: str, timeout: float | None, processes: int | None, as_json: bool, **asked: Any) -> None:
    """Follow one report to its end; without MILLRACE_REDIS_URL with workers of our own."""
    from worker.celery import has_workers  # finds the broker, and may start one, on import

    is_local = settings().redis_url is None
    services = open_services()
    request = _request(name, default_sink=f"file:{settings().data_dir / 'rows'}" if is_local else None, **asked)
    # Asked before there is a job: until it is followed, Ctrl-C could not cancel it.
    if not is_local and not has_workers():
        talk.print("no worker answers; the job waits for one (`millrace worker control`, `millrace worker stream`)")
    job, joined = _create(services, request)
    talk.print(f"job {job}" + (" (joined: the same report is running already)" if joined else ""))
    with workers_here(is_local, processes) as workers:
        try:
            receipt = follow(services, job, timeout, workers)
        except TimedOut:
            goes_on = "not finished; the same command (without --new) goes on with it"
            talk.print(goes_on if is_local else f"still running: millrace show {job}")
            sys.exit(EXIT_RUNNING)
        except Interrupted as interrupted:
            _print_receipt(interrupted.receipt, as_json)
            sys.exit(EXIT_INTERRUPTED)
    _print_receipt(receipt, as_json)
    sys.exit(EXIT_DONE if receipt["state"] == "done" else EXIT_FAILED)


@click.command(help="Ask for a report and return at once.")
@order_options
def submit(name: str, as_json: bool, **asked: Any) -> None:
    """Make the job and print its id; workers must be running to do it."""
    from worker.celery import has_workers

    services = open_services()
    request = _request(name, default_sink=None, **asked)
    if not has_workers():
        raise BadInput(
            "workers",
            "none",
            "running ones (`millrace worker control` and `millrace worker stream`, or `millrace run` instead)",
        )
    job, joined = _create(services, request)
    if as_json:
        print_json({"job": job, "joined": joined})
    else:
        click.echo(job)
        if joined:
            talk.print("joined: the same report is running already")


def _request(
    name: str,
    *,
    default_sink: str | None,
    sets: tuple[str, ...],
    file: Path | None,
    sink: str | None,
    new: bool,
    ready_within: str | None,
    finish_within: str | None,
) -> JobRequest:
    return JobRequest(name, given_params(sets, file), sink or default_sink, not new, ready_within, finish_within)


def _create(services: Services, request: JobRequest) -> tuple[str, bool]:
    from worker.celery import nudge

    job, joined = create_job(services, request)
    if not joined:
        nudge("report.submit", job)
    return job, joined


@contextmanager
def workers_here(is_local: bool, processes: int | None) -> Iterator[LocalWorkers | None]:
    """Workers of our own where nobody else's are there, for as long as the block lasts."""
    if not is_local:
        yield None
        return
    has_work = get_services().ledger.has_unfinished
    with local_workers(settings().data_dir, processes=processes, has_work=has_work) as workers:
        yield workers


def _print_receipt(receipt: Json, as_json: bool) -> None:
    if as_json:
        print_json(receipt)
        return
    shown = ("state", "rows", "expected_rows", "dead_rows", "pages", "proof", "generation", "digest", "sink", "error")
    print_table(("job", receipt["job"]), [(name, receipt[name]) for name in shown if receipt[name] is not None])
