"""Walks a JSON document except for its rows: finds where lists of rows begin, and the wanted values around them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ijson

from worker.json_path import is_value
from worker.readers import parser
from worker.readers.limits import LARGEST_ROW_BYTES, LimitScanner, LoneSurrogateFinder

Path = tuple[str, ...]

STEP_BYTES = 16 * 1024
"""The most text walked at a time."""


_BEFORE_BYTES = 32
"""How much of the text before a syntax error is shown."""


class NotJsonError(Exception):
    """This text is broken. `reason` is set if reading it again cannot help."""

    def __init__(self, text: bytes, reason: str | None = None) -> None:
        self.text = text
        self.reason = reason
        super().__init__(reason or "not valid JSON in UTF-8")


class TooLarge:
    """Stands for a value too large to hold."""

    def __str__(self) -> str:
        return f"a value of more than {LARGEST_ROW_BYTES // 1024 // 1024} MiB"


@dataclass
class _Frame:
    """An open list or object, and which member is being read. `misplaced_at` is its path if it must not be there."""

    is_list: bool
    misplaced_at: Path | None = None
    name: str = ""
    position: int = -1


@dataclass
class _Unfinished:
    """A value whose end has not come yet; `began` is the offset of its start in bytes."""

    path: Path
    depth: int
    began: int
    builder: Any


@lru_cache(maxsize=4_096)
def path_of(text: str) -> Path:
    """Split `data.rows` into names. The empty path is the whole document; `*` is any member of a list or object."""
    return tuple(text.split(".")) if text else ()


class _Paths:
    """Declared paths, some with `*`, in which a path of the document is looked up."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._declared = [path_of(path) for path in paths]
        self._exact = {path for path in self._declared if "*" not in path}
        self._with_star = [path for path in self._declared if "*" in path]
        self._prefixes = {path[:count] for path in self._exact for count in range(len(path) + 1)}

    def match(self, path: Path) -> Path | None:
        """The declared path that leads to this path of the document; None if there is none."""
        if path in self._exact:
            return path
        return next((declared for declared in self._others(path) if _leads_to(declared, path)), None)

    def lead_through(self, path: Path) -> bool:
        """Does a declared path lead to this path of the document, or to something within it?"""
        if path in self._prefixes:
            return True
        return any(_leads_to(declared, path, or_beyond=True) for declared in self._others(path))

    def _others(self, path: Path) -> list[Path]:
        """The declared paths that may lead to this path although they differ from it."""
        return self._declared if "." in "".join(path) else self._with_star


@lru_cache(maxsize=64)
def _paths(declared: tuple[str, ...]) -> _Paths:
    """The paths of a source file, which are the same for all pages of a report and may be hundreds."""
    return _Paths(declared)


def _leads_to(declared: Path, path: Path, *, or_beyond: bool = False) -> bool:
    """Does a declared path lead to this path of the document? There, a name may have dots: it takes several names."""
    if not declared or not path:
        return declared == path or (or_beyond and not path)
    if declared[0] in ("*", path[0]) and _leads_to(declared[1:], path[1:], or_beyond=or_beyond):
        return True
    parts = path_of(path[0])
    is_dotted = len(parts) > 1 and declared[: len(parts)] == parts
    return is_dotted and _leads_to(declared[len(parts) :], path[1:], or_beyond=or_beyond)


