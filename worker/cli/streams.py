"""What stands in sinks, for people and pipes: rows as they come, and the dead letters of a report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
import orjson
from redis import Redis

from config.settings import settings
from worker.cli.exit_codes import EXIT_DONE
from worker.cli.options import as_json_option
from worker.cli.output import print_table, talk
from worker.cli.services import open_services
from worker.errors import BadInput
from worker.jobs.dead_letters import dead_letters, redis_of
from worker.sinks.address import StreamAddress
from worker.sinks.audit import rows_in
from worker.sinks.kinds import parse_address

WAIT_MILLISECONDS = 1_000
ENTRIES_AT_ONCE = 500


@click.command(help="Show the dead letters of a report: rows set aside, each with its reason.")
@click.argument("name", metavar="CONNECTION.REPORT")
@click.option("--sink", metavar="SINK", help="Where its rows go, if not to the default stream.")
@click.option("--count", type=click.IntRange(1, 100_000), default=100, show_default=True, help="The latest so many.")
@as_json_option
def dead(name: str, sink: str | None, count: int, as_json: bool) -> None:
    """The latest first."""
    services = open_services()
    # Without a Redis of their own, commands keep rows in files.
    chosen = sink or (f"file:{settings().data_dir / 'rows'}" if settings().redis_url is None else None)
    letters = dead_letters(services, name, chosen, count)
    for letter in letters if as_json else ():
        click.echo(orjson.dumps(letter).decode())
    if not as_json:
        columns = ("job", "at", "reason", "row")
        print_table(columns, [[letter.get(column) for column in columns] for letter in letters], wrapped="row")
        if not letters:
            talk.print(f"no dead letters at {parse_address(chosen).shown if chosen else 'the default stream'}")
    sys.exit(EXIT_DONE)


@click.command(help="Print rows as they come into a stream, until Ctrl-C.")
@click.argument("sink", metavar="SINK")
@click.option("--from-start", is_flag=True, help="Begin with the oldest row that is there, not with the next one.")
@click.option("--count", type=click.IntRange(1), help="End after so many rows.")
@as_json_option
def tail(sink: str, from_start: bool, count: int | None, as_json: bool) -> None:
    """Each row on a line of its own; with --json each with its job and address, ends and voids too."""
    address = _stream(parse_address(sink if ":" in sink else f"stream:{sink}"))
    printed = 0
    with redis_of(open_services(), address) as redis:
        for fields in _entries(redis, address.stream, "0" if from_start else "$"):
            for line in _lines(fields, as_json):
                click.echo(line)
                printed += 1
                if printed == count:
                    return


def _entries(redis: Redis, stream: str, last: str | bytes) -> Iterator[dict[bytes, bytes]]:
    """Every entry after `last`, waiting for more."""
    while True:
        found: Any = redis.xread({stream: last}, count=ENTRIES_AT_ONCE, block=WAIT_MILLISECONDS)
        for entry, fields in found[0][1] if found else ():
            last = entry
            yield fields


def _lines(fields: dict[bytes, bytes], as_json: bool) -> Iterator[bytes]:
    if b"at" not in fields:
        if as_json:
            whole = {name.decode(): orjson.Fragment(text) for name, text in fields.items() if name != b"job"}
            yield orjson.dumps({"job": fields[b"job"].decode(), **whole})
        return
    (generation, page, first), rows = rows_in(fields)
    for number, row in enumerate(rows, first):
        address = f"{generation}.{page}.{number}"
        shown = {"job": fields[b"job"].decode(), "at": address, "row": orjson.Fragment(row)}
        yield orjson.dumps(shown) if as_json else row


def _stream(address: object) -> StreamAddress:
    if not isinstance(address, StreamAddress):
        raise BadInput("SINK", getattr(address, "shown", ""), "a stream: stream:NAME or redis://...?stream=NAME")
    return address
