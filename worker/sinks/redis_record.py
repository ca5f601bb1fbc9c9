"""How a stream's sink record writes a page down."""

from __future__ import annotations

from worker.model import Checkpoint


def packed(page: Checkpoint) -> str:
    """A page's field; worker/lua/sink_prelude.lua reads the same."""
    return f"{page.rows} {page.digest} {int(page.is_closed)} {page.dead_rows} {page.bytes} {page.reader}"


def unpacked(field: bytes | None) -> Checkpoint:
    """The checkpoint in a page's field; the zero checkpoint where there is none."""
    if field is None:
        return Checkpoint()
    rows, digest, is_closed, dead_rows, bytes_, reader = field.decode().split(" ")
    return Checkpoint(int(rows), digest, int(dead_rows), int(bytes_), reader, is_closed == "1")
