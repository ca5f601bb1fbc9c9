"""`millrace doctor`: checks everything that a job needs. One line for each check, with the remedy."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import click
from redis.exceptions import RedisError

from config.celery import CONTROL, STREAM, SWEEP
from config.settings import environment_value, settings
from worker.cli.check import check_account
from worker.cli.exit_codes import MOST_FAILURES_COUNTED
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_table
from worker.cli.startup import connections, messages_in_broker, open_services
from worker.durations import format_duration
from worker.errors import BadInput, MillraceError
from worker.schedule.entries import load_schedule
from worker.sinks.address import BucketAddress
from worker.sinks.kinds import parse_address, try_bucket
from worker.sources.connections import Connection, Connections
from worker.sources.credentials import is_set_up
from worker.sources.environment_names import describe_unknown_variables

MEMORY_SHARE = 0.8
"""The share of Redis's memory at which sinks stop taking rows."""


class Unfit(Exception):
    """A check failed; the message is the remedy."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `said` is what was found, or what to do."""

    check: str
    state: str
    milliseconds: float
    said: str


@click.command()
@as_json_option
def doctor(as_json: bool) -> None:
    """Check configuration, Redis, broker, workers, beat and vendors; the exit code is the number that fail."""
    findings = list(_check_all())
    if as_json:
        for finding in findings:
            print_json(finding)
    else:
        lines = [(found.check, found.state, f"{found.milliseconds:.0f}", found.said) for found in findings]
        print_table(("check", "state", "ms", "what"), lines, wrapped="what")
    sys.exit(min(sum(finding.state == "failed" for finding in findings), MOST_FAILURES_COUNTED))


def _check_all() -> Iterator[Finding]:
    known: list[Connections] = []
    places = list(settings().sinks)

    def configuration() -> str:
        known.append(found := connections())
        if mistakes := found.mistakes():
            raise Unfit("; ".join(mistakes))
        return "; ".join([f"{len(found)} connections in {settings().connections}", *found.catalogue.describe_ignored()])

    def environment() -> str:
        if unknown := describe_unknown_variables(settings().connections):
            raise Unfit("; ".join(unknown))
        return "every MILLRACE_ variable is a setting"

    def schedule() -> str:
        entries = load_schedule(settings().schedule, known[0])
        places.extend(entry.to for entry in entries if entry.to)
        if mistakes := [str(entry.mistake) for entry in entries if entry.mistake]:
            raise Unfit("; ".join(mistakes))
        return f"{len(entries)} entries"

    yield _try("configuration", configuration)
    yield _try("environment", environment)
    if known:
        yield _try("schedule", schedule)
    yield from _check_processes()
    for name, bucket in _find_buckets(places).items():
        yield _try(name, partial(try_bucket, bucket))
    for accounts in known:
        yield from map(_check_vendor, accounts.values())


def _check_processes() -> Iterator[Finding]:
    """Redis, the broker and our processes. Where a check needs what failed before it, one failure is enough."""
    serves = _try("redis", _check_writes)
    # Redis may serve although its settings are wrong.
    yield _try("redis", _check_redis) if serves.state == "ok" else serves
    if serves.state == "ok":
        yield _try("clock", _check_clock)
        yield (broker := _try("broker", _check_broker))
        if broker.state == "ok":
            yield _try("workers", _check_workers)
        yield _try("recovery", _check_recovery)


def _check_vendor(account: Connection) -> Finding:
    if not is_set_up(account, environment_value):
        return Finding(account.name, "not set up", 0, "no credentials are set")
    began = time.monotonic()
    found = check_account(account)
    state = "failed" if found.is_failure else found.state
    return Finding(account.name, state, (time.monotonic() - began) * 1000, found.said)


def _find_buckets(places: Iterable[str]) -> dict[str, BucketAddress]:
    """The buckets to which callers or the schedule send rows, each once. Wrong addresses are reported elsewhere."""
    found: dict[str, BucketAddress] = {}
    for place in places:
        with suppress(BadInput):
            address = parse_address(place)
            if isinstance(address, BucketAddress):
                found.setdefault(address.bucket.display_name, address)
    return found


def _try(name: str, check: Callable[[], str]) -> Finding:
    began = time.monotonic()
    state = "ok"
    try:
        said = check()
    except (Unfit, MillraceError) as reason:
        state, said = "failed", str(reason)
    except RedisError as reason:
        state, said = "failed", f"Redis does not serve: {reason}"
    return Finding(name, state, (time.monotonic() - began) * 1000, said)


def _check_writes() -> str:
    """Redis answers and accepts writes."""
    open_services().ledger.try_write()
    return "takes writes"


def _check_redis() -> str:
    """Redis, which accepts writes, is what workers accept, is persistent, and has room."""
    from worker.redis_client import own_redis, refuse_unfit

    redis = open_services().redis
    server, memory, disk = (redis.info(section) for section in ("server", "memory", "persistence"))
    refuse_unfit(own_redis())
    if not disk.get("aof_enabled"):
        raise Unfit("a restart would lose jobs and rows: start Redis with --appendonly yes")
    most = memory.get("maxmemory") or 0
    if most and memory["used_memory"] > MEMORY_SHARE * most:
        raise Unfit(f"{memory['used_memory']:,} of {most:,} bytes used; sinks stop at 80 %: trim streams or add memory")
    name = server.get("server_name", "redis").capitalize()
    version = server.get("valkey_version") or server.get("redis_version")
    return f"{name} {version}, takes writes, keeps an append-only file"


def _check_clock() -> str:
    """The clock of this machine agrees with that of Redis."""
    from worker.redis_client import describe_wrong_clock

    if wrong := describe_wrong_clock(open_services().redis):
        raise Unfit(wrong)
    return "agrees with that of Redis"


def _check_broker() -> str:
    """The broker, Redis or another one, takes messages."""
    return ", ".join(f"{queue}: {messages:,} waiting" for queue, messages in sorted(messages_in_broker().items()))


def _check_workers() -> str:
    """Each queue has a worker."""
    from worker.celery import queues_served

    served = queues_served()
    idle = [queue for queue in (CONTROL, SWEEP, STREAM) if not served.get(queue)]
    if idle:
        verbs = sorted({"millrace worker stream" if queue == STREAM else "millrace worker control" for queue in idle})
        raise Unfit(f"no worker for {', '.join(idle)}: start {' and '.join(f'`{verb}`' for verb in verbs)}")
    return ", ".join(f"{queue}: {len(workers)}" for queue, workers in sorted(served.items()))


def _check_recovery() -> str:
    """The last sweep was at most three intervals ago."""
    ago = open_services().ledger.seconds_since_sweep()
    if ago is None:
        raise Unfit("no sweep has ever run: start `millrace beat` or a control worker")
    if ago > 3 * settings().sweep_seconds:
        raise Unfit(f"the last sweep was {format_duration(round(ago))} ago: start `millrace beat` or a control worker")
    return f"last sweep {ago:.0f} s ago"
