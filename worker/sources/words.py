"""What a source file declares of a report, in words: for the printed documentation and for the command line.

`mark` sets a name off from the prose around it, as a page of documentation wants it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from worker.sources.schema import Param, Poll, Report

SHOWN_VALUES = 16

PROOFS = {
    "count": "rows are checked against the vendor's own count",
    "end": "only the protocol's end tells that nothing is missing",
    "none": "a cut between two rows could not be noticed",
}
REPLAYS = {
    "stable": "reading the report again gives the same rows",
    "unstable": "an interrupted reading may begin a new generation",
}

Mark = Callable[[str], str]


def asks(poll: Poll | None) -> str:
    """How the report is asked for."""
    return f"submit, poll every {poll.every_seconds:g} s" if poll else "at once"


def ways(report: Report, mark: Mark = str) -> str:
    """In which forms its rows can be read, and with which parameters."""
    found = []
    for read in report.read:
        when = " and ".join(
            mark(name) if wanted == "*" else mark(f"{name}={wanted}") for name, wanted in read.when.items()
        )
        form = {"json": "JSON", "ndjson": "NDJSON", "delimited": "CSV"}[read.format.kind]
        paging = "" if read.paging.kind == "single" else f" pages by {read.paging.kind}"
        found.append(f"{form}{paging}{f' with {when}' if when else ''}")
    return "; ".join(found)


def kind_of(param: Param) -> str:
    """A parameter's type."""
    return f"list of {param.items}" if param.type == "list" and param.items else param.type


def default_of(param: Param, mark: Mark = str) -> str:
    """`required`, or its default, or nothing."""
    return "required" if param.required else "" if param.default is None else mark(plain(param.default))


def allowed_values(param: Param) -> list[Any]:
    """The values it, or what stands in its list, is one of; none where that is open."""
    return param.allowed or param.items_allowed or []


def meaning(param: Param, mark: Mark = str, *, many: str = "in the source file") -> str:
    """What it means and what may stand there; `many` says where a long list of values is to be found."""
    allowed = allowed_values(param)
    values = ", ".join(mark(plain(value)) for value in allowed)
    if len(allowed) > SHOWN_VALUES:
        values = f"one of {len(allowed)} names, {many}"
    bounds = [f"at least {param.minimum:g}"] if param.minimum is not None else []
    bounds += [f"at most {param.maximum:g}"] if param.maximum is not None else []
    beside = [f"needs {mark(name)}" for name in param.needs] + [f"not with {mark(name)}" for name in param.excludes]
    return "; ".join(part for part in (param.help, values, ", ".join(bounds), *beside) if part)


def plain(value: Any) -> str:
    """A value as it would be typed."""
    return value if isinstance(value, str) else json.dumps(value)
