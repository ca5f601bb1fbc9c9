"""Options of several verbs: `--json`, a report with its parameters, and ports."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any

import click

from config.settings import LONGEST_SECONDS
from worker.errors import BadInput
from worker.model import Json
from worker.sources.yaml_files import read_yaml
from worker.strict_json import load_json

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the data as JSON.")


class Seconds(click.FloatRange):
    """A time to wait. NaN, which compares with nothing, would be a time without effect."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(0, LONGEST_SECONDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return seconds


def _complete_report(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names for the shell to complete; none if the connections cannot be read, because a shell shows no messages."""
    from worker.cli.startup import connections

    try:
        names = [f"{name}.{report}" for name, account in connections().items() for report in account.source.reports]
    except BadInput:
        return []
    return [name for name in names if name.startswith(incomplete)]


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add arguments for a report and its parameters: `name`, `sets` and `file`."""
    for option in reversed(
        [
            click.argument("name", metavar="CONNECTION.REPORT", shell_complete=_complete_report),
            click.option("--set", "sets", metavar="NAME=VALUE", multiple=True, help="A parameter, as JSON or text."),
            click.option(
                "--params", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="A file of parameters in JSON or YAML; --set overrides it.",
            ),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


def read_params(sets: tuple[str, ...], file: Path | None) -> Json:
    """The parameters in the file, overridden by those of `--set`, each JSON or else text. Raises BadInput."""
    params: Json = {}
    if file is not None:
        try:
            content = load_json(file.read_text(encoding="utf-8-sig"))
        except (ValueError, OSError):
            # Read like every other YAML file here: a date stays text, and a name that occurs twice is refused.
            content = read_yaml(file).content
        if not isinstance(content, dict):
            raise BadInput("--params", str(file), "a file that holds names and values")
        params.update(content)
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadInput("--set", text, "NAME=VALUE")
        try:
            params[name] = load_json(value)
        except ValueError:
            params[name] = value
    return params


def require_free_port(host: str, port: int, *, option: str = "--port") -> None:
    """Raise BadInput if this port of this host is in use or not allowed."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise BadInput("--host", host, f"an address of this machine ({error.strerror})") from None
    try:
        socket.create_server(address, family=family).close()
    except OSError as error:
        raise BadInput(option, port, f"a port that is free on {host} ({os.strerror(error.errno or 0)})") from None
