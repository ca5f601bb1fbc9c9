"""A report as a CSV file: its header and rows, and its length if that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from sandbox.exchange import Exchange
from sandbox.http.message import Answer, streamed
from sandbox.rows import Rendering, RowPlan, csv_line

_BOM = b"\xef\xbb\xbf"


def csv_answer(
    exchange: Exchange, report: str, plan_of: Callable[[Rendering], RowPlan], rendering: Rendering, *, header: bool
) -> Answer:
    """The file, with its length, unless a fault makes it longer or shorter than planned."""
    plan = plan_of(replace(rendering, delimiter=exchange.delimiter))
    if forced := exchange.fault("csv_header"):
        header = forced["present"]
    if empty := exchange.fault("csv_empty"):
        plan, header = replace(plan, total=0), empty["header"]
    names = [column.name for column in plan.look.columns]
    line = csv_line(names, plan.look.delimiter) if header else None
    body: Iterator[bytes] = exchange.as_lines(exchange.blocks(report, plan, header=line))
    if exchange.fault("csv_bom") is not None:
        body = chain((_BOM,), body)
    planned_bytes = plan.byte_count() + (len(line) + 1 if line else 0)
    length = None if exchange.changes_length else planned_bytes
    return streamed(body, "text/csv; charset=utf-8", length=length)
