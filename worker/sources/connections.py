"""Loads connections.yaml: our accounts at vendors, each with its source, URL, credentials (by name) and limits.

    kargo:
      source: kargo
      base_url: ${KARGO_BASE_URL:-https://datasharingapi.prod.kargo.com/v1}
      credentials: {username: $KARGO_USERNAME, password: $KARGO_PASSWORD}
      limits: {requests_per_second: 5}
      timezone: Europe/Berlin

`${NAME:-default}` is an environment variable. It is replaced when the file is read, except in credentials: they keep
their names, and only `worker/transport/account.py` looks up their values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field

from worker.errors import BadInput, MissingInput
from worker.sources.base_urls import DIRECTLY, base_of, proxy_url
from worker.sources.credentials import check_credentials
from worker.sources.environment_names import Environment, expand_variables, variable_name, variables_in
from worker.sources.loading import Catalogue, report_of
from worker.sources.params import zone_of
from worker.sources.schema import Declared, Limits, Report, Source
from worker.sources.yaml_files import YamlFile, read_yaml, validate
from worker.suggestions import one_of

_KEY = {"KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD"}
"""Words in the name of a variable that is a secret."""


class ConnectionLimits(Declared):
    """Limits of one account; a limit that is not set is the source file's."""

    requests_per_second: float | None = Field(default=None, gt=0)
    reports_at_once: int | None = Field(default=None, ge=1)
    streams_at_once: int | None = Field(default=None, ge=1)


class ConnectionEntry(Declared):
    """One account as it is written in the file.

    `proxy` is the URL of the proxy for its requests, or `none`; without it, HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the
    environment apply.
    """

    source: str
    base_url: str | None = None
    credentials: dict[str, str] = Field(default_factory=dict)
    limits: ConnectionLimits = ConnectionLimits()
    timezone: str = "UTC"
    allow_http: bool = False
    proxy: str | None = Field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """One account. `credentials` are names of variables or literal secrets: never print them."""

    name: str
    source: Source
    base_url: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = field(default_factory=Limits)
    timezone: str = "UTC"
    allow_http: bool = False
    proxy: str | None = field(default=None, repr=False)


class Connections(dict[str, Connection]):
    """The usable connections by name. `connections[name]` of any other raises BadInput that says why.

    `faults` says, by name, what is wrong with the connections that cannot be used.
    """

    def __init__(self, usable: Mapping[str, Connection], faults: Mapping[str, BadInput], catalogue: Catalogue) -> None:
        super().__init__(usable)
        self.faults = faults
        self.catalogue = catalogue

    def __missing__(self, name: str) -> NoReturn:
        if name in self.faults:
            # One object is raised many times: without this it would collect the traceback of each.
            raise self.faults[name].with_traceback(None)
        raise BadInput("connection", name, one_of(name, self, "connections"))

    def names_by_source(self) -> dict[str, list[str]]:
        """The names of our accounts at each source that has any."""
        names: dict[str, list[str]] = {}
        for name, connection in self.items():
            names.setdefault(connection.source.source, []).append(name)
        return names

    def mistakes(self) -> list[str]:
        """All that is wrong in the files of connections and sources, each mistake once."""
        faults = (*self.catalogue.faults.values(), *self.faults.values())
        return list(dict.fromkeys(str(fault) for fault in faults))


def load_connections(path: Path, catalogue: Catalogue, environment: Environment) -> Connections:
    """The connections of the file, each checked; a mistake in one is a fault of that one alone.

    Raises BadInput if the file as a whole cannot be read. Credentials need not be set.
    """
    file = read_yaml(path)
    if not isinstance(file.content, dict):
        raise BadInput(str(path), file.content, "connections by name")
    usable: dict[str, Connection] = {}
    faults: dict[str, BadInput] = {}
    for name, entry in file.content.items():
        try:
            usable[name] = _load(name, entry, file, catalogue, environment)
        except BadInput as fault:
            faults[name] = fault
    return Connections(usable, faults, catalogue)


def find_report(connections: Connections, name: str) -> tuple[Connection, Report]:
    """The connection and the report that CONNECTION.REPORT names. Raises BadInput that lists the existing ones."""
    connection, dot, report = name.partition(".")
    if not dot:
        raise BadInput("report", name, "CONNECTION.REPORT, such as kargo.campaign-performance-metrics")
    return connections[connection], report_of(connections[connection].source, report)


@cache
def connections_schema() -> dict[str, Any]:
    """The JSON Schema of a connections file, for editors."""
    entry = ConnectionEntry.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Millrace connections",
        "type": "object",
        "$defs": entry.pop("$defs"),
        "additionalProperties": entry,
    }


def _load(name: str, content: Any, file: YamlFile, catalogue: Catalogue, environment: Environment) -> Connection:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise BadInput(file.where((name,)), name, "a name of small letters, digits, - and _")
    _check_secrets(content, file, name)
    if isinstance(content, dict):
        _refuse_key_in_url(content, file, name)
        # Credentials keep their variables: the secret is looked up where it is used and not stored anywhere else.
        content = {
            key: value if key == "credentials" else expand_variables(value, environment, file.where((name, key)))
            for key, value in content.items()
        }
    entry = validate(ConnectionEntry, content, file, (name,))
    if entry.source not in catalogue.sources:
        if entry.source in catalogue.faults:
            raise catalogue.faults[entry.source]
        raise BadInput(file.where((name, "source")), entry.source, one_of(entry.source, sorted(catalogue.sources)))
    source = catalogue.sources[entry.source]
    check_credentials(source, entry.credentials, file, (name, "credentials"))
    base = entry.base_url or source.base_url
    if base is None:
        raise MissingInput(file.where((name, "base_url")), "a URL here, since the source has none")
    base_of(base, where=file.where((name, "base_url")), allow_http=entry.allow_http)
    zone_of(entry.timezone, file.where((name, "timezone")))
    proxy = entry.proxy
    return Connection(
        name=name,
        source=source,
        base_url=base.rstrip("/"),
        credentials=entry.credentials,
        limits=source.limits.model_copy(update=entry.limits.model_dump(exclude_none=True)),
        timezone=entry.timezone,
        allow_http=entry.allow_http,
        proxy=proxy if proxy in (None, DIRECTLY) else proxy_url(proxy, file.where((name, "proxy"))),
    )


def _refuse_key_in_url(content: dict[str, Any], file: YamlFile, name: str) -> None:
    """Refuse a base URL with a key in it: the paths of requests are in messages, receipts and logs."""
    held = {variable_name(text) for text in content.get("credentials", {}).values()}
    for variable in variables_in(str(content.get("base_url", ""))):
        if variable in held or _KEY.intersection(variable.upper().split("_")):
            wanted = "a URL without a key: paths are shown in messages. A vendor that wants one there needs a proxy"
            raise BadInput(file.where((name, "base_url")), f"${variable}", wanted)


def _check_secrets(content: Any, file: YamlFile, name: str) -> None:
    """Refuse credentials of a wrong type here, because the message of the model would repeat them."""
    credentials = content.get("credentials", {}) if isinstance(content, dict) else {}
    if not isinstance(credentials, dict):
        raise BadInput(file.where((name, "credentials")), type(credentials).__name__, "names with texts")
    for key, value in credentials.items():
        if not isinstance(value, str):
            raise BadInput(file.where((name, "credentials", key)), type(value).__name__, "text, such as $NAME")
