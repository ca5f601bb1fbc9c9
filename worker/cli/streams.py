"""`millrace tail` prints rows as they come into a stream; `millrace dead` shows the dead letters of a report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
import orjson

from worker.cli.exit_codes import EXIT_DONE
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_table, talk
from worker.cli.standalone import default_sink
from worker.cli.startup import open_services
from worker.errors import BadInput
from worker.jobs.dead_letters import dead_letters
from worker.redis_client import PATIENT_RETRIES
from worker.sinks.address import StreamAddress
from worker.sinks.audit import rows_in
from worker.sinks.kinds import parse_address, redis_of

WAIT_MILLISECONDS = 1_000
ENTRIES_AT_ONCE = 500


@click.command()
@click.argument("name", metavar="CONNECTION.REPORT")
@click.option("--sink", metavar="SINK", help="The report's sink, if it is not the default stream.")
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="How many to show, the latest first.",
)
@as_json_option
def dead(name: str, sink: str | None, count: int, as_json: bool) -> None:
    """Show the dead letters of a report: rows set aside, each with its reason, the latest first."""
    services = open_services()
    chosen = sink or default_sink()
    letters = dead_letters(services, name, chosen, count)
    for letter in letters if as_json else ():
        print_json(letter)
    if not as_json:
        columns = ("job", "at", "reason", "row")
        print_table(columns, [[letter.get(column) for column in columns] for letter in letters], wrapped="row")
        if not letters:
            talk.print(f"no dead letters at {parse_address(chosen).display_name if chosen else 'the default stream'}")
    sys.exit(EXIT_DONE)


@click.command()
@click.argument("sink", metavar="SINK")
@click.option("--from-start", is_flag=True, help="Begin with the oldest row in the stream, not with the next new one.")
@click.option("--count", type=click.IntRange(1), help="Stop after this many rows.")
@as_json_option
def tail(sink: str, from_start: bool, count: int | None, as_json: bool) -> None:
    """Print rows as they come into a stream, until Ctrl-C; with --json, also addresses, ends and voids."""
    address = parse_address(sink if ":" in sink else f"stream:{sink}")
    if not isinstance(address, StreamAddress):
        raise BadInput("SINK", address.display_name, "a stream: stream:NAME or redis://...?stream=NAME")
    with redis_of(address, open_services().redis, retries=PATIENT_RETRIES) as redis:
        # Not "$", which would be evaluated anew for each wait: rows between two of them would not be printed.
        newest: Any = () if from_start else redis.xrevrange(address.stream, count=1)
        printed, last = 0, newest[0][0] if newest else "0"
        while True:
            found: Any = redis.xread({address.stream: last}, count=ENTRIES_AT_ONCE, block=WAIT_MILLISECONDS)
            for entry, fields in found[0][1] if found else ():
                last = entry
                for line in _format_entry(fields, as_json):
                    click.echo(line)
                    printed += 1
                    if printed == count:
                        return


def _format_entry(fields: dict[bytes, bytes], as_json: bool) -> Iterator[bytes]:
    """The lines to print for an entry: one for each row; for an end or a void one line, but only as JSON.

    None for an entry of another program.
    """
    if b"job" not in fields:
        return
    if b"at" not in fields:
        if as_json:
            whole = {name.decode(): orjson.Fragment(text) for name, text in fields.items() if name != b"job"}
            yield orjson.dumps({"job": fields[b"job"].decode(), **whole})
        return
    for generation, page, number, row in rows_in(fields):
        address = f"{generation}.{page}.{number}"
        shown = {"job": fields[b"job"].decode(), "at": address, "row": orjson.Fragment(row)}
        yield orjson.dumps(shown) if as_json else row
