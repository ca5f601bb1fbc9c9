"""Checks a source file beyond its schema: every name it uses is declared, and its steps fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from worker.durations import parse_duration
from worker.errors import BadInput
from worker.sources.base_urls import base_of
from worker.sources.credentials import auth_methods, check_auth, credential_names
from worker.sources.ineffective_fields import contradicting_errors, delimited_mistakes, without_effect
from worker.sources.path_notation import wrong_paths
from worker.sources.placeholders import names_in, placeholders_in, refuse_forms
from worker.sources.schema import (
    Auth,
    BodyAuth,
    Delimited,
    ErrorShape,
    OAuth2Auth,
    OffsetPaging,
    Paged,
    PageNumberPaging,
    Poll,
    Report,
    Request,
    SessionAuth,
    SinglePage,
    Source,
)
from worker.sources.templates import check_templates, requests_of, templates_of, texts_in
from worker.sources.yaml_files import Place, YamlFile
from worker.suggestions import one_of

_PATH = re.compile(r"/[^?#]*")
_PATH_RULE = "a path that starts with / and has no ? or #; what comes after a ? goes into `query`"
_VARIABLE = re.compile(r"\$\{?[A-Z][A-Z0-9_]*")
_AS_WRITTEN = re.compile(r"(?![?&])[!-~]*")


def check_source(source: Source, file: YamlFile) -> None:
    """Raise BadInput for a name that is not declared, and for steps that do not fit together."""
    _check_base_and_deadlines(source, file)
    credentials = {name for auth in source.auth for name in credential_names(auth)}
    for name, report in source.reports.items():
        place: Place = ("reports", name)
        if (report.submit is None) != (report.poll is None):
            alone, other = ("submit", "poll") if report.submit else ("poll", "submit")
            raise BadInput(file.where((*place, alone)), f"{alone} without {other}", f"a `{other}` beside `{alone}`")
        for where, used in _names_used(report):
            if used not in report.params:
                raise BadInput(file.where((*place, *where)), used, one_of(used, report.params, "parameters"))
        check_templates(report, file, place, credentials)
        _check_steps(report, file, place)
    for where, path, allowed in wrong_paths(source):
        raise BadInput(file.where(where), path, allowed)
    check_auth(source, file)
    _check_bodies(source, file)
    _check_errors(source, file)
    _check_account(source, file)
    _check_params_have_effect(source, file)


def _check_base_and_deadlines(source: Source, file: YamlFile) -> None:
    if source.base_url is not None:
        # Whether plain http is allowed is for the connection to say.
        base_of(source.base_url, where=file.where(("base_url",)), allow_http=True)
    ready, finish = (parse_duration(text, "") for text in (source.ready_within, source.finish_within))
    # The default, 2 hours, ends with a shorter `finish_within`.
    if "ready_within" in source.model_fields_set and ready > finish:
        allowed = f"at most `finish_within`, which is {source.finish_within} and ends the job"
        raise BadInput(file.where(("ready_within",)), source.ready_within, allowed)


def _check_errors(source: Source, file: YamlFile) -> None:
    for where, allowed in contradicting_errors(source.errors):
        raise BadInput(file.where(where), where[-1], allowed)
    has_login = any(isinstance(way, SessionAuth | OAuth2Auth) for auth in source.auth for way in auth_methods(auth))
    for name, report in source.reports.items():
        for position, read in enumerate(report.read):
            ends = read.paging.end_statuses if isinstance(read.paging, Paged) else []
            for status in set(ends) & set(source.retry_statuses):
                place: Place = ("reports", name, "read", position, "paging", "end_statuses")
                raise BadInput(
                    file.where(place), status, "no status of `retry_statuses`: it is not the end, but a pause"
                )
    for where, shape in _error_shapes(source):
        if shape.then == "login" and not has_login:
            raise BadInput(file.where((*where, "then")), "login", "a login in `auth`; or another consequence")


def _error_shapes(source: Source) -> Iterator[tuple[Place, ErrorShape]]:
    """Every error shape of a source file."""
    yield from ((("errors", number), shape) for number, shape in enumerate(source.errors))
    for name, report in source.reports.items():
        for position, read in enumerate(report.read):
            place: Place = ("reports", name, "read", position, "format", "errors")
            yield from (((*place, number), shape) for number, shape in enumerate(read.format.errors))


def path_names(report: Report) -> set[str]:
    """The parameters used in URL paths: each of their values must be one path segment."""
    return {name for _, request in requests_of(report) for name in names_in(request.paths)}


def _names_used(report: Report) -> Iterator[tuple[Place, str]]:
    """Every place that refers to a parameter by its bare name, and the name."""
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


def _check_params_have_effect(source: Source, file: YamlFile) -> None:
    """Raise BadInput for a parameter that changes neither a request nor how the answer is read."""
    for report_name, report in source.reports.items():
        used = {name for _, template, _ in templates_of(report) for name in names_in(template)}
        used |= report.columns_from.keys()
        for read in report.read:
            used |= {*read.when, read.rows_at_most or ""}
        if unused := next((name for name in report.params if name not in used), None):
            allowed = f"a placeholder {{{unused}}} in a request, or `when` or `columns_from` with its name"
            raise BadInput(file.where(("reports", report_name, "params", unused)), unused, allowed)


def _check_steps(report: Report, file: YamlFile, place: Place) -> None:
    for position, read in enumerate(report.read):
        where = file.where((*place, "read", position))
        if read.request and read.resolve:
            raise BadInput(where, "request and resolve", "one of them")
        poll = report.poll
        if not (read.request or read.resolve or (poll and (poll.link or poll.holds_rows))):
            raise BadInput(where, "no address", "`request`, `resolve`, or a `link` of the poll")
        if read.resolve and not read.link:
            raise BadInput(where, "resolve without link", "`link`, the path of the address in the answer")
        if isinstance(read.format, Delimited):
            for named, given, allowed in delimited_mistakes(read.format, report):
                raise BadInput(file.where((*place, "read", position, "format", named)), given, allowed)
        if isinstance(read.paging, OffsetPaging | PageNumberPaging) and not read.request:
            raise BadInput(where, "numbered pages at a link", "a `request` that the numbers go into")
    for word, allowed in (*_without_effect_in_preparation(report), *without_effect(report)):
        raise BadInput(file.where((*place, *word)), word[-1], allowed)
    _check_requests(report, file, place)


def _without_effect_in_preparation(report: Report) -> Iterator[tuple[Place, str]]:
    """The fields about preparation that contradict each other or have no effect, and what each would need."""
    submit, poll = report.submit, report.poll
    if report.discard and not submit:
        yield ("discard",), "a `submit` beside it: nothing else is prepared"
    if submit and submit.is_repeatable and submit.adopt:
        yield ("submit", "adopt"), "no `adopt` where asking again does no harm (`is_repeatable`)"
    if submit and "grace_seconds" in submit.model_fields_set and (submit.is_repeatable or submit.adopt):
        yield ("submit", "grace_seconds"), "no `grace_seconds` beside `is_repeatable` or `adopt`, which has its own"
    if submit and not (submit.report_id or submit.poll_link):
        yield ("submit",), "`report_id` or `poll_link`: where its answer says which report it made"
    if submit and poll and not submit.report_id:
        for place, template, _ in templates_of(report):
            if "report_id" in names_in(template):
                yield place, "a `report_id` in the submit"
    if poll:
        yield from ((("poll", word), allowed) for word, allowed in _without_effect_in_poll(report, poll))


def _without_effect_in_poll(report: Report, poll: Poll) -> Iterator[tuple[str, str]]:
    """The fields of a poll that contradict each other or have no effect, and what each would need."""
    by_link = bool(report.submit and report.submit.poll_link)
    reads_link = any(read.needs_link for read in report.read)
    has_pages = any(
        read.needs_link and (read.request or read.resolve) and not isinstance(read.paging, SinglePage)
        for read in report.read
    )
    words = {name: getattr(poll, name) for name in ("done", "failed", "ask_anew")}
    listed = [word for name in words for word in set(words[name])]
    rules: list[tuple[str, bool, str]] = [
        ("request", by_link == (poll.request is not None), "either a `request` here or a `poll_link` in the submit"),
        (
            "request",
            poll.request is not None
            and poll.reports is None
            and "report_id" not in names_in(poll.request.model_dump())
            # Where the submit is repeated until it is answered with the rows, the whole request names the report.
            and not (report.submit and report.submit.is_repeatable and poll.request == report.submit.request),
            "`{report_id}` in it, or `reports`, the list to find ours in: its answer might be about another report",
        ),
        *((name, bool(words[name]) and not poll.status, "`status` beside it, the place of the word") for name in words),
        (
            "status",
            not (poll.status or poll.waits_on or poll.ready_when_set),
            "`status`, `waits_on` or `ready_when_set`: something that tells ready from not ready",
        ),
        ("status", bool(poll.status) and not (poll.done or poll.done_on or poll.ready_when_set), "`done` beside it"),
        ("status", len(set(listed)) < len(listed), "each word in only one of `done`, `failed` and `ask_anew`"),
        ("waits_on", bool(set(poll.waits_on) & set(poll.done_on)), "no status that is in `done_on` too"),
        ("id", "id" in poll.model_fields_set and poll.reports is None, "`reports`, a list of reports, beside it"),
        (
            "link",
            bool(poll.link) and not reads_link,
            "a `read` without `request` and `resolve`, which reads at the link, or with `{link}` in its request",
        ),
        (
            "link",
            has_pages and any("*" in str(link) for link in poll.link),
            "a path to one value, without `*`, since several files cannot have a `paging` of their own",
        ),
        ("no_link_is_no_rows", poll.no_link_is_no_rows and not poll.link, "`link` beside it"),
        (
            "holds_rows",
            poll.holds_rows and (bool(poll.link) or not by_link or not reads_link),
            "a `poll_link` in the submit, no `link`, and a `read` without `request` and `resolve`",
        ),
    ]
    yield from ((word, allowed) for word, is_broken, allowed in rules if is_broken)


def _check_requests(report: Report, file: YamlFile, place: Place) -> None:
    given_first = {name for name, param in report.params.items() if param.is_always_given}
    grouped = {name for group in report.one_of for name in group}
    for where, request in requests_of(report):
        _check_request(request, file, (*place, *where))
        for name in names_in(request.paths):
            if name in report.params and name not in given_first | grouped:
                allowed = f"{name} required or with a default, since a path needs it"
                raise BadInput(file.where((*place, *where, "path")), f"{{{name}}}", allowed)


def _check_request(request: Request, file: YamlFile, place: Place) -> None:
    """Raise BadInput for a request that cannot be sent as it is written, wherever it is declared."""
    for field, path in zip(("path", "path_on_404"), request.paths, strict=False):
        if not _PATH.fullmatch(path):
            raise BadInput(file.where((*place, field)), path, _PATH_RULE)
    for name, _, kind in placeholders_in([request.path, request.query, request.headers, request.form]):
        if kind == "integer":
            raise BadInput(file.where(place), f"{{{name}|integer}}", "it in a JSON body: the rest is text")
    if request.json_body is not None and request.form is not None:
        raise BadInput(file.where(place), "json and form", "one of them")
    if isinstance(request.query, str) and ("#" in request.query or not _AS_WRITTEN.fullmatch(request.query)):
        allowed = "a query without ? in front, # and blanks; letters beyond ASCII are percent-encoded"
        raise BadInput(file.where((*place, "query")), request.query, allowed)


def _logins(source: Source, file: YamlFile) -> Iterator[tuple[Place, Request]]:
    """Every request that logs in, and its place. Raises BadInput for a variable where a credential's name belongs."""
    for position, auth in enumerate(source.auth):
        for place, text in texts_in(auth.model_dump(by_alias=True), ("auth", position)):
            if _VARIABLE.search(text):
                allowed = "a placeholder such as {key}; the connection's `credentials` name the variable"
                # The text itself is not shown: it may be a secret with a dollar sign.
                raise BadInput(file.where(place), "a variable of the environment", allowed)
        logins = (way.login for way in auth_methods(auth) if isinstance(way, SessionAuth))
        yield from ((("auth", position, "login"), login) for login in logins)


