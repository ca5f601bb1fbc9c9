"""Reads a YAML file and checks it against a pydantic model; a mistake is reported with file, line and field.

Scalars follow YAML 1.2: dates and `12:30` stay text, and `NO` (Norway) is not false.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from worker.errors import BadInput, MissingInput, UnreadableFile
from worker.suggestions import close_names, one_of

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
_MERGE = "tag:yaml.org,2002:merge"
_WORDS = {
    "Value error, ": "",
    "Input should be ": "",
    "List should have ": "",
    "String should have ": "",
    "Dictionary should have ": "",
    " after validation": "",
    "String should match pattern ": "text of the form ",
}
_KINDS_OF_VALUE = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}
"""What is wanted instead of a value of another type, by the beginning of the name of pydantic's error."""


# libyaml reads the packaged sources five times as fast; PyYAML may have been built without it.
_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE_LOADER):  # type: ignore[misc]
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
    """The content of a file, and the line number of each part of it."""

    path: Path
    content: Any
    lines: dict[Place, int]

    def where(self, place: Place) -> str:
        """`file:line: field` for a place, or for the deepest part of it that is in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines.get(place, 1)}" + (f": {dotted(place)}" if place else "")


def dotted(place: Place) -> str:
    """A place with dots, for messages: `reports.performance.read.0`."""
    return ".".join(str(step) for step in place)


def read_yaml(path: Path) -> YamlFile:
    """Read one file. Raises UnreadableFile if it is not YAML in UTF-8, BadInput if a mapping has a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(str(path), str(error), "YAML in UTF-8") from error
    try:
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
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = (error.problem or str(error)) + _quotes_hint(text.split("\n")[line - 1 : line])
        raise UnreadableFile(f"{path}:{line}", problem, "YAML") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableFile(str(path), str(error), "YAML") from error
    except (LookupError, AttributeError) as error:  # how PyYAML ends if a value is not what its tag says
        raise UnreadableFile(str(path), "a value is not what its tag (`!!`) says", "YAML") from error


def _quotes_hint(lines: list[str]) -> str:
    """What to try where a line has what YAML reads in its own way."""
    if any("\t" in line for line in lines):
        return "; blanks, not tabs, indent a line"
    has_marks = any(re.search(r"[{}\[\]*@%]|: .*: ", line) for line in lines)
    return "; a text with { } [ ] or `: ` in it, or with * @ % in front, needs quotes" if has_marks else ""


