"""Faults between rows: what comes before, among and after the lines of a stream."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.faults.kind import ROW_ROLES, Arg, Args, Kinds, choice, roles
from sandbox.faults.rows import Last
from sandbox.http.message import dumps
from sandbox.rows import Block

LINES = Kinds()
_STREAM = roles("stream")
META_LINE = b'{"meta":{}}'
REQUEST_ID = "5aNdB0xSandB0xSandB0xSandB0xSand"


def error_text(args: Args) -> bytes:
    """MediaMath's own error, as one line."""
    if args["partial"]:
        return dumps({"error_code": args["code"]})
    return dumps({"error_code": args["code"], "request_id": REQUEST_ID, "message": args["message"]})


_GATEWAY: dict[str, tuple[str, dict[str, object]]] = {
    "rate-limit-exceeded": (
        "Rate limit exceeded, please slow down",
        {"limit": 10, "burst": 50, "window": "1s"},
    ),
    "too-many-concurrent-writes": ("Too many concurrent write operations, please retry", {"limit": 30}),
    "service-overloaded": ("Service temporarily overloaded, please retry later", {}),
}


def gateway_envelope(code: str) -> dict[str, object]:
    """What MediaMath's gateway says when it refuses: another form than the API's own errors."""
    message, details = _GATEWAY[code]
    meta = {"status": "error", "uuid": "00000000-5a4d-4b0a-8000-000000000000"}
    return {"meta": meta, "errors": [{"code": code, "message": message, "details": details}]}


def _ends_after(blocks: Iterator[Block], after_rows: int, line: bytes) -> Iterator[Block]:
    for block in blocks:
        left = after_rows - block.first + 1
        if block.first == 0 or left >= len(block.rows):
            yield block
            continue
        yield Block(block.first, [*block.rows[: max(left, 0)], Last(line)])
        return
    # The report has fewer rows: the line comes at its end.
    yield Block(after_rows + 1, [Last(line)])


def before_every(block: Block, every: int, line: bytes) -> Block:
    """The block with a line before every so many of the report's rows, the first excepted."""
    rows: list[bytes] = []
    for number, row in enumerate(block.rows, block.first):
        rows.extend((line, row) if number > 1 and (number - 1) % every == 0 else (row,))
    return Block(block.first, rows)


@LINES.edit(
    _STREAM,
    after_rows=Arg(int),
    code=Arg(str, "InternalError"),
    message=Arg(str, "made to fail"),
    partial=Arg(bool, False),
)
def error_line(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """After this many rows comes an error, and the stream ends cleanly. 0: right after the header."""
    return _ends_after(blocks, args["after_rows"], error_text(args))


@LINES.edit(_STREAM, after_rows=Arg(int))
def gateway_line(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """After this many rows comes the gateway's error, which begins with `meta`, and the stream ends cleanly."""
    return _ends_after(blocks, args["after_rows"], dumps(gateway_envelope("service-overloaded")))


@LINES.edit(_STREAM, per_line=Arg(int, 3))
def crowded_lines(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Several rows stand on a line."""
    per_line = args["per_line"]
    for block in blocks:
        starts = range(0, len(block.rows), per_line)
        crowded = [b" ".join(block.rows[start : start + per_line]) for start in starts]
        yield Block(block.first, crowded) if block.first else block


@LINES.edit(ROW_ROLES, row=Arg(int, None), copies=Arg(int, 1))
def repeat_row(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Sends this row more than once (no row named: each one); counts do not include the copies."""
    times = args["copies"] + 1
    for block in blocks:
        rows: list[bytes] = []
        for number, row in enumerate(block.rows, block.first):
            is_meant = block.first > 0 and args["row"] in (None, number)
            rows.extend([row] * (times if is_meant else 1))
        yield Block(block.first, rows)


@LINES.edit(_STREAM, every=Arg(int, 10))
def blank_lines(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """A blank line stands before every `every`-th row."""
    return (before_every(block, args["every"], b"") if block.first else block for block in blocks)


@LINES.edit(_STREAM, row=Arg(int, 2))
def second_header(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Sends the header once more before this row."""
    header = b""
    for block in blocks:
        header = block.rows[0] if block.first == 0 else header
        place = args["row"] - block.first
        is_here = block.first > 0 and 0 <= place < len(block.rows)
        yield Block(block.first, [*block.rows[:place], header, *block.rows[place:]]) if is_here else block


@LINES.edit(_STREAM)
def no_header(blocks: Iterator[Block], _args: Args) -> Iterator[Block]:
    """Leaves the header line away."""
    return (block for block in blocks if block.first > 0)


@LINES.edit(
    _STREAM,
    where=choice("before_header", "between", "after_last", "everywhere", default="everywhere"),
    every=Arg(int, 100),
)
def metadata_lines(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Puts metadata lines among the rows; `between`: one before every `every`-th row."""
    where = args["where"]
    if where in ("before_header", "everywhere"):
        yield Block(0, [META_LINE])
    for block in blocks:
        is_among = where in ("between", "everywhere") and block.first > 0
        yield before_every(block, args["every"], META_LINE) if is_among else block
    if where in ("after_last", "everywhere"):
        yield Block(0, [META_LINE])


LINES.switch("no_final_newline", roles("stream", "csv"), "The last line has no newline.")
