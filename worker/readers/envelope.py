"""Walks through a JSON text apart from its rows: finds where lists of rows begin, and the values around them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ijson

from worker.json_path import is_value
from worker.readers import parser
from worker.readers.limits import LARGEST_ROW_BYTES, HalfCharacters, Scan

Path = tuple[str, ...]

STEP_BYTES = 16 * 1024
"""The most text walked at a time."""


class NotJsonError(Exception):
    """The text is broken. `reason` is set where reading it again would not mend it."""

    def __init__(self, reason: str | None = None) -> None:
        self.reason = reason
        super().__init__(reason or "not valid JSON in UTF-8")


class TooLarge:
    """Stands for a value too large to hold."""


@dataclass
class _Frame:
    """An open list or object, and where in it we are."""

    is_list: bool
    name: str = ""
    position: int = -1


@dataclass
class _Growing:
    """A value being built, and when it began."""

    path: Path
    depth: int
    began: int
    builder: Any


def path_of(text: str) -> Path:
    """`data.rows` as its names; the empty path is the whole text. `*` is any member of a list or an object."""
    return tuple(text.split(".")) if text else ()


class _Paths:
    """Declared paths, among which a path in the text is looked up."""

    def __init__(self, paths: Iterable[str]) -> None:
        declared = [path_of(path) for path in paths]
        self._exact = {path for path in declared if "*" not in path}
        self._with_star = [path for path in declared if "*" in path]

    def match(self, path: Path) -> Path | None:
        """The declared path that this path equals, or fits with its `*`; None where there is none."""
        if path in self._exact:
            return path
        for declared in self._with_star:
            if len(declared) == len(path) and all(one in ("*", name) for one, name in zip(declared, path, strict=True)):
                return declared
        return None


class Walk:
    """Follows a text that is fed in pieces, each of which ends at the next `[`.

    `list_at` is the path of the list that the last piece began, if it is one of `lists`. Its members may then be left
    out, so that rows are not walked: the next piece begins with its `]`.

    `found` has the values at the paths that are `wanted`, those of `objects` that are no lists, and null where a list
    was looked for. Of several values at a path with `*` it has the last that says something; `changed` has the paths
    where they differed. `is_over`: the outermost value has ended. `has_empty_batches`: a list whose members should hold
    lists of rows has no member.
    """

    def __init__(self, lists: Iterable[str], wanted: Iterable[str], objects: Iterable[str]) -> None:
        self.list_at: Path | None = None
        self.is_over = False
        self.has_empty_batches = False
        self.found: dict[Path, Any] = {}
        self.changed: set[Path] = set()
        lists = [*lists]
        self._lists = _Paths(lists)
        self._batches = _Paths(path.partition("*")[0].removesuffix(".") for path in lists if "*" in path)
        self._wanted = _Paths(wanted)
        self._objects = _Paths(objects)
        self._frames: list[_Frame] = []
        self._growing: list[_Growing] = []
        self._events: list[tuple[str, Any]] = []
        self._parser = parser.events(self._events)
        self._scan = Scan()
        self._halves = HalfCharacters()
        self._bytes = 0
        self._silent_bytes = 0

    def feed(self, text: bytes) -> None:
        """Walk on, by no more than STEP_BYTES. Raises NotJsonError."""
        self.list_at = None
        self._bytes += len(text)
        if reason := self._scan.feed(text):
            raise NotJsonError(reason)
        try:
            self._parser.send(text)
        except parser.PARSE_ERRORS:
            raise NotJsonError from None
        if b"\v" in text or b"\f" in text or self._halves.are_in(text):
            raise NotJsonError
        self._silent_bytes = 0 if self._events else self._silent_bytes + len(text)
        if self._silent_bytes > LARGEST_ROW_BYTES:
            raise NotJsonError(f"a text of more than {LARGEST_ROW_BYTES // 1024 // 1024} MiB")
        for event, value in self._events:
            self._handle(event, value)
        self._events.clear()
        for grown in tuple(self._growing):
            if self._bytes - grown.began > LARGEST_ROW_BYTES:
                self.found[grown.path] = TooLarge()
                self._growing.remove(grown)

    def is_whole(self) -> bool:
        """Is the text whole, if it ends here?"""
        return self.is_over and not self._frames

    def forget_objects(self) -> None:
        """Stop looking for `objects`, so that none of them is built any more."""
        self._objects = _Paths(())
        self._growing = [grown for grown in self._growing if self._wanted.match(grown.path) is not None]

    def _handle(self, event: str, value: Any) -> None:
        if event == "map_key":
            self._frames[-1].name = value
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
        """A value begins, and unless it is a list or an object, ends."""
        if self._frames and self._frames[-1].is_list:
            self._frames[-1].position += 1
            self._frames[-1].name = str(self._frames[-1].position)
        path = self._path()
        is_open = event in ("start_map", "start_array")
        list_at = self._lists.match(path) if event in ("start_array", "null") else None
        self.list_at = list_at if is_open else None
        wanted = self._wanted.match(path)
        if wanted is None and event != "start_array":
            wanted = self._objects.match(path)
        if wanted is not None and not is_open:
            self._find(wanted, value)
        elif list_at is not None and not is_open:
            self.found.setdefault(list_at, value)
        self._build(event, value)
        if wanted is not None and is_open:
            grown = _Growing(wanted, len(self._frames), self._bytes, ijson.ObjectBuilder())
            grown.builder.event(event, value)
            self._growing.append(grown)
        if is_open:
            self._frames.append(_Frame(is_list=event == "start_array"))

    def _build(self, event: str, value: Any) -> None:
        """Give an event to the values that are being built; one that is complete is found."""
        for grown in tuple(self._growing):
            grown.builder.event(event, value)
            if event in ("end_map", "end_array") and len(self._frames) == grown.depth:
                self._find(grown.path, grown.builder.value)
                self._growing.remove(grown)

    def _path(self) -> Path:
        return tuple(frame.name for frame in self._frames)

    def _find(self, path: Path, value: Any) -> None:
        if "*" not in path or is_value(value):
            if self.found.get(path, value) != value:
                self.changed.add(path)
            self.found[path] = value