def _note_lines(path: Path, node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    """Remember the line of every part below the node; that of a mapping's entry is its key's line."""
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


def validate(model: type[Model], content: Any, file: YamlFile, place: Place = ()) -> Model:
    """The content as the model; `place` is its place in the file. Raises BadInput for the first mistake."""
    if not isinstance(content, dict):
        raise BadInput(file.where(place), content, "fields with their values")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # `from None`: pydantic's message repeats the content, which may contain a secret.
        raise _bad_input(model, error.errors(), content, file, place) from None


def _bad_input(model: type[BaseModel], mistakes: list[Any], content: Any, file: YamlFile, place: Place) -> BadInput:
    # One mistake may cause several errors. Of "missing" and "extra", the second helps people; of the errors of a
    # union, that of our own models.
    helpful = ("extra_forbidden", "value_error")
    mistake = min(mistakes, key=lambda found: (*helpful, found["type"]).index(found["type"]))
    steps = _steps_in(content, mistake["loc"])
    where = file.where((*place, *steps))
    if mistake["type"] == "extra_forbidden":
        names = _fields_at(model.model_json_schema(by_alias=True), content, steps[:-1])
        return BadInput(where, steps[-1], one_of(steps[-1], names, "fields"))
    if mistake["type"] == "missing":
        return MissingInput(f"{where}{'.' if steps or place else ': '}{mistake['loc'][-1]}", "a value for this field")
    if mistake["type"] == "union_tag_invalid":
        where = file.where((*place, *steps, "kind"))
        return BadInput(where, mistake["input"]["kind"], _one_of_quoted(mistake, "expected_tags"))
    if mistake["type"] == "union_tag_not_found":
        kinds = one_of("", _kinds_at(model.model_json_schema(by_alias=True), content, steps))
        for written in close_names("kind", mistake["input"]):
            return BadInput(file.where((*place, *steps, written)), written, f"`kind`, with {kinds}")
        return MissingInput(f"{where}.kind", kinds)
    # The members of a union have an error each.
    same = [found for found in mistakes if _steps_in(content, found["loc"]) == steps and found["type"] != "missing"]
    allowed = " or ".join(dict.fromkeys(map(_wanted, [mistake] if mistake["type"] in helpful else same)))
    return BadInput(where, mistake["input"], allowed)


def _steps_in(content: Any, location: Place) -> Place:
    """The steps of pydantic's location that exist in the content: it also names members of unions."""
    steps: list[str | int] = []
    part = content
    for step in location:
        is_field = isinstance(part, dict) and step in part
        is_position = isinstance(part, list) and isinstance(step, int) and step < len(part)
        if is_field or is_position:
            part = part[step]
            steps.append(step)
    return tuple(steps)


def _wanted(mistake: Any) -> str:
    """What pydantic wants instead, in words that help to write it."""
    if mistake["type"] == "literal_error":
        return _one_of_quoted(mistake, "expected")
    kind, _, how = mistake["type"].partition("_")
    if kind in _KINDS_OF_VALUE and how in ("type", "parsing", "from_float", "attributes_type"):
        if kind == "string" and isinstance(mistake["input"], dict):
            return "text; a placeholder needs quotes around it"
        example = f", such as [{mistake['input']}]" if kind == "list" and isinstance(mistake["input"], str) else ""
        return _KINDS_OF_VALUE[kind] + example
    allowed = str(mistake["msg"])
    for pydantic_words, words in _WORDS.items():
        allowed = allowed.replace(pydantic_words, words)
    return allowed


def _one_of_quoted(mistake: Any, key: str) -> str:
    """`one of` the words that pydantic names in quotes, with the one that was probably meant."""
    given = mistake["input"].get("kind") if key == "expected_tags" else mistake["input"]
    names = re.findall(r"'([^']*)'", mistake["ctx"][key])
    hint = '; without quotes, null is nothing: write "null"' if given is None and "null" in names else ""
    return one_of(given, names) + hint


def _fields_at(schema: dict[str, Any], content: Any, steps: Place) -> list[str]:
    """The fields that a JSON Schema allows where the steps lead; the content decides between kinds."""
    node, content = _follow_steps(schema, content, steps)
    return list(_follow_references(schema, node, content).get("properties", {}))


def _kinds_at(schema: dict[str, Any], content: Any, steps: Place) -> list[str]:
    """The kinds between which a JSON Schema lets the content choose where the steps lead."""
    node, _ = _follow_steps(schema, content, steps)
    return list(node["discriminator"]["mapping"])


def _follow_steps(schema: dict[str, Any], content: Any, steps: Place) -> tuple[dict[str, Any], Any]:
    """The node of a JSON Schema, and the part of the content, to which the steps lead."""
    node = schema
    for step in steps:
        node = _follow_references(schema, node, content)
        content = content[step]
        inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        node = inner or node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), {})
    return node, content


def _follow_references(schema: dict[str, Any], node: Any, content: Any) -> dict[str, Any]:
    """The node to which references and choices lead; in a union, the kind that the content names."""
    while isinstance(node, dict):
        choices = node.get("oneOf") or node.get("anyOf")
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        elif "discriminator" in node:
            kind = content.get("kind") if isinstance(content, dict) else None
            node = {"$ref": node["discriminator"]["mapping"].get(kind)} if kind else {}
        elif choices:
            node = next((choice for choice in choices if "$ref" in choice or "properties" in choice), {})
        else:
            return node
    return {}