class EnvelopeWalker:
    """Follows a document that is fed in pieces, each ending at the next `[`.

    `list_at`: the path of the list that began at the end of the last piece, if it is one of `lists`. The caller may
    then read the members itself: the next piece it feeds must begin with the list's `]`.
    `found`: the values at the paths `wanted`, those at the paths of `objects` unless they are lists, and null where a
    list was expected. Of several values at a path with `*`, the last that is not null or empty.
    `misplaced`: the paths of `lists`, and of their parents, at which something else was found that is not empty.
    `changed`: the paths at which such values differed.
    `is_over`: the outermost value has ended.
    `has_empty_batches`: a list whose members should hold lists of rows is empty.
    """

    def __init__(self, lists: Iterable[str], wanted: Iterable[str], objects: Iterable[str]) -> None:
        self.list_at: Path | None = None
        self.is_over = False
        self.has_empty_batches = False
        self.found: dict[Path, Any] = {}
        self.misplaced: set[Path] = set()
        self.changed: set[Path] = set()
        lists, wanted, objects = [*lists], [*wanted], [*objects]
        self._all = _paths((*lists, *wanted, *objects))
        self._skipped_depth = 0  # how many brackets are open in a value that holds nothing of interest
        self._lists = _Paths(lists)
        self._batches = _Paths(path.partition("*")[0].removesuffix(".") for path in lists if "*" in path)
        places = [*map(path_of, lists)]
        around = [(place[:count], place[count]) for place in places for count in range(len(place))]
        self._may_be_list = {*places, *(path for path, name in around if name == "*")}
        # Any value may be beside those that `*` is meant for.
        self._may_be_object = {path for path, _ in around if path[-1:] != ("*",)}
        self._on_the_way = _Paths(map(".".join, (*places, *self._may_be_object)))
        self._wanted = _paths(tuple(wanted))
        self._objects = _Paths(objects)
        self._frames: list[_Frame] = []
        self._unfinished: list[_Unfinished] = []
        self._events: list[tuple[str, Any]] = []
        self._parser = parser.events(self._events)
        self._scan = LimitScanner()
        self._halves = LoneSurrogateFinder()
        self._bytes = 0
        self._silent_bytes = 0  # given to the parser since its last event
        self._waiting = bytearray()  # the part of a string that the parser gets later
        self._before = b""  # the last bytes given to the parser

    def feed(self, text: bytes, *, is_last: bool = False) -> None:
        """Take the next piece, of STEP_BYTES at most. Raises NotJsonError if the document is broken in it."""
        self.list_at = None
        self._bytes += len(text)
        self._waiting += text
        reason = self._scan.feed(text)
        # Given a piece of a string, the parser reads the string again from its start. So it gets as much as it has.
        may_wait = self._scan.is_in_string and len(self._waiting) < self._silent_bytes
        if may_wait and not is_last and reason is None:
            return
        text = bytes(self._waiting)
        self._waiting.clear()
        if text:  # to the parser, no text would be the end
            self._parse(text, reason)
        for event, value in self._events:
            self._handle(event, value)
        self._events.clear()
        for unfinished in tuple(self._unfinished):
            if self._bytes - unfinished.began > LARGEST_ROW_BYTES:
                self.found[unfinished.path] = TooLarge()
                self._unfinished.remove(unfinished)

    def _parse(self, text: bytes, reason: str | None) -> None:
        """Give the text to the parser, unless there is a reason not to. Raises NotJsonError if it is not sound JSON."""
        shown = self._before + text
        self._before = shown[-_BEFORE_BYTES:]
        if reason is not None:
            raise NotJsonError(shown, reason)
        try:
            self._parser.send(text)
        except parser.PARSE_ERRORS:
            raise NotJsonError(shown) from None
        if b"\v" in text or b"\f" in text or self._halves.are_in(text):
            raise NotJsonError(shown)
        self._silent_bytes = 0 if self._events else self._silent_bytes + len(text)
        if self._silent_bytes > LARGEST_ROW_BYTES:
            raise NotJsonError(shown, f"a text of more than {LARGEST_ROW_BYTES // 1024 // 1024} MiB")

    def is_whole(self) -> bool:
        """Would the document be complete if it ended here?"""
        return self.is_over and not self._frames

    def forget_objects(self) -> None:
        """Stop collecting `objects`: the document has a list of rows, so none of them is a row itself."""
        self._objects = _Paths(())
        self._unfinished = [value for value in self._unfinished if self._wanted.match(value.path) is not None]

    def _handle(self, event: str, value: Any) -> None:
        if self._skipped_depth:
            self._skipped_depth += event in ("start_map", "start_array")
            self._skipped_depth -= event in ("end_map", "end_array")
            return
        if event == "map_key":
            frame = self._frames[-1]
            frame.name = value
            if frame.misplaced_at is not None:
                self.misplaced.add(frame.misplaced_at)
            self._build(event, value)
            return
        if event in ("end_map", "end_array"):
            ended = self._frames.pop()
            if ended.position == -1 and event == "end_array" and self._batches.match(self._path()) is not None:
                self.has_empty_batches = True
            self._build(event, value)
        else:
            self._begin(event, value)
        self.is_over = not self._frames

    def _begin(self, event: str, value: Any) -> None:
        """Handle the start of a list or an object, or a whole scalar."""
        if self._frames and self._frames[-1].is_list:
            frame = self._frames[-1]
            frame.position += 1
            frame.name = str(frame.position)
            if frame.misplaced_at is not None:
                self.misplaced.add(frame.misplaced_at)
        path = self._path()
        is_open = event in ("start_map", "start_array")
        is_list = event == "start_array"
        list_at = self._lists.match(path) if event in ("start_array", "null") else None
        self.list_at = list_at if is_list else None
        on_the_way = self._on_the_way.match(path)
        wanted = self._wanted.match(path)
        if wanted is None and event != "start_array":
            wanted = self._objects.match(path)
        if wanted is not None and not is_open:
            self._keep(wanted, value)
        elif list_at is not None and not is_open:
            self.found.setdefault(list_at, value)
        self._build(event, value)
        if wanted is not None and is_open:
            unfinished = _Unfinished(wanted, len(self._frames), self._bytes, ijson.ObjectBuilder())
            unfinished.builder.event(event, value)
            self._unfinished.append(unfinished)
        if is_open and not self._unfinished and not self._all.lead_through(path):
            self._skipped_depth = 1
        elif is_open:
            may_be_here = self._may_be_list if is_list else self._may_be_object
            self._frames.append(_Frame(is_list, on_the_way if on_the_way not in may_be_here else None))
        elif on_the_way is not None and value:
            self.misplaced.add(on_the_way)

    def _build(self, event: str, value: Any) -> None:
        """Pass an event on to the unfinished values, and keep those that it completes."""
        for unfinished in tuple(self._unfinished):
            unfinished.builder.event(event, value)
            if event in ("end_map", "end_array") and len(self._frames) == unfinished.depth:
                self._keep(unfinished.path, unfinished.builder.value)
                self._unfinished.remove(unfinished)

    def _path(self) -> Path:
        return tuple(frame.name for frame in self._frames)

    def _keep(self, path: Path, value: Any) -> None:
        if "*" not in path or is_value(value):
            if self.found.get(path, value) != value:
                self.changed.add(path)
            self.found[path] = value
