"""Finds a vendor's error in a body, by the error shapes of its source file, and quotes bodies for messages."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from html import unescape
from typing import Any

from worker.errors import FailJob, LoginExpired, MillraceError, NoMorePages, RateLimited, RetryLater
from worker.json_path import find, is_same, is_value, number
from worker.sources.schema import Consequence, ErrorShape

EXCERPT_BYTES = 200
SHORTEST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 3_600.0
LONGEST_WORDS = 500

# A relative link is recognized by the name and `=` in its query, which Java programs write as `\u003d`.
_QUERY = re.compile(rb"(https?:\\?/\\?/[^\s\"'<>?]*)?\?(?(1)|[\w.%~+\[\]-]+(?:=|\\u003[dD]))[^\s\"'<>]*")
_STORAGE_WORD = re.compile(rb"<(Code|Message)>([^<]*)</")

Finder = Callable[[str], Any]
"""Returns the value at a path, None if there is none."""


@dataclass(frozen=True, slots=True)
class VendorError:
    """An error in a body, in the vendor's words.

    `consequence` is None if the source file names none: then a refusal is handled by its status, and an error in a
    success fails the job. `wait_seconds` is how long a rate limit lasts, if the body says so.
    """

    words: str
    consequence: Consequence | None = None
    wait_seconds: float | None = None

    def failure(self, reason: str) -> MillraceError:
        """The exception to raise, with this reason, which should contain the words."""
        if self.consequence == "rate-limit":
            return RateLimited(reason, wait_seconds=self.wait_seconds)
        if self.consequence == "retry":
            return RetryLater(reason)
        if self.consequence == "login":
            return LoginExpired(reason)
        return NoMorePages(reason) if self.consequence == "end" else FailJob(reason)


def error_in(find: Finder, shapes: Iterable[ErrorShape]) -> VendorError | None:
    """The error in a body; None if it matches no shape.

    If several shapes fit, the first with a consequence decides what follows, and the first that finds a code or a
    message gives the words.
    """
    fitting = [shape for shape in shapes if is_error(shape, find(shape.when))]
    if not fitting:
        return None
    # Two separate choices, so that a general shape may come before or after a special one.
    decisive = next((shape for shape in fitting if shape.then), fitting[0])
    quoted = next((shape for shape in fitting if _code_and_message(find, shape)), decisive)
    stated = find(decisive.wait) if isinstance(decisive.wait, str) else decisive.wait
    # A number, its digits, or a duration as Google writes it: `30s`.
    seconds = number(stated.strip().removesuffix("s") if isinstance(stated, str) else stated)
    return VendorError(describe(find, quoted), decisive.then, None if seconds is None else bounded_wait(seconds))


def error_in_body(raw: bytes, shapes: Iterable[ErrorShape]) -> VendorError | None:
    """The error in the start of a body, which may be JSON or plain text; None if it matches no shape."""
    text = raw.decode("utf-8-sig", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = text.strip()
    return error_in(partial(find, body), shapes)


def is_error(shape: ErrorShape, cause: Any) -> bool:
    """Does this value, found at the `when` of a shape, mean an error? Null and empty values never do."""
    if not is_value(cause):
        return False
    if shape.equals is not None:
        return any(is_same(cause, value) for value in _as_list(shape.equals))
    if shape.unless is not None:
        return not any(is_same(cause, value) for value in _as_list(shape.unless))
    if shape.contains is not None:
        return isinstance(cause, str) and shape.contains.casefold() in cause.casefold()
    return cause is not False


def describe(find: Finder, shape: ErrorShape) -> str:
    """Code, message and request id of the error in a body that matches the shape, each cut to a readable length."""
    cause = find(shape.when)
    # A flag or a number says nothing by itself.
    stated = f"{shape.when} is {str(cause).lower()}" if isinstance(cause, int | float | Decimal) else cause
    words = _code_and_message(find, shape) or [stated if is_value(stated) else "neither code nor message"]
    request_id = find(shape.request_id) if shape.request_id else None
    text = ": ".join(map(_text, words))
    return f"{text} (request id {_text(request_id)})" if is_value(request_id) else text


def paths_of(shapes: Iterable[ErrorShape]) -> Iterator[str]:
    """Every path that the shapes use."""
    for shape in shapes:
        places = (shape.when, shape.code, shape.message, shape.request_id, shape.wait)
        yield from (path for path in places if isinstance(path, str))


def bounded_wait(seconds: float) -> float | None:
    """The wait that a vendor asks for, but at least a second and at most an hour; None if it is NaN."""
    return None if math.isnan(seconds) else min(max(seconds, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)


def _code_and_message(find: Finder, shape: ErrorShape) -> list[Any]:
    return [part for part in (find(path) for path in (shape.code, shape.message) if path) if is_value(part)]


def _as_list(stated: Any) -> list[Any]:
    return stated if isinstance(stated, list) else [stated]


def storage_error(raw: bytes) -> str | None:
    """Code and message of an error in the XML of S3, Azure and Google Storage; None for any other body.

    Nothing else of such a body is shown: it repeats the signed request.
    """
    if b"<Error" not in raw[:500]:
        return None
    found = dict(_STORAGE_WORD.findall(raw))
    words = [unescape(found[name].decode("utf-8", "replace")) for name in (b"Code", b"Message") if name in found]
    return ": ".join(" ".join(part.split()) for part in words)[:LONGEST_WORDS] or None


def excerpt(raw: bytes, limit: int = EXCERPT_BYTES) -> str:
    """The first bytes of a body on one line, for people; without the queries of links, which may hold a signature."""
    return one_line(_QUERY.sub(rb"\1?...", raw[: limit * 4]), limit)


def one_line(raw: bytes, limit: int = EXCERPT_BYTES) -> str:
    """The first bytes of a text on one line, for people."""
    if not raw.strip():
        return "(empty)"
    # Not by `split()`: to that, the separators of old tapes are blanks, which would hide what is wrong with the text.
    text = re.sub(r"[ \t\r\n]+", " ", raw[: limit * 2].decode("utf-8", "replace")).strip(" ")[:limit]
    return "".join(character if character.isprintable() else "?" for character in text)


def _text(value: Any) -> str:
    # Half a surrogate pair, as in a message that the vendor cut off, could not be stored.
    text = str(value)[:LONGEST_WORDS].encode(errors="replace")
    return _QUERY.sub(rb"\1?...", text).decode()
