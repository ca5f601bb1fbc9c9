"""Reads NDJSON: as a rule one object per line, but an object may span lines and a line may hold several objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from worker.errors import FailJob
from worker.model import Facts, Rows
from worker.readers.columns import Columns
from worker.readers.fast_cutter import FastCutter, Lines
from worker.readers.messages import Messages
from worker.readers.slices import slices
from worker.sources.schema import ColumnType, Ndjson
from worker.vendor_errors import excerpt


def read(chunks: Iterable[bytes], shape: Ndjson, columns: Mapping[str, ColumnType], facts: Facts) -> Iterator[Rows]:
    """Yield the rows of a stream; `facts.total` is what its header says. See `worker.readers.read_blocks`.

    The last line needs no newline. A body that does not even begin with an object raises FailJob.
    """
    texts = slices(chunks, facts.charset)
    messages = Messages(shape, facts)
    cutter = FastCutter(Lines(messages))
    types = Columns(columns, shape.null_values)
    for text in chain(texts, (None,)):
        yield types.convert(cutter.finish() if text is None else cutter.feed(text))
        if messages.end is not None:
            raise messages.end
        if cutter.fault is not None:
            break
    if cutter.fault is not None:
        cutter.fault.read_on(texts)
        if messages.is_empty and not cutter.fault.left.startswith(b"{"):
            hint = "; a list of objects is `kind: json`" if cutter.fault.left.startswith(b"[") else ""
            raise FailJob(f"this is not a stream of JSON objects: {excerpt(cutter.fault.left)}{hint}")
        raise cutter.fault.error(messages.next_row)
    messages.finish()
