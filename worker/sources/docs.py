"""Describes source files for people: for the command line, and for docs/sources.md.

`python -m worker.sources.docs > docs/sources.md` writes that page. The functions with `mark` apply it to every name, as
the page does to put names in backquotes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from worker.sources.credentials import auth_methods
from worker.sources.loading import load_catalogue
from worker.sources.schema import Param, Poll, Report, Source

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

_OPENING = """\
# Sources

Written by `python -m worker.sources.docs > docs/sources.md` from the packaged source files; do not edit.
How to add another source: [adding-a-source.md](adding-a-source.md).

*Proof* is what the vendor lets us check before a job is `done`: `count` (rows against the vendor's own number), `end`
(the protocol's end only) or `none`. *Replay* is `stable` if a second reading of a prepared report gives the same
rows; if it is `unstable`, a reading that was interrupted may begin a new generation.

Dates take `{today}`, `{yesterday}`, `{today-7d}`, `{now-3h}` (w weeks, d days, h hours, m minutes) in the connection's
time zone, each with a format if the vendor needs one: `{yesterday:%Y%m%d00}`.
"""


def source_docs() -> str:
    """The whole page."""
    catalogue = load_catalogue()
    pages = ["\n".join(_source_section(catalogue.sources[name])) for name in sorted(catalogue.sources)]
    return "\n\n".join([_OPENING.rstrip(), *pages]) + "\n"


def _source_section(source: Source) -> Iterator[str]:
    yield f"## {source.source}: {source.title}"
    yield ""
    limits = source.limits
    yield f"- Base: `{source.base_url}`"
    yield f"- Documentation: {source.docs or 'none'}"
    auth = [" and ".join(dict.fromkeys(way.kind for way in auth_methods(auth))) or auth.kind for auth in source.auth]
    yield f"- Authentication: {', or '.join(dict.fromkeys(auth))}"
    yield (
        f"- At once, unless the connection says otherwise: {limits.requests_per_second:g} requests a second, "
        f"{limits.reports_at_once} reports, {limits.streams_at_once} pages of a report"
    )
    if source.note:
        yield f"- {source.note.strip()}"
    yield ""
    yield "| report | what | asks | rows come as | proof | replay |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, report in source.reports.items():
        cells = [f"`{name}`", report.title, asks(report.poll), ways(report, _code), report.proof, report.replay]
        yield f"| {' | '.join(cells)} |"
    yield ""
    for sentence, names in _grouped(source, lambda report: report.note.strip()):
        yield f"- {names}: {sentence}"
    for covered, names in _grouped(source, lambda report: window_of(report, _code)):
        yield f"- {names}: the window is {covered}."
    for group, names in _grouped(source, lambda report: "; ".join(_one_of(report))):
        yield f"- {names}: exactly one of {group}."
    yield from _parameters(source)


def _one_of(report: Report) -> Iterator[str]:
    for group in report.one_of:
        yield " and ".join(map(_code, group))


def _grouped(source: Source, say: Callable[[Report], str]) -> Iterator[tuple[str, str]]:
    """What is said of reports, each text once, with the reports it is said of."""
    found: dict[str, list[str]] = {}
    for name, report in source.reports.items():
        found.setdefault(say(report), []).append(name)
    for text, names in found.items():
        if text:
            yield text, _which(names, source)


def _parameters(source: Source) -> Iterator[str]:
    """A table of the parameters; one that means the same in several reports has one line."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, report in source.reports.items():
        for parameter, param in report.params.items():
            means = meaning(param, _code).replace("|", "\\|")
            cells = f"{kind_of(param)} | {default_of(param, _code)} | {means} |"
            found.setdefault((parameter, cells), []).append(name)
    order = list(dict.fromkeys(parameter for parameter, _ in found))
    yield ""
    yield "| parameter | reports | type | default | what |"
    yield "| --- | --- | --- | --- | --- |"
    for (parameter, cells), names in sorted(found.items(), key=lambda line: order.index(line[0][0])):
        yield f"| `{parameter}` | {_which(names, source)} | {cells}"


def _which(names: list[str], source: Source) -> str:
    """These reports of a source, in as few names as possible."""
    others = [name for name in source.reports if name not in names]
    if not others:
        return "all"
    few = len(names) <= len(others)
    named = ", ".join(map(_code, names if few else others))
    return named if few else f"all but {named}"


def _code(text: str) -> str:
    return f"`{text}`"


# ---------------------------------------------------------------- in words


def asks(poll: Poll | None) -> str:
    """How the report is requested."""
    return f"submit, poll every {poll.every_seconds:g} s" if poll else "at once"


def ways(report: Report, mark: Mark = str) -> str:
    """The formats in which its rows can be read, and the parameters that choose among them."""
    found = []
    for read in report.read:
        when = " and ".join(
            mark(name) if wanted == "*" else mark(f"{name}={wanted}") for name, wanted in read.when.items()
        )
        form = {"json": "JSON", "ndjson": "NDJSON", "delimited": "CSV"}[read.format.kind]
        paging = "" if read.paging.kind == "single" else f" pages by {read.paging.kind}"
        found.append(f"{form}{paging}{f' with {when}' if when else ''}")
    return "; ".join(found)


def window_of(report: Report, mark: Mark = str) -> str:
    """The parameters for the dates covered, whether the last date is included, and the longest window; may be empty."""
    if report.window is None:
        return ""
    ends = " to ".join(map(mark, report.window.values()))
    longest = f", at most {report.window_at_most}" if report.window_at_most else ""
    covered = "included" if report.window_ends == "inclusive" else "excluded"
    return f"{ends}, the end {covered}{longest}"


def kind_of(param: Param) -> str:
    """A parameter's type."""
    return f"list of {param.items}" if param.type == "list" and param.items else param.type


def default_of(param: Param, mark: Mark = str) -> str:
    """`required`, or its default, or nothing."""
    if param.required:
        return "required"
    return "" if param.default is None else mark(as_typed(param.default))


def allowed_values(param: Param) -> list[Any]:
    """The values allowed for a parameter, or for the items of its list; empty if any value is."""
    return param.allowed or param.items_allowed or []


def meaning(param: Param, mark: Mark = str, *, many: str = "in the source file") -> str:
    """What a parameter means and which values are allowed; `many` says where to find a long list of values."""
    allowed = allowed_values(param)
    values = ", ".join(mark(as_typed(value)) for value in allowed)
    if len(allowed) > SHOWN_VALUES:
        values = f"one of {len(allowed)} names, {many}"
    bounds = [f"at least {param.minimum:g}"] if param.minimum is not None else []
    bounds += [f"at most {param.maximum:g}"] if param.maximum is not None else []
    beside = [f"needs {mark(name)}" for name in param.needs] + [f"not with {mark(name)}" for name in param.excludes]
    return "; ".join(part for part in (param.help, values, ", ".join(bounds), *beside) if part)


def as_typed(value: Any) -> str:
    """A value as a user types it."""
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    sys.stdout.write(source_docs())
