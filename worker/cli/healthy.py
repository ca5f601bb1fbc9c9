"""`millrace healthy PROCESS`: a health check for containers: does one process do its work?"""

from __future__ import annotations

import sys
from socket import gethostname
from urllib.request import ProxyHandler, build_opener

import click
from redis.exceptions import RedisError

from config.settings import environment_value
from worker.cli.options import as_json_option
from worker.cli.output import print_json, talk
from worker.cli.startup import messages_in_broker, open_services
from worker.errors import RetryLater

ANSWER_SECONDS = 5
PATHS = {"api": "/readyz", "flower": "/healthcheck"}
PORTS = {"api": 8080, "flower": 5555}
MOST_INTERVALS = 4
"""If no sweep ran for this many intervals, neither beat nor a control worker in its place is running."""
# The proxy in the environment is for vendors.
_open_directly = build_opener(ProxyHandler({})).open


@click.command()
@click.argument("process", type=click.Choice(["api", "beat", "control", "stream", "flower"]))
@click.option("--port", type=click.IntRange(1, 65_535), help="The port of api or flower, if it is not the default.")
@as_json_option
def healthy(process: str, port: int | None, as_json: bool) -> None:
    """Exit 0 if a process of this host works, else print the reason and exit 1.

    Workers are pinged by the name `PROCESS@HOST`, the others over HTTP; for beat, the last sweep in Redis counts. While
    Redis cannot serve, beat and workers wait for it and count as healthy: to end them would not help.
    """
    why = _find_problem(process, port)
    if as_json:
        print_json({"process": process, "healthy": why is None, "why": why})
    elif why:
        talk.print(f"{process}: {why}")
    sys.exit(0 if why is None else 1)


def _find_problem(process: str, port: int | None) -> str | None:
    """Why this process does not work; None if it does."""
    if process in PATHS:
        # Flower reads this variable itself; it then serves nothing outside that path.
        prefix = (environment_value("FLOWER_URL_PREFIX") or "").strip("/") if process == "flower" else ""
        url = f"http://localhost:{port or PORTS[process]}{prefix and '/'}{prefix}{PATHS[process]}"
        try:
            with _open_directly(url, timeout=ANSWER_SECONDS):
                return None
        except OSError as error:
            return f"{url}: {error}"
    try:
        return _ask_by_redis(process)
    except (RetryLater, RedisError) as away:
        talk.print(f"{process}: unknown, because {away}")
        return None


def _ask_by_redis(process: str) -> str | None:
    services = open_services()
    services.ledger.try_write()  # a worker's answer is a write
    if process == "beat":
        ago = services.ledger.seconds_since_sweep()
        if ago is None:
            return "no sweep ever ran"
        is_recent = ago < MOST_INTERVALS * services.settings.sweep_seconds
        return None if is_recent else f"the last sweep ran {ago:.0f} s ago"
    messages_in_broker()
    from worker.celery import app

    node = f"{process}@{gethostname()}"
    answers = app.control.inspect(destination=[node], timeout=ANSWER_SECONDS).ping()
    return None if answers else f"no worker called {node} answers"
