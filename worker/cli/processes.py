"""The processes of an installation, as the Procfile names them: two kinds of worker, `beat`, `api` and `flower`."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time

import click

from config.celery import CONTROL, STREAM, SWEEP
from config.settings import environment_value, settings
from worker.cli.options import require_free_port
from worker.errors import BadInput
from worker.sources.base_urls import is_loopback

ANSWERS_END_SECONDS = 3
"""How long responses may still take when the API shuts down: streams of events never end by themselves."""
FLOWER_LOGIN = re.compile(r"[!-9;-~]+:[ -~]+")
GIVE_BACK_SECONDS = 10
"""How long a process may take to give back its work after its parent is gone."""

with_parent_option = click.option(
    "--with-parent", is_flag=True, hidden=True, help="End when standard input ends, which the parent keeps open."
)
name_option = click.option(
    "--name", metavar="NODE", help="The name in Flower, unique to this process; `%h` is the host."
)


@click.group()
def worker() -> None:
    """Run a worker until SIGTERM. An installation needs both kinds, any number of each, on any machines."""


@worker.command()
@click.option("--threads", type=click.IntRange(1), default=64, show_default=True, help="How many steps run at once.")
@name_option
@with_parent_option
def control(threads: int, name: str | None, with_parent: bool) -> None:
    """Run the control steps: submit, poll, plan, finish, and the sweep for lost work."""
    from worker.celery import run_worker

    _become_service(with_parent)
    # Threads, because these steps mostly wait for the network.
    node, queues = _node("control", name), (CONTROL, SWEEP)
    sys.exit(run_worker(node, queues, pool="threads", concurrency=threads, prefetches=True))


@worker.command()
@click.option("--processes", type=click.IntRange(1), help="How many pages are read at once (default: one per core).")
@name_option
@with_parent_option
def stream(processes: int | None, name: str | None, with_parent: bool) -> None:
    """Read pages and publish their rows, one page at a time in each process."""
    from worker.celery import run_worker

    _become_service(with_parent)
    # Processes, because parsing holds the interpreter lock.
    node, concurrency = _node("stream", name), processes or os.cpu_count() or 1
    sys.exit(run_worker(node, (STREAM,), pool="prefork", concurrency=concurrency, prefetches=False))


@click.command()
@with_parent_option
def beat(with_parent: bool) -> None:
    """Send the periodic messages `sweep` and `due`, until SIGTERM. Several may run."""
    from worker.celery import run_beat

    _become_service(with_parent)
    run_beat()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, show_default=True)
@with_parent_option
def api(host: str, port: int, with_parent: bool) -> None:
    """Serve the HTTP API; on other addresses than loopback only if tokens are set."""
    import uvicorn

    from worker.api.app import make_app

    if not (settings().api_tokens or settings().api_read_tokens) and not is_loopback(host):
        raise BadInput("--host", host, "a loopback address, or tokens in MILLRACE_API_TOKENS")
    require_free_port(host, port)
    if with_parent:
        end_with_parent()
    # uvicorn shuts down properly only at SIGTERM.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    uvicorn.run(
        make_app(),
        host=host,
        port=port,
        log_level="info",
        server_header=False,
        timeout_graceful_shutdown=ANSWERS_END_SECONDS,
    )


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65_535), default=5555, show_default=True)
@with_parent_option
def flower(host: str, port: int, with_parent: bool) -> None:
    """Serve Flower: workers and tasks as Celery sees them; on other addresses than loopback only with a login."""
    login = environment_value("FLOWER_BASIC_AUTH")
    # Flower reads a comma as the beginning of another login, so a password with one would end there.
    if login and not all(FLOWER_LOGIN.fullmatch(part) for part in login.split(",")):
        raise BadInput("FLOWER_BASIC_AUTH", "...", "USER:PASSWORD in ASCII, without a comma except between two of them")
    if login is None and not is_loopback(host):
        raise BadInput("--host", host, "a loopback address, or USER:PASSWORD in FLOWER_BASIC_AUTH")
    require_free_port(host, port)
    # Names of workers that were started again are forgotten after an hour.
    options = [
        f"--address={host}",
        f"--port={port}",
        "--purge_offline_workers=3600",
        "--tasks_columns=name,args,state,result,exception,uuid,received,runtime,worker",
    ]
    from worker.celery import app

    _become_service(with_parent)
    sys.exit(app.start(["flower", *options, *([f"--basic_auth={login}"] if login else [])]))


def _node(kind: str, name: str | None) -> str:
    # With the process id two workers of one machine have different names.
    return name or f"{kind}-{os.getpid()}@%h"


def _become_service(with_parent: bool) -> None:
    """Restore the default signal handlers, so that Celery's do not call ours."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if with_parent:
        end_with_parent()


def end_with_parent() -> None:
    """End this process when its standard input ends, which the parent keeps open as long as it lives."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GIVE_BACK_SECONDS)
        # It did not end in time: neither it nor anything it started may outlive the parent.
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()
