"""A report as a CSV file: its header and rows, and its length where that is known."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace

from sandbox.exchange import Exchange
from sandbox.http.message import Answer, streamed
from sandbox.rows import RowPlan, Telling

_BOM = b"\xef\xbb\xbf"


def csv_answer(
    exchange: Exchange, report: str, plan_of: Callable[[Telling], RowPlan], telling: Telling, *, header: bool
) -> Answer:
    """The file. Its length is told unless a fault makes it another than planned."""
    plan = plan_of(replace(telling, delimiter=exchange.delimiter))
    if forced := exchange.fault("csv_header"):
        header = forced["present"]
    if empty := exchange.fault("csv_empty"):
        plan, header = replace(plan, total=0), empty["header"]
    line = header_line(plan) if header else None
    body = exchange.as_lines(exchange.blocks(report, plan, header=line))
    if exchange.fault("csv_bom") is not None:
        body = _preceded(_BOM, body)
    planned = plan.byte_count() + (len(line) + 1 if line else 0)
    length = None if exchange.changes_length else planned
    return streamed(body, "text/csv; charset=utf-8", length=length)


def header_line(plan: RowPlan) -> bytes:
    """The names of the columns as the first line."""
    line = io.StringIO()
    names = [column.name for column in plan.look.columns]
    csv.writer(line, delimiter=plan.look.delimiter, lineterminator="").writerow(names)
    return line.getvalue().encode()


def _preceded(first: bytes, body: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from body
