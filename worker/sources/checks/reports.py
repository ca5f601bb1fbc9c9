"""Checks what concerns a report as a whole: the names it uses, its window, its proof."""

from __future__ import annotations

from collections.abc import Iterator

from worker.sources.checks.mistake import Mistake
from worker.sources.placeholders import names_in
from worker.sources.schema import JsonRows, Report
from worker.sources.templates import templates_of
from worker.sources.yaml_files import Place
from worker.suggestions import one_of


def undeclared_names(report: Report) -> Iterator[Mistake]:
    """Parameters that are used by their bare names, but not declared."""
    for place, name in _names_used(report):
        if name not in report.params:
            yield Mistake(place, one_of(name, report.params, "parameters"), name)


def _names_used(report: Report) -> Iterator[tuple[Place, str]]:
    for position, group in enumerate(report.one_of):
        yield from ((("one_of", position), name) for name in group)
    yield from ((("columns_from", name), name) for name in report.columns_from)
    for end, path in (report.window or {}).items():
        yield ("window", end), path.split(".")[0]
    for position, read in enumerate(report.read):
        yield from ((("read", position, "when", name), name) for name in read.when)
        if read.rows_at_most:
            yield ("read", position, "rows_at_most"), read.rows_at_most
    for name, param in report.params.items():
        yield from ((("params", name, "needs"), other) for other in param.needs)
        yield from ((("params", name, "excludes"), other) for other in param.excludes)


def mistakes_in_report(report: Report) -> Iterator[Mistake]:
    """Groups, a window or a proof that cannot be."""
    yield from _mistakes_in_groups(report)
    yield from _mistakes_in_window(report)
    pages_are_counted = any(isinstance(read.format, JsonRows) and read.format.total_pages for read in report.read)
    rows_are_counted = bool(report.poll and report.poll.total) or any(read.totals for read in report.read)
    if report.proof == "count" and not (pages_are_counted or rows_are_counted):
        allowed = "`total` or `total_pages` somewhere, or another proof: there is no count of the rows"
        yield Mistake(("proof",), allowed)


def unused_params(report: Report) -> Iterator[Mistake]:
    """The first parameter that changes neither a request nor how the answer is read."""
    used = {name for _, template, _ in templates_of(report) for name in names_in(template)} | report.columns_from.keys()
    for read in report.read:
        used |= {*read.when, read.rows_at_most or ""}
    if unused := next((name for name in report.params if name not in used), None):
        allowed = f"a placeholder {{{unused}}} in a request, or `when` or `columns_from` with its name"
        yield Mistake(("params", unused), allowed)


def _mistakes_in_groups(report: Report) -> Iterator[Mistake]:
    always_given = {name for name, param in report.params.items() if param.is_always_given}
    for group in report.one_of:
        if len(set(group)) < 2:
            yield Mistake(("one_of",), "two or more parameters in each group")
        if always_given & set(group):
            allowed = "parameters that are neither required nor have a default, since only one of them may be given"
            yield Mistake(("one_of",), allowed)


def _mistakes_in_window(report: Report) -> Iterator[Mistake]:
    if report.window is None:
        for word in ("window_ends", "window_form"):
            if word in report.model_fields_set:
                yield Mistake((word,), "a `window` beside it")
    elif len({report.params[path].type for path in report.window.values() if path in report.params}) > 1:
        yield Mistake(("window",), "two parameters of one type: a date and a time cannot be compared")
    if report.window_at_most is not None and len(report.window or ()) < 2:
        yield Mistake(("window_at_most",), "a `window` with both of its ends")
