"""Checks a source file beyond its schema: every name in it is declared, and nothing in it is without effect.

A check is a function that yields a `Mistake` for each rule that is broken. Each module has the checks of one topic;
`check_source` begins them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from worker.errors import BadInput
from worker.sources.checks.json_schemas import mistakes_in_schemas
from worker.sources.checks.mistake import FIELD_NAME, Mistake, below
from worker.sources.checks.params import mistakes_in_params
from worker.sources.checks.preparation import mistakes_in_preparation
from worker.sources.checks.reading import mistakes_in_reads
from worker.sources.checks.reports import mistakes_in_report, undeclared_names, unused_params
from worker.sources.checks.requests import mistakes_in_placeholders, mistakes_in_requests
from worker.sources.checks.source import mistakes_in_account, mistakes_in_base_and_deadlines, mistakes_in_errors
from worker.sources.credentials import credential_names
from worker.sources.schema import Source
from worker.sources.yaml_files import YamlFile


def check_source(source: Source, file: YamlFile) -> None:
    """Raise BadInput for the first mistake, with file, line and field."""
    _refuse(_mistakes_in(source), file)


def check_json_schemas(source: Source, file: YamlFile) -> None:
    """Raise BadInput for the first mistake in a JSON Schema. What checks them takes long to import."""
    _refuse(mistakes_in_schemas(source, file), file)


def _refuse(mistakes: Iterator[Mistake], file: YamlFile) -> None:
    for place, allowed, given, inside in mistakes:
        raise BadInput(file.where(place) + inside, place[-1] if given is FIELD_NAME else given, allowed)


def _mistakes_in(source: Source) -> Iterator[Mistake]:
    """The mistakes in a source. Later checks rely on what earlier ones have found right."""
    yield from mistakes_in_base_and_deadlines(source)
    credentials = {name for auth in source.auth for name in credential_names(auth)}
    for name, report in source.reports.items():
        for mistakes in (
            undeclared_names(report),
            mistakes_in_preparation(report),
            mistakes_in_placeholders(report, credentials),
            mistakes_in_reads(report),
            mistakes_in_report(report),
            mistakes_in_requests(report),
            mistakes_in_params(report),
            unused_params(report),
        ):
            yield from below(("reports", name), mistakes)
    yield from mistakes_in_account(source)
    yield from mistakes_in_errors(source)
