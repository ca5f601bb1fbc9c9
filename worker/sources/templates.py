"""Checks the placeholders of a report: in its requests, and in the other places that may have them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from worker.errors import BadInput
from worker.sources.date_forms import OF_A_TIME, WITH_AN_OFFSET, check_form
from worker.sources.placeholders import KINDS, names_in, placeholders_in
from worker.sources.schema import Delimited, OffsetPaging, PageNumberPaging, Report, Request, TokenPaging
from worker.sources.yaml_files import Place, YamlFile
from worker.suggestions import close_names, one_of


def requests_of(report: Report) -> Iterator[tuple[Place, Request]]:
    """Every request of a report, and its place."""
    if report.submit:
        yield ("submit", "request"), report.submit.request
        if report.submit.adopt:
            yield ("submit", "adopt", "request"), report.submit.adopt.request
    if report.poll and report.poll.request:
        yield ("poll", "request"), report.poll.request
    if report.discard:
        yield ("discard", "request"), report.discard.request
    for position, read in enumerate(report.read):
        if read.resolve:
            yield ("read", position, "resolve"), read.resolve
        if read.request:
            yield ("read", position, "request"), read.request


def templates_of(report: Report) -> Iterator[tuple[Place, object, set[str]]]:
    """Every place that may hold placeholders, with the names that Millrace itself fills there."""
    for place, request in requests_of(report):
        yield place, request.model_dump(by_alias=True), _names_filled(report, place)
    if report.submit and report.submit.adopt:
        yield ("submit", "adopt", "match"), report.submit.adopt.match, set()
    if report.poll:
        yield ("poll", "match"), report.poll.match, set()
    for position, read in enumerate(report.read):
        if isinstance(read.paging, PageNumberPaging):
            yield ("read", position, "paging", "size"), read.paging.size, set()
        if isinstance(read.paging, OffsetPaging):
            yield ("read", position, "paging", "limit"), read.paging.limit, set()
        yield ("read", position, "row_limit"), read.row_limit, set()
        if isinstance(read.format, Delimited):
            yield ("read", position, "format", "header"), read.format.header, set()


def texts_in(template: object, place: Place) -> Iterator[tuple[Place, str]]:
    """Every text in a template, and its place."""
    if isinstance(template, str):
        yield place, template
    elif isinstance(template, dict):
        for key, value in template.items():
            yield from texts_in(value, (*place, key))
    elif isinstance(template, list):
        for position, value in enumerate(template):
            yield from texts_in(value, (*place, position))


def check_templates(report: Report, file: YamlFile, place: Place, credentials: Collection[str]) -> None:
    """Raise BadInput for a placeholder that nothing fills, or that hides a parameter or cannot be written.

    `credentials` are the names of those in `auth`: only there may they be used.
    """
    for where, template, filled in templates_of(report):
        known = {*report.params, *filled}
        for used in names_in(template):
            # A limit is filled in from the parameter itself; any other would hide the parameter.
            if used in report.params and used in filled - {"limit", "page_size"}:
                allowed = f"a parameter with another name, since Millrace fills in {{{used}}} here"
                raise BadInput(file.where((*place, "params", used)), used, allowed)
        for at, text in texts_in(template, (*place, *where)):
            _check_placeholders(report, text, file, at, known, credentials)
        for at, unquoted in _unquoted_placeholders(template, known, (*place, *where)):
            raise BadInput(
                file.where(at), f"{{{unquoted}}}", f'quotes around it, "{{{unquoted}}}": YAML has braces too'
            )


def _unquoted_placeholders(template: object, known: set[str], place: Place) -> Iterator[tuple[Place, str]]:
    """Every placeholder without quotes, which YAML reads as a mapping of its name to nothing, and its place."""
    parts = dict(enumerate(template)) if isinstance(template, list) else template
    for step, part in parts.items() if isinstance(parts, dict) else ():
        if isinstance(part, dict) and len(part) == 1 and (name := next(iter(part))) in known and part[name] is None:
            yield (*place, step), name
        yield from _unquoted_placeholders(part, known, (*place, step))


def _names_filled(report: Report, place: Place) -> set[str]:
    """The names that Millrace itself fills in the request at a place."""
    # Without a submit there is no report id, unless it is a parameter.
    filled = {"report_id"} if report.submit and place[0] != "submit" else set()
    if place[0] != "read":
        return filled
    if report.poll and report.poll.link:
        filled.add("link")
    if place[-1] == "request":
        match report.read[int(place[1])].paging:
            case OffsetPaging():
                filled |= {"limit", "offset"}
            case PageNumberPaging(size=size):
                filled |= {"page_number"} if size is None else {"page_number", "page_size"}
            case TokenPaging():
                filled.add("token")
    return filled


def _check_placeholders(
    report: Report, text: str, file: YamlFile, place: Place, known: set[str], credentials: Collection[str]
) -> None:
    for name, form, kind in placeholders_in(text):
        if name not in known:
            allowed = one_of(name, sorted(known), "placeholders")
            if name in credentials:
                allowed = "no credential here: `auth` puts it into a header, the query, a form or the JSON body"
            # Queries of GraphQL have braces of their own.
            hint = "" if close_names(name, known) else f"; {{{{{name}}}}} is the text {{{name}}}"
            raise BadInput(file.where(place), f"{{{name}}}", allowed + hint)
        if kind is not None and kind not in KINDS:
            raise BadInput(file.where(place), f"{{{name}|{kind}}}", one_of(kind, KINDS, "kinds of value"))
        if form is None:
            continue
        given = f"{{{name}:{form}}}"
        declared = report.params[name].type if name in report.params else "a value that Millrace fills in"
        if declared not in ("date", "datetime", "local-datetime"):
            allowed = f"a parameter of type date, datetime or local-datetime, not {declared}"
            raise BadInput(file.where(place), given, allowed)
        try:
            letters = check_form(form, file.where(place))
        except BadInput as error:
            hint = f"; {{{given}}} is the text {given}"
            raise BadInput(error.where, given, error.allowed + hint) from None
        # A day has no time of day, and a local time has no offset.
        if (declared == "date" and letters & OF_A_TIME) or (declared != "datetime" and letters & WITH_AN_OFFSET):
            raise BadInput(file.where(place), given, f"only letters that a {declared} has a value for")
