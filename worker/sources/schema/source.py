"""A source: one vendor, the limits of an account there, and its reports."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from worker.sources.schema.auth import Auth
from worker.sources.schema.declared import Declared, Duration, Name, RefusalStatus
from worker.sources.schema.errors import ErrorShape
from worker.sources.schema.report import Report
from worker.sources.schema.request import Request

HostName = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9_.-]+$")]


class Check(Declared):
    """How to check that an account's credentials work.

    If the vendor has a login, logging in is a check. `request` is the vendor's cheapest authorised request, without
    placeholders, which is sent as well. If there is no request, `note` says why.
    """

    request: Request | None = None
    note: str = ""


class Detail(Declared):
    """A further request for each row of a discovery, with the row's fields as placeholders.

    `lists` are named paths of lists in the answer; `name` is the path of the part of an entry that is shown, all of it
    by default.
    """

    title: str
    request: Request
    lists: dict[str, str] = Field(min_length=1)
    name: str = ""


class Discovery(Declared):
    """A list of what the vendor offers: the rows of a report of this source that needs no parameters.

    `columns` are those shown to people, all of them by default.
    """

    title: str
    report: str
    columns: list[str] = []
    details: list[Detail] = []


class Limits(Declared):
    """What the vendor allows one account, shared by all workers."""

    requests_per_second: float = Field(default=5, gt=0)
    reports_at_once: int = Field(default=10, ge=1)
    streams_at_once: int = Field(default=4, ge=1)


class Source(Declared):
    """One vendor.

    `alias_hosts` are other host names that the vendor's links use for its own API; such links are put on our base. The
    first entry of `auth` whose credentials are set is used. `definitions` is for YAML anchors and JSON Schemas. `check`
    checks an account, `discover` lists what the vendor offers. `note` is for people, such as how to get credentials.
    """

    source: Name
    title: str
    base_url: str | None = None
    docs: str = ""
    note: str = ""
    alias_hosts: list[HostName] = []
    auth: list[Auth] = Field(min_length=1)
    limits: Limits = Limits()
    retry_statuses: list[RefusalStatus] = [408, 425, 429, 500, 502, 503, 504]
    errors: list[ErrorShape] = []
    check: Check = Check()
    discover: list[Discovery] = []
    ready_within: Duration = "2h"
    finish_within: Duration = "24h"
    definitions: dict[str, Any] = {}
    reports: dict[Name, Report] = Field(min_length=1)
