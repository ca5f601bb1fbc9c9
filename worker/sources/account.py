"""What a source file may say about an account as a whole: how to try it, and what the vendor itself says it has."""

# ruff: noqa: RUF012 - these are pydantic models, which copy a default before it is used
from __future__ import annotations

from pydantic import Field

from worker.sources.wire import Declared, Request


class Check(Declared):
    """What shows that an account's credentials work.

    A way of authenticating that fetches a token shows it by that alone. `request` is the cheapest one the vendor
    authorises, sent beside it; it has no placeholders. `note` says why there is none.
    """

    request: Request | None = None
    note: str = ""


class Detail(Declared):
    """What the vendor says about each row of a discovery: one more request, with the row's fields as placeholders.

    `lists` leads, by name, to lists in the answer; `name` to what stands for each of their entries (else all of it).
    """

    title: str
    request: Request
    lists: dict[str, str] = Field(min_length=1)
    name: str = ""


class Discovery(Declared):
    """What the vendor itself says it has: the rows of a report of this source that can be asked for without parameters.

    `columns` are those a person wants to see, all of them where none is named.
    """

    title: str
    report: str
    columns: list[str] = []
    details: list[Detail] = []
