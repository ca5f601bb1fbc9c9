"""HTTP requests as received, and HTTP answers as sent: whole bodies, lines, or lists of rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from sandbox.rows import Block, CleanCut, Cut, Gone, Last

Json = Any


class Hangup(Exception):
    """Ends the connection at once: with RST if `is_reset`, otherwise by closing it normally."""

    def __init__(self, *, is_reset: bool = False) -> None:
        self.is_reset = is_reset
        super().__init__("the connection ends here")


@dataclass(slots=True)
class Request:
    """A request with its whole body. Header names are in lower case; `is_storage` is true on the storage port."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    is_storage: bool = False

    @property
    def query(self) -> dict[str, str]:
        """The query by name; if a name is given twice, its last value."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Json:
        """The body as JSON; None if it is not valid JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def form(self) -> dict[str, str]:
        """The fields of the form in the body, by name."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


@dataclass(slots=True)
class Answer:
    """A response. `length` is its Content-Length; if it is None, the body is sent in chunks.

    With `until_close` it has neither, and the body ends when the connection closes.
    """

    status: int = 200
    body: Iterable[bytes] = ()
    length: int | None = 0
    headers: dict[str, str] = field(default_factory=dict)
    until_close: bool = False

    def head(self) -> bytes:
        """Status line and headers as bytes."""
        headers = dict(self.headers)
        if self.until_close:
            headers["Connection"] = "close"
        elif self.length is None:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(self.length)
        # Faults may use statuses that HTTP does not define, such as 520.
        phrase = HTTPStatus(self.status).phrase if self.status in list(HTTPStatus) else "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def whole(status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> Answer:
    """An answer with this body."""
    named = {"Content-Type": media_type, **(headers or {})}
    return Answer(status, (body,) if body else (), len(body), named)


def as_json(status: int, value: Json, headers: dict[str, str] | None = None) -> Answer:
    """An answer with a JSON body, compact and in UTF-8."""
    return whole(status, dumps(value), "application/json", headers)


def dumps(value: Json) -> bytes:
    """A JSON value, compact and in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def streamed(pieces: Iterator[bytes], media_type: str, *, length: int | None = None) -> Answer:
    """An answer whose body is generated while it is sent."""
    return Answer(200, pieces, length, {"Content-Type": media_type})


def as_lines(blocks: Iterator[Block], *, is_last_ended: bool = True) -> Iterator[bytes]:
    """Rows as lines. The last line has a newline unless `is_last_ended` is false."""
    is_first = True
    for block in blocks:
        rows, mark = _until_mark(block.rows)
        if rows:
            yield (b"" if is_first else b"\n") + b"\n".join(rows)
            is_first = False
        if mark is not None:
            yield from _end_body(mark, b"" if is_first else b"\n", b"\n")
            return
    if is_last_ended and not is_first:
        yield b"\n"


def _end_body(mark: bytes, before: bytes, after: bytes) -> Iterator[bytes]:
    if isinstance(mark, Cut):
        yield before + mark
        if not isinstance(mark, CleanCut):
            raise Hangup
    else:
        yield before + mark + after


def as_list(before: bytes, blocks: Iterator[Block], after: bytes) -> Iterator[bytes]:
    """Rows joined by commas, between `before` and `after`, which contain the brackets of the list."""
    lead = before
    for block in blocks:
        rows, mark = _until_mark(block.rows)
        if rows:
            yield lead + b",".join(rows)
            lead = b","
        if mark is not None:
            yield from _end_body(mark, lead if mark else b"", b"")
            return
    yield (before if lead is before else b"") + after


def _until_mark(rows: list[bytes]) -> tuple[list[bytes], bytes | None]:
    """The rows to send, and the row that ends the body, if any."""
    # The case of almost every block, checked in C.
    if set(map(type, rows)) <= {bytes}:
        return rows, None
    sent: list[bytes] = []
    for row in rows:
        if isinstance(row, (Cut, Last)):
            return sent, row
        if not isinstance(row, Gone):
            sent.append(row)
    return sent, None
