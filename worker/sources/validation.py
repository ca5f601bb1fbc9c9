"""Check a file's content against a model and word what is wrong, with file, line and field."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from worker.errors import BadInput, MissingInput
from worker.sources.yaml_files import Place, YamlFile
from worker.suggestions import one_of

Model = TypeVar("Model", bound=BaseModel)

_WORDS = {
    "Input should be ": "",
    "List should have ": "",
    "Dictionary should have ": "",
    " after validation": "",
    "String should match pattern ": "text of the form ",
}


def validate(model: type[Model], content: Any, file: YamlFile, place: Place = ()) -> Model:
    """The content as the model.

    `place` says where in the file it stands. Raises BadInput for the first mistake.
    """
    if not isinstance(content, dict):
        raise BadInput(file.where(place), content, f"the fields of a {model.__name__.lower()}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # A misspelt field is also a missing one; the spelling is what a person can act on.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        # Without its cause: pydantic's own message repeats the content, which may hold a secret.
        raise _bad_input(model, first, content, file, place) from None


def _bad_input(model: type[BaseModel], mistake: Any, content: Any, file: YamlFile, place: Place) -> BadInput:
    steps = _steps_in(content, mistake["loc"])
    where = file.where((*place, *steps))
    if mistake["type"] == "extra_forbidden":
        names = _fields_at(model.model_json_schema(by_alias=True), content, steps[:-1])
        return BadInput(where, steps[-1], one_of(steps[-1], names, "fields"))
    if mistake["type"] == "missing":
        return MissingInput(f"{where}{'.' if steps or place else ': '}{mistake['loc'][-1]}", "a value for this field")
    if mistake["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return BadInput(where, mistake["input"].get("kind"), f"kind: one of {mistake['ctx'].get('expected_tags', '')}")
    allowed = str(mistake["msg"])
    for pydantic_words, words in _WORDS.items():
        allowed = allowed.replace(pydantic_words, words)
    return BadInput(where, mistake["input"], allowed)


def _steps_in(content: Any, loc: tuple[str | int, ...]) -> Place:
    """The steps of a pydantic location that stand in the content; union members are none."""
    steps: list[str | int] = []
    for step in loc:
        is_field = isinstance(content, dict) and step in content
        is_position = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if is_field or is_position:
            content = content[step]
            steps.append(step)
    return tuple(steps)


def _fields_at(schema: dict[str, Any], content: Any, steps: Place) -> list[str]:
    """The fields a JSON Schema allows where the steps lead, the content deciding between kinds."""
    node = _resolved(schema, schema, content)
    for step in steps:
        content = content[step]
        inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        if inner is None:
            inner = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), {})
        node = _resolved(schema, inner, content)
    return list(node.get("properties", {}))


def _resolved(schema: dict[str, Any], node: Any, content: Any) -> dict[str, Any]:
    """The node behind references and choices; of a union, the kind the content names."""
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
