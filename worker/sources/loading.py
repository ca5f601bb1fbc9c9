"""Loads and checks all source files: the packaged ones and the operator's own.

    catalogue = load_catalogue([Path("my-sources")])
    report = report_of(catalogue.sources["kargo"], "campaign-performance-metrics")

A file with a mistake is left out; the mistake, with file, line and field, concerns only who uses that source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from config.settings import PACKAGED
from worker.errors import BadInput, UnreadableFile
from worker.sources.checks import check_json_schemas, check_source
from worker.sources.schema import Report, Source
from worker.sources.yaml_files import YamlFile, read_yaml, validate
from worker.suggestions import one_of

PACKAGED_SOURCES = PACKAGED / "sources"
SUFFIXES = (".yaml", ".yml")
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The sources by name.

    `faults` says, by name of the source, why others cannot be used; where a file does not tell its source, by the name
    of the file. `ignored` are the entries of the directories that are not source files.
    """

    sources: Mapping[str, Source]
    faults: Mapping[str, BadInput]
    ignored: tuple[Path, ...]

    def describe_ignored(self) -> list[str]:
        """A sentence that names what is ignored; none if nothing is."""
        if not self.ignored:
            return []
        named = ", ".join(map(str, self.ignored[:MOST_NAMED])) + (", ..." if len(self.ignored) > MOST_NAMED else "")
        return [f"not read, because their names do not end in .yaml or .yml: {named}"]


def report_of(source: Source, name: str) -> Report:
    """The source's report with this name. Raises BadInput that lists the existing ones."""
    if name not in source.reports:
        raise BadInput("report", f"{source.source}.{name}", one_of(name, source.reports, "reports"))
    return source.reports[name]


def load_catalogue(directories: Iterable[Path] = ()) -> Catalogue:
    """Load the packaged sources and those in the directories."""
    faults: dict[str, BadInput] = {}
    paths, ignored = sorted(PACKAGED_SOURCES.glob("*.yaml")), []
    for directory in directories:
        try:
            entries = sorted(directory.iterdir())
        except OSError as error:
            problem, form = error.strerror or str(error), "a directory of source files"
            faults[str(directory)] = UnreadableFile(f"MILLRACE_SOURCES: {directory}", problem, form)
            continue
        paths += [entry for entry in entries if entry.suffix in SUFFIXES]
        # Kubernetes and editors keep hidden entries beside the files.
        ignored += [entry for entry in entries if entry.suffix not in SUFFIXES and not entry.name.startswith(".")]
    by_source: dict[str, list[YamlFile]] = {}
    for path in paths:
        try:
            file = read_yaml(path)
        except BadInput as fault:
            faults[path.stem] = fault
        else:
            declared = file.content.get("source") if isinstance(file.content, dict) else None
            by_source.setdefault(declared if isinstance(declared, str) else str(path), []).append(file)
    sources: dict[str, Source] = {}
    for name, files in by_source.items():
        try:
            sources[name] = _load_only_file(name, files)
        except BadInput as fault:
            faults[name] = fault
    return Catalogue(sources, faults, tuple(ignored))


def _load_only_file(name: str, files: list[YamlFile]) -> Source:
    """The source with this name. Raises BadInput if it has several files: none may silently replace another."""
    if len(files) > 1:
        where = files[-1].where(("source",))
        raise BadInput(where, name, f"a name that no other file uses; {files[0].path} uses it")
    source = load_source(files[0])
    if files[0].path.parent != PACKAGED_SOURCES:
        # Those of the packaged files are checked by the tests.
        check_json_schemas(source, files[0])
    return source


def load_source(file: YamlFile) -> Source:
    """The source that a file declares, checked. Raises BadInput with file, line and field."""
    content = file.content
    if isinstance(content, dict):
        # Before validation, so that the models see plain lists and complete schemas.
        content = _with_definitions(_flatten_allowed(content))
    source = validate(Source, content, file)
    check_source(source, file)
    return source


@cache
def source_schema() -> dict[str, Any]:
    """The JSON Schema of a source file, for editors."""
    schema = Source.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Millrace source"}


def _flatten_allowed(content: Any) -> Any:
    """The content with lists within lists of allowed values flattened."""
    if isinstance(content, list):
        return [_flatten_allowed(part) for part in content]
    if not isinstance(content, dict):
        return content
    return {
        key: _flatten(value)
        if key in ("allowed", "items_allowed", "enum") and isinstance(value, list)
        else _flatten_allowed(value)
        for key, value in content.items()
    }


def _flatten(values: list[Any]) -> list[Any]:
    return [name for value in values for name in (_flatten(value) if isinstance(value, list) else [value])]


def _with_definitions(content: dict[str, Any]) -> dict[str, Any]:
    """The content with the `definitions` of the file put into each JSON Schema that refers to them.

    A schema's own definition of a name overrides the file's.
    """
    shared = content.get("definitions")
    reports = content.get("reports")
    if not isinstance(shared, dict) or not isinstance(reports, dict):
        return content

    def with_definitions(part: Any) -> Any:
        schema = part.get("schema") if isinstance(part, dict) else None
        if not isinstance(schema, dict):
            return part
        own = schema.get("definitions", {})
        if not isinstance(own, dict):
            return part
        needed = _definitions_of(schema, {**shared, **own})
        return {**part, "schema": {**schema, "definitions": needed} if needed else schema}

    def report(part: Any) -> Any:
        params = part.get("params") if isinstance(part, dict) else None
        if not isinstance(params, dict):
            return with_definitions(part)
        return with_definitions({**part, "params": {name: with_definitions(param) for name, param in params.items()}})

    return {**content, "definitions": {}, "reports": {name: report(part) for name, part in reports.items()}}


def _definitions_of(schema: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions a schema refers to, directly or through another."""
    needed: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(value for key, value in part.items() if key != "definitions")
            name = str(part.get("$ref", "")).removeprefix("#/definitions/")
            if name in definitions and name not in needed:
                needed[name] = definitions[name]
                waiting.append(definitions[name])
    return needed
