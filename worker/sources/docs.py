"""Writes the table of every report: `python -m worker.sources.docs > docs/sources.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from worker.sources.credentials import ways_in
from worker.sources.loading import load_catalogue
from worker.sources.schema import Auth, Report, Source
from worker.sources.words import asks, default_of, kind_of, meaning, ways

_OPENING = """\
# Sources

Written by `python -m worker.sources.docs > docs/sources.md` from the packaged source files; do not edit.
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
    yield f"- Authentication: {', or '.join(_auth(auth) for auth in source.auth)}"
    yield (
        f"- At once, unless the connection says otherwise: {limits.requests_per_second:g} requests a second, "
        f"{limits.reports_at_once} reports, {limits.streams_at_once} pages of a report"
    )
    yield ""
    yield "| report | what | asks | rows come as | proof | replay |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, report in source.reports.items():
        cells = [f"`{name}`", report.title, asks(report.poll), ways(report, _code), report.proof, report.replay]
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
        means = meaning(param, _code).replace("|", "\\|")
        yield f"| `{parameter}` | {kind_of(param)} | {default_of(param, _code)} | {means} |"
    for group in report.one_of:
        yield ""
        yield f"Exactly one of {' and '.join(f'`{parameter}`' for parameter in group)}."


def _auth(auth: Auth) -> str:
    return " with ".join(way.kind for way in ways_in(auth)) or auth.kind


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    sys.stdout.write(source_docs())
