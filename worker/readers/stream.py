"""Rows of an NDJSON stream, by whichever cutter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from worker.errors import FailJob
from worker.model import Facts, Row
from worker.readers.columns import Columns
from worker.readers.cutter import Cut, Cutter
from worker.readers.faults import Fault, excerpt
from worker.readers.line_cutter import LineCutter
from worker.readers.messages import Messages
from worker.readers.slices import slices
from worker.sources.schema import ColumnType, Ndjson

_TELLING_BYTES = 400
"""How much must follow where text is broken, to see and to show what stands there."""


def read_by(
    cutter: Cutter | LineCutter,
    chunks: Iterable[bytes],
    shape: Ndjson,
    columns: Mapping[str, ColumnType],
    facts: Facts,
) -> Iterator[list[Row]]:
    """The rows of the stream; raises what ends it. A last line needs no newline."""
    texts = slices(chunks)
    messages = Messages(shape, facts)
    typed = Columns(columns, is_exact=cutter.is_exact)
    for cut in _cuts(cutter, texts):
        (rows, values), end = messages.sorted(*cut)
        yield typed.typed(rows, values)
        if end is not None:
            raise end
    if cutter.fault is not None:
        extend(cutter.fault, texts)
        if messages.is_empty and not cutter.fault.left.startswith(b"{"):
            raise FailJob(f"this is no stream of JSON objects: {excerpt(cutter.fault.left)}")
        raise cutter.fault.error(messages.next_row)
    messages.end()


def extend(fault: Fault, texts: Iterator[bytes]) -> None:
    """Read on a little, so that a fault reads the same however the response was cut into chunks."""
    wanted = len(fault.left) + _TELLING_BYTES
    while not (fault.is_cut or fault.is_whole) and len(fault.left) < wanted and (text := next(texts, None)) is not None:
        fault.extend(text)


def _cuts(cutter: Cutter | LineCutter, texts: Iterator[bytes]) -> Iterator[Cut]:
    for text in texts:
        yield cutter.feed(text)
        if cutter.fault is not None:
            return
    yield cutter.finish()
