"""Checks the requests of a source file, and the placeholders in them and elsewhere in a report."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from worker.errors import BadInput
from worker.sources.checks.mistake import Mistake, below
from worker.sources.date_forms import OF_A_TIME, WITH_AN_OFFSET, check_form
from worker.sources.placeholders import KINDS, Placeholder, has_foreign_placeholder, names_in, placeholders_in
from worker.sources.schema import Report, Request
from worker.sources.templates import requests_of, templates_of, texts_in
from worker.sources.yaml_files import Place
from worker.suggestions import close_names, one_of


def mistakes_in_requests(report: Report) -> Iterator[Mistake]:
    """Requests that cannot be sent as they are written, or whose path may lack a value."""
    given_first = {name for name, param in report.params.items() if param.is_always_given}
    grouped = {name for group in report.one_of for name in group}
    for place, request in requests_of(report):
        yield from below(place, mistakes_in_request(request))
        for name in names_in(request.paths):
            if name in report.params and name not in given_first | grouped:
                allowed = f"{name} required or with a default, since a path needs it"
                yield Mistake((*place, "path"), allowed, f"{{{name}}}")


def mistakes_in_request(request: Request) -> Iterator[Mistake]:
    """What keeps a request from being sent as it is written, wherever it is declared."""
    for name, _, kind in placeholders_in([request.path, request.query, request.headers, request.form]):
        if kind == "integer":
            yield Mistake((), "it in a JSON body: the rest is text", f"{{{name}|integer}}")
    for place, text in texts_in(request.model_dump(by_alias=True), ()):
        if has_foreign_placeholder(text):
            yield Mistake(place, "placeholders in single braces, such as {name}; {{name}} is the text {name}", text)
    for name in request.headers:
        # Copied from an example, it would let the vendor wait for a body that never comes.
        if name.lower() in ("content-length", "transfer-encoding"):
            yield Mistake(("headers", name), "no header about the body's length, which Millrace adds", name)
    if request.json_body is not None and request.form is not None:
        yield Mistake((), "one of them", "json and form")


def formatted_placeholders(template: object) -> Iterator[Mistake]:
    """Formats and kinds in a template whose placeholders are not parameters."""
    for name, form, kind in placeholders_in(template):
        if form is not None or kind is not None:
            given = f"{{{name}:{form}}}" if kind is None else f"{{{name}|{kind}}}"
            yield Mistake((), f"{{{name}}}; only a report's parameters may have a format or a kind", given)


def mistakes_in_placeholders(report: Report, credentials: Collection[str]) -> Iterator[Mistake]:
    """Placeholders that nothing fills, that hide a parameter, or that cannot be written.

    `credentials` are the names of those in `auth`: only there may they be used.
    """
    for place, template, filled in templates_of(report):
        known = {*report.params, *filled}
        for used in names_in(template):
            # A limit is filled in from the parameter itself; any other would hide the parameter.
            if used in report.params and used in filled - {"limit", "page_size"}:
                allowed = f"a parameter with another name, since Millrace fills in {{{used}}} here"
                yield Mistake(("params", used), allowed)
        for at, text in texts_in(template, place):
            for placeholder in placeholders_in(text):
                if placeholder.name not in known:
                    yield from below(at, _unfilled(placeholder.name, known, credentials))
                yield from below(at, _mistakes_in_form(placeholder, report))
        for at, unquoted in _unquoted_placeholders(template, known, place):
            yield Mistake(at, f'quotes around it, "{{{unquoted}}}": YAML has braces too', f"{{{unquoted}}}")


def _unfilled(name: str, known: set[str], credentials: Collection[str]) -> Iterator[Mistake]:
    allowed = one_of(name, sorted(known), "placeholders")
    if name in credentials:
        allowed = "no credential here: `auth` puts it into a header, the query, a form or the JSON body"
    # Queries of GraphQL have braces of their own.
    hint = "" if close_names(name, known) else f"; {{{{{name}}}}} is the text {{{name}}}"
    yield Mistake((), allowed + hint, f"{{{name}}}")


def _mistakes_in_form(placeholder: Placeholder, report: Report) -> Iterator[Mistake]:
    name, form, kind = placeholder
    if kind is not None and kind not in KINDS:
        yield Mistake((), one_of(kind, KINDS, "kinds of value"), f"{{{name}|{kind}}}")
    if form is None:
        return
    given = f"{{{name}:{form}}}"
    declared = report.params[name].type if name in report.params else "a value that Millrace fills in"
    if declared not in ("date", "datetime", "local-datetime"):
        yield Mistake((), f"a parameter of type date, datetime or local-datetime, not {declared}", given)
    try:
        letters = check_form(form, "")
    except BadInput as error:
        yield Mistake((), f"{error.allowed}; {{{given}}} is the text {given}", given)
    else:
        # A day has no time of day, and a local time has no offset.
        if (declared == "date" and letters & OF_A_TIME) or (declared != "datetime" and letters & WITH_AN_OFFSET):
            allowed = f"only letters that a {declared} has a value for; a parameter of type datetime has all"
            yield Mistake((), allowed, given)


def _unquoted_placeholders(template: object, known: set[str], place: Place) -> Iterator[tuple[Place, str]]:
    """Every placeholder without quotes, which YAML reads as a mapping of its name to nothing, and its place."""
    parts = dict(enumerate(template)) if isinstance(template, list) else template
    for step, part in parts.items() if isinstance(parts, dict) else ():
        if isinstance(part, dict) and len(part) == 1 and (name := next(iter(part))) in known and part[name] is None:
            yield (*place, step), name
        yield from _unquoted_placeholders(part, known, (*place, step))