def _check_bodies(source: Source, file: YamlFile) -> None:
    """Raise BadInput for a request without the body that every way to authenticate puts a credential into."""
    requests = [
        (("reports", name, *place), each)
        for name, report in source.reports.items()
        for place, each in requests_of(report)
    ]
    requests += [(("check", "request"), source.check.request)] if source.check.request else []
    for kind in set.intersection(*({place.kind for place in _body_places(auth)} for auth in source.auth)):
        for place, request in requests:
            if (request.form if kind == "form" else request.json_body) is None:
                raise BadInput(
                    file.where(place), "no body", f"`{kind}` in it, which may be {{}}: a credential goes there"
                )


def _body_places(auth: Auth) -> Iterator[BodyAuth]:
    """The ways of an entry of `auth` that put a credential into the body."""
    for way in auth_methods(auth):
        place = way.send if isinstance(way, SessionAuth | OAuth2Auth) else way
        if isinstance(place, BodyAuth):
            yield place


def _check_account(source: Source, file: YamlFile) -> None:
    """Raise BadInput for a login that cannot be sent, and for a check or a discovery that would need a parameter."""
    tried = source.check.request
    for name in names_in(tried.model_dump() if tried else None):
        raise BadInput(file.where(("check", "request")), f"{{{name}}}", "a request without placeholders")
    if tried and source.check.note:
        raise BadInput(file.where(("check", "note")), "note", "no `note` beside a `request`: it says why there is none")
    requests: list[tuple[Place, Request]] = [(("check", "request"), tried)] if tried else []
    requests += _logins(source, file)
    for position, discovery in enumerate(source.discover):
        report = source.reports.get(discovery.report)
        where = file.where(("discover", position, "report"))
        if report is None:
            raise BadInput(where, discovery.report, one_of(discovery.report, source.reports, "reports"))
        if report.submit or report.one_of or any(param.required for param in report.params.values()):
            raise BadInput(where, discovery.report, "a report that is read at once and needs no parameter")
        for number, detail in enumerate(discovery.details):
            requests.append((("discover", position, "details", number, "request"), detail.request))
    for place, request in requests:
        _check_request(request, file, place)
        refuse_forms(request.model_dump(), file.where(place))
