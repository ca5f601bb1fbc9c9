"""Read a YAML file so that every mistake can be shown with its line.

Scalars follow YAML 1.2: dates stay text, `NO` stays Norway, and `12:30` is no number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from worker.errors import BadInput

Place = tuple[str | int, ...]
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """The safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml's own attribute


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]+)([eE][-+]?[0-9]+)?$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(_MERGE, re.compile(r"^<<$"), ["<"])


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file holds, and on which line each part of it stands."""

    path: Path
    content: Any
    lines: dict[Place, int]

    def where(self, place: Place) -> str:
        """`file:line: field` for the deepest part of the place that stands in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines.get(place, 1)}" + (f": {dotted(place)}" if place else "")


def dotted(place: Place) -> str:
    """A place as people write it: `reports.performance.read.0`."""
    return ".".join(str(step) for step in place)


def read_yaml(path: Path) -> YamlFile:
    """Read one file.

    Raises BadInput for what is not YAML, a key that stands twice, or a file that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), str(error), "a readable YAML file in UTF-8") from error
    try:
        return _parse(path, text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}:{line}", error.problem, "YAML") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(str(path), str(error), "YAML") from error


def _parse(path: Path, text: str) -> YamlFile:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        lines: dict[Place, int] = {}
        if root is None:
            return YamlFile(path, None, {(): 1})
        _note_lines(path, root, (), lines)
        return YamlFile(path, loader.construct_document(root), lines)
    finally:
        loader.dispose()


def _note_lines(path: Path, node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    """Remember the line of every part below the node; a key's line is where the key stands."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for position, child in enumerate(node.value):
            _note_lines(path, child, (*place, position), lines)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        merged = [child for key, child in node.value if key.tag == _MERGE]
        for child in merged:
            _note_lines(path, child, place, lines)
        for key, child in node.value:
            if key.tag == _MERGE:
                continue
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise BadInput(f"{path}:{line}: {dotted((*place, name))}", name, "each key once")
            seen.add(name)
            lines[(*place, name)] = line
            _note_lines(path, child, (*place, name), lines)
