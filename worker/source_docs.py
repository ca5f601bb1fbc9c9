"""Writes the table of every report: `python -m worker.source_docs > docs/sources.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from worker.catalogue import load_catalogue
from worker.sources import Param, Poll, Report, Source

SHOWN_VALUES = 16

_OPENING = """\
# Sources

Written by `python -m worker.source_docs > docs/sources.md` from the packaged source files; do not edit.
How to add one of your own: [adding-a-source.md](adding-a-source.md).

*Proof* is what the vendor lets us check before a job is `done`: `count` (rows against the vendor's own number), `end`
(the protocol's end only) or `none`. *Replay* is `stable` where a second reading of a prepared report gives the same
rows; where it is `unstable`, a reading that was interrupted may begin a new generation.

Dates take `{today}`, `{yesterday}`, `{today-7d}`, `{now-3h}` (w weeks, d days, h hours, m minutes) in the connection's
time zone, and a form of your own: `{yesterday:%Y%m%d00}`.
"""


def source_docs() -> str:
    """The whole page."""
    catalogue = load_catalogue()
    pages = ["\n".join(_source(catalogue.sources[name])) for name in sorted(catalogue.sources)]
    return "\n\n".join([_OPENING.rstrip(), *pages]) + "\n"


def _source(source: Source) -> Iterator[str]:
    yield f"## {source.source}: {source.title}"
    yield ""
    limits = source.limits
    yield f"- Base: `{source.base_url}`"
    yield f"- Documentation: {source.docs or 'none'}"
    yield f"- Authentication: {', or '.join(auth.kind for auth in source.auth)}"
    yield (
        f"- At once, unless the connection says otherwise: {limits.requests_per_second:g} requests a second, "
        f"{limits.reports_at_once} reports, {limits.streams_at_once} pages of a report"
    )
    yield ""
    yield "| report | what | asks | rows come as | proof | replay |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, report in source.reports.items():
        cells = [f"`{name}`", report.title, _asks(report.poll), _ways(report), report.proof, report.replay]
        yield f"| {' | '.join(cells)} |"
    for name, report in source.reports.items():
        yield from _report(f"{source.source}.{name}", report)


def _report(name: str, report: Report) -> Iterator[str]:
    yield ""
    yield f"### {name}"
    yield ""
    if report.note:
        yield f"{report.note.strip()}"
        yield ""
    if not report.params:
        yield "No parameters."
        return
    yield "| parameter | type | default | what |"
    yield "| --- | --- | --- | --- |"
    for parameter, param in report.params.items():
        default = "required" if param.required else "" if param.default is None else f"`{_plain(param.default)}`"
        yield f"| `{parameter}` | {_type(param)} | {default} | {_meaning(param)} |"
    for group in report.one_of:
        yield ""
        yield f"Exactly one of {' and '.join(f'`{parameter}`' for parameter in group)}."


def _asks(poll: Poll | None) -> str:
    return f"submit, poll every {poll.every_seconds:g} s" if poll else "at once"


def _ways(report: Report) -> str:
    ways = []
    for read in report.read:
        when = " and ".join(
            f"`{name}`" if wanted == "*" else f"`{name}={wanted}`" for name, wanted in read.when.items()
        )
        form = {"json": "JSON", "ndjson": "NDJSON", "delimited": "CSV"}[read.format.kind]
        paging = "" if read.paging.kind == "single" else f" pages by {read.paging.kind}"
        ways.append(f"{form}{paging}{f' with {when}' if when else ''}")
    return "; ".join(ways)


def _type(param: Param) -> str:
    return f"list of {param.items}" if param.type == "list" and param.items else param.type


def _meaning(param: Param) -> str:
    allowed = param.allowed or param.items_allowed or []
    values = ", ".join(f"`{_plain(value)}`" for value in allowed)
    if len(allowed) > SHOWN_VALUES:
        values = f"one of {len(allowed)} names, in the source file"
    bounds = [f"at least {param.minimum:g}"] if param.minimum is not None else []
    bounds += [f"at most {param.maximum:g}"] if param.maximum is not None else []
    beside = [f"needs `{name}`" for name in param.needs] + [f"not with `{name}`" for name in param.excludes]
    return "; ".join(part for part in (param.help, values, ", ".join(bounds), *beside) if part).replace("|", "\\|")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    sys.stdout.write(source_docs())
