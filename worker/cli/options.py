"""A report and its parameters, as they are given on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from worker.errors import BadInput
from worker.model import Json
from worker.sources.yaml_files import read_yaml

as_json_option = click.option("--json", "as_json", is_flag=True, help="Data as JSON.")


def _report_names(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What a shell may complete; nothing where the accounts cannot be read, for a shell is no place for messages."""
    from worker.cli.services import connections

    try:
        names = [f"{name}.{report}" for name, account in connections().items() for report in account.source.reports]
    except BadInput:
        return []
    return [name for name in names if name.startswith(incomplete)]


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The report's name and its parameters: `name`, `sets` and `file`."""
    for option in reversed(
        [
            click.argument("name", metavar="CONNECTION.REPORT", shell_complete=_report_names),
            click.option("--set", "sets", metavar="NAME=VALUE", multiple=True, help="A parameter; JSON, else text."),
            click.option(
                "--params", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="A file of parameters, JSON or YAML; --set goes before it.",
            ),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def given_params(sets: tuple[str, ...], file: Path | None) -> Json:
    """The parameters of the file, with those set one by one before them. Raises BadInput."""
    return {**(_in_file(file) if file else {}), **dict(_set(text) for text in sets)}


def _set(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput("--set", text, "NAME=VALUE")
    try:
        return name, json.loads(value, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return name, value


def _in_file(file: Path) -> Json:
    try:
        params = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError):
        # By the same rules as every other YAML file here: a date stays the text it is.
        params = read_yaml(file).content
    if not isinstance(params, dict):
        raise BadInput("--params", str(file), "a file that holds names and values")
    return params


def _no_json(word: str) -> NoReturn:
    """NaN and Infinity are text, as in JSON itself."""
    raise ValueError(word)
