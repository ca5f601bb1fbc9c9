"""Faults between rows: lines before, among and after the rows of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from sandbox.faults.kind import ROW_ROLES, Kinds, Role
from sandbox.http.message import dumps
from sandbox.rows import Block, Last

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

LINES = Kinds()
STREAM: set[Role] = {"stream"}
META_LINE = b'{"meta":{}}'
REQUEST_ID = "5aNdB0xSandB0xSandB0xSandB0xSand"

_GATEWAY: dict[str, tuple[str, dict[str, object]]] = {
    "rate-limit-exceeded": ("Rate limit exceeded, please slow down", {"limit": 10, "burst": 50, "window": "1s"}),
    "too-many-concurrent-writes": ("Too many concurrent write operations, please retry", {"limit": 30}),
    "service-overloaded": ("Service temporarily overloaded, please retry later", {}),
}


def error_text(code: str, message: str, *, is_partial: bool) -> bytes:
    """MediaMath's own error, as one line; `is_partial` leaves only its code."""
    more = {} if is_partial else {"request_id": REQUEST_ID, "message": message}
    return dumps({"error_code": code, **more})


def gateway_envelope(code: str) -> dict[str, object]:
    """A refusal by MediaMath's gateway, whose form differs from the errors of the API."""
    message, details = _GATEWAY[code]
    meta = {"status": "error", "uuid": "00000000-5a4d-4b0a-8000-000000000000"}
    return {"meta": meta, "errors": [{"code": code, "message": message, "details": details}]}


def _end_after(blocks: Iterator[Block], after_rows: int, line: bytes) -> Iterator[Block]:
    for block in blocks:
        left = after_rows - block.first + 1
        if block.first == 0 or left >= len(block.rows):
            yield block
            continue
        yield Block(block.first, [*block.rows[: max(left, 0)], Last(line)])
        return
    # The report has fewer rows, so the line comes at its end.
    yield Block(after_rows + 1, [Last(line)])


def before_every(blocks: Iterator[Block], every: int, line: bytes) -> Iterator[Block]:
    """The blocks, with `line` inserted after every `every` rows of the report, but not at its end."""
    for block in blocks:
        rows: list[bytes] = []
        for number, row in enumerate(block.rows, block.first):
            rows.extend((line, row) if number > 1 and (number - 1) % every == 0 else (row,))
        yield Block(block.first, rows)


@LINES.edit(STREAM)
def error_line(
    blocks: Iterator[Block],
    _exchange: Exchange,
    *,
    after_rows: int,
    code: str = "InternalError",
    message: str = "made to fail",
    partial: bool = False,
) -> Iterator[Block]:
    """An error comes after this many rows (0: right after the header), and the stream ends cleanly."""
    return _end_after(blocks, after_rows, error_text(code, message, is_partial=partial))


@LINES.edit(STREAM)
def gateway_line(blocks: Iterator[Block], _exchange: Exchange, *, after_rows: int) -> Iterator[Block]:
    """The gateway's error, which begins with `meta`, comes after this many rows, and the stream ends cleanly."""
    return _end_after(blocks, after_rows, dumps(gateway_envelope("service-overloaded")))


@LINES.edit(STREAM)
def crowded_lines(blocks: Iterator[Block], _exchange: Exchange, *, per_line: int = 3) -> Iterator[Block]:
    """Several rows are on one line."""
    for block in blocks:
        starts = range(0, len(block.rows), per_line)
        crowded = [b" ".join(block.rows[start : start + per_line]) for start in starts]
        yield Block(block.first, crowded) if block.first else block


@LINES.edit(ROW_ROLES)
def repeat_row(
    blocks: Iterator[Block], _exchange: Exchange, *, row: int | None = None, copies: int = 1
) -> Iterator[Block]:
    """Sends this row more than once (without `row`: every row); counts do not include the copies."""
    for block in blocks:
        rows: list[bytes] = []
        for number, text in enumerate(block.rows, block.first):
            is_meant = block.first > 0 and row in (None, number)
            rows.extend([text] * (copies + 1 if is_meant else 1))
        yield Block(block.first, rows)


@LINES.edit(STREAM)
def second_header(blocks: Iterator[Block], _exchange: Exchange, *, row: int = 2) -> Iterator[Block]:
    """Repeats the header before this row."""
    header = b""
    for block in blocks:
        header = block.rows[0] if block.first == 0 else header
        place = row - block.first
        is_here = block.first > 0 and 0 <= place < len(block.rows)
        yield Block(block.first, [*block.rows[:place], header, *block.rows[place:]]) if is_here else block


@LINES.edit(STREAM)
def no_header(blocks: Iterator[Block], _exchange: Exchange) -> Iterator[Block]:
    """Leaves out the header line."""
    return (block for block in blocks if block.first > 0)


@LINES.edit(STREAM)
def metadata_lines(
    blocks: Iterator[Block],
    _exchange: Exchange,
    *,
    where: Literal["before_header", "between", "after_last", "everywhere"] = "everywhere",
    every: int = 100,
) -> Iterator[Block]:
    """Inserts metadata lines; `between`: one after every `every` rows."""
    line = Block(0, [META_LINE])
    if where in ("before_header", "everywhere"):
        yield line
    yield from before_every(blocks, every, META_LINE) if where in ("between", "everywhere") else blocks
    if where in ("after_last", "everywhere"):
        yield line


LINES.switch("no_final_newline", {"stream", "csv"}, "The last line has no newline.")
