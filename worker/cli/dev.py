"""`millrace dev`: everything on one machine in one terminal, against the simulated vendors."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from config.settings import prepare_environment, settings
from worker.cli.options import require_free_port
from worker.cli.output import talk
from worker.cli.sandbox import simulated_vendors
from worker.cli.standalone import keep_running
from worker.cli.startup import open_services
from worker.local_workers import api, beat, flower, local_workers

LOOPBACK = "127.0.0.1"


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=8080, show_default=True, help="The port of API and page."
)
@click.option("--flower-port", type=click.IntRange(1, 65_535), default=5555, show_default=True)
@click.option("--rows", type=click.IntRange(1), default=10_000, show_default=True, help="Rows in each report.")
@click.option("--processes", type=click.IntRange(1), help="Stream processes (default: one per core).")
def dev(port: int, flower_port: int, rows: int, processes: int | None) -> None:
    """Run everything on this machine: Redis, simulated vendors, workers, beat, API, page and Flower.

    Runs until Ctrl-C, and restarts processes that die. MILLRACE_REDIS_URL is used if it is set.
    """
    require_free_port(LOOPBACK, port)
    require_free_port(LOOPBACK, flower_port, option="--flower-port")
    with simulated_vendors(rows, {}) as vendors:
        prepare_environment(vendors)
        open_services()
        beside = {"beat": beat(), "api": api(port), "flower": flower(flower_port)}
        running = local_workers(settings().data_dir, processes=processes, beside=beside)
        with _shell_file(vendors) as variables, running as workers:
            report = "instal.advertiser-export --set start_date={yesterday} --set stop_date={today}"
            lines = {
                "page and API": f"http://{LOOPBACK}:{port}/ (documentation at /docs)",
                "Flower": f"http://{LOOPBACK}:{flower_port}/",
                "vendors": ", ".join(sorted(url for name, url in vendors.items() if name.endswith("_BASE_URL"))),
                "logs": f"{settings().data_dir / 'logs'}/*.log",
                "try": f". {shlex.quote(str(variables))} && millrace run {report}",
            }
            for name, text in lines.items():
                talk.print(f"{name:<14}{text}")
            talk.print(
                "In another terminal, `millrace` verbs started in this directory find the same Redis. Ctrl-C ends all."
            )
            keep_running(workers)


@contextmanager
def _shell_file(variables: Mapping[str, str]) -> Iterator[Path]:
    """A file with which a shell sets these variables; removed at the end of the block."""
    path = settings().data_dir / "sandbox.sh"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
