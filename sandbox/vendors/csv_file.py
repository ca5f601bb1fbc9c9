"""A report as a CSV file: its header and rows, and its length if that is known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from sandbox.exchange import Exchange
from sandbox.http.message import Answer, streamed
from sandbox.rows import RowPlan, csv_line

_BOM = b"\xef\xbb\xbf"


def csv_answer(exchange: Exchange, plan: RowPlan, *, header: bool = True) -> Answer:
    """The rows as a file, with its length, unless a fault makes it longer or shorter than planned."""
    plan = plan.rendered(form="csv", style="numbers", delimiter=exchange.delimiter)
    header = exchange.value("csv_header", "present", header)
    if empty := exchange.fault("csv_empty"):
        plan, header = plan.rendered(rows=0), empty["header"]
    line = csv_line([column.name for column in plan.columns], exchange.delimiter) if header else None
    body: Iterator[bytes] = exchange.lines(exchange.blocks(plan, header=line))
    if exchange.has("csv_bom"):
        body = chain((_BOM,), body)
    planned_bytes = plan.byte_count() + (len(line) + 1 if line else 0)
    return streamed(body, "text/csv; charset=utf-8", length=None if exchange.changes_length else planned_bytes)
