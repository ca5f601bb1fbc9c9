"""What a source file may say of an account as a whole, and how its mistakes are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import source_files
from tests.source_files import READ, report
from worker.errors import BadInput
from worker.sources.schema import Source

LOST: dict[str, Any] = {"title": "help", "request": {"path": "x"}, "lists": {"names": "names"}}
BEARER: dict[str, Any] = {"kind": "bearer"}
KEY: dict[str, Any] = {"kind": "header", "name": "X-Key", "value": "{key}"}
IN_JSON: dict[str, Any] = {"kind": "json", "name": "header.key", "value": "{key}"}
SESSION: dict[str, Any] = {"kind": "session", "login": {"path": "/login"}}
OAUTH: dict[str, Any] = {"kind": "oauth2", "grant": "client_credentials", "token_url": "/token"}
DETAIL: dict[str, Any] = {"title": "help", "request": {"path": "/{id}/help"}, "lists": {"names": "names"}}
GOOD: dict[str, Any] = {
    "auth": [BEARER],
    "check": {"request": {"path": "/me"}},
    "discover": [{"title": "accounts", "report": "all", "details": [DETAIL]}],
    "reports": {
        "all": report(),
        "one": report({**READ, "request": {"path": "/{id}"}}, params={"id": {"required": True}}),
    },
}


def loaded(directory: Path, **changes: Any) -> Source:
    return source_files.loaded(directory, source_files.source(**{**GOOD, **changes}))


def test_a_check_and_a_discovery_are_declared(tmp_path: Path) -> None:
    source = loaded(tmp_path)
    assert source.check.request is not None
    assert source.check.request.path == "/me"
    assert source.discover[0].details[0].lists == {"names": "names"}


def test_a_date_may_have_a_form_and_a_query_may_be_a_text(tmp_path: Path) -> None:
    params = {"day": {"type": "date"}, "at": {"type": "datetime"}, "local": {"type": "local-datetime"}}
    request = {"path": "/x", "query": "d={day:%Y%m%d}&a={at:%s}&l={local:%H:%M}&List(urn%3Ali)"}
    days = report({**READ, "request": request}, params=params)
    assert loaded(tmp_path, reports={**GOOD["reports"], "days": days}).reports["days"].read[0].request


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"query": {"d": "{day:%Q}"}}, "%Y %m %d"),
        ({"query": {"d": "{day:%}"}}, "%Y %m %d"),
        ({"query": {"d": "{day:YYYYMMDD}"}}, "%Y %m %d"),
        ({"query": {"d": "{day:%-Y}"}}, "%Y %m %d"),
        ({"query": {"d": "{day:}"}}, "%Y %m %d"),
        ({"query": {"d": "{day:%H}"}}, "only letters that a date has a value for"),
        ({"query": {"d": "{day:%s}"}}, "only letters that a date has a value for"),
        ({"query": {"d": "{local:%z}"}}, "only letters that a local-datetime has a value for"),
        ({"query": {"d": "{name:%Y}"}}, "type date, datetime or local-datetime, not string"),
        ({"query": {"d": "{names:%Y}"}}, "not list"),
        ({"query": {"d": "{offset:%Y}"}}, "not a value that Millrace fills in"),
        ({"query": {"d": "{dya:%Y}"}}, "one of day, limit"),
        ({"json": {"query": "query { ads(date: {day: $day}) { id } }"}}, "{{day: $day}} is the text {day: $day}"),
        ({"json": {"query": "query { ads {id} }"}}, "{{id}} is the text {id}"),
        ({"json": {"key": "{token}"}}, "no credential here: `auth` puts it into"),
        ({"headers": {"X-Day": "{day:%K}"}}, "%Y %m %d"),
        ({"json": {"a": [{"b": "{day:%K}"}]}, "method": "POST"}, "%Y %m %d"),
        ({"query": "?a=1"}, "without ?"),
        ({"query": "a=1#top"}, "without ?"),
        ({"query": "a=b c"}, "without ?"),
        ({"query": "a=\u00e9"}, "percent-encoded"),
        ({"query": "a={dya}"}, "one of day, limit"),
    ],
)
def test_a_format_or_query_that_makes_no_sense_is_refused_when_the_file_is_read(
    tmp_path: Path, request_: dict[str, Any], words: str
) -> None:
    params = {
        "day": {"type": "date"},
        "local": {"type": "local-datetime"},
        "name": {},
        "names": {"type": "list", "items": "date"},
    }
    read = {**READ, "request": {"path": "/x", **request_}, "paging": {"kind": "offset", "limit": 5}}
    days = report(read, params=params)
    with pytest.raises(BadInput) as caught:
        loaded(tmp_path, reports={**GOOD["reports"], "days": days})
    assert "reports.days.read.0.request" in caught.value.where
    assert words in caught.value.allowed


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"check": {"request": {"path": "/{account}"}}}, "check.request", "without placeholders"),
        ({"check": {"request": {"path": "me"}}}, "check.request.path", "starts with /"),
        ({"check": {"reqest": {"path": "/me"}}}, "check.reqest", "did you mean 'request'?"),
        ({"auth": [{"kind": "all", "of": [BEARER]}]}, "auth.0.of", "at least 2"),
        ({"auth": [{"kind": "all", "of": [SESSION, SESSION]}]}, "auth.0.of", "one of them at most"),
        ({"auth": [{"kind": "all", "of": [BEARER, {"kind": "basic"}]}]}, "auth.0.of", "one of them"),
        ({"auth": [{"kind": "all", "of": [BEARER, SESSION]}]}, "auth.0.of", "one of them"),
        ({"auth": [{"kind": "all", "of": [KEY, KEY]}]}, "auth.0.of", "one of them"),
        ({"auth": [{"kind": "all", "of": [BEARER, {"kind": "none"}]}]}, "auth.0.of.1.kind", "one of basic, bearer"),
        ({"auth": [{"kind": "all", "of": [IN_JSON, IN_JSON]}]}, "auth.0.of", "one of them"),
        ({"auth": [IN_JSON]}, "reports.all.read.0.request", "`json` in it, which may be {}"),
        (
            {"auth": [{**SESSION, "send": {**IN_JSON, "kind": "form", "value": "{token}"}}]},
            "reports.all.read.0.request",
            "`form` in it",
        ),
        ({"auth": [{**KEY, "name": "X Key"}]}, "auth.0.name", "the name of a header"),
        ({"auth": [{**SESSION, "send": {**KEY, "value": "{tokn}"}}]}, "auth.0.send.value", "text with {token}"),
        ({"auth": [{**OAUTH, "username": "{u}"}]}, "auth.0.username", "no username beside grant: client_credentials"),
        ({"auth": [{**OAUTH, "refresh_token": "{r}"}]}, "auth.0.refresh_token", "no refresh_token beside"),
        ({"auth": [{**OAUTH, "token_path": "/t"}]}, "auth.0.token_path", "a token_url without a path"),
        ({"auth": [{**KEY, "value": "{key:%Y}"}]}, "auth.0", "parameters may have a format or a kind"),
        ({"auth": [{**SESSION, "token": "t", "token_header": "X-T"}]}, "auth.0.token", "no token beside token_header"),
        ({"auth": [{**SESSION, "refresh_token": "r"}]}, "auth.0.refresh_token", "a `login` that sends {refresh_token}"),
        ({"auth": [{**OAUTH, "client": "post"}]}, "auth.0.client", "basic-unencoded"),
        ({"auth": [{**OAUTH, "token_url": "login.example/token"}]}, "auth.0.token_url", "https://HOST/PATH"),
        ({"auth": [{**SESSION, "login": {"path": "login"}}]}, "auth.0.login.path", "starts with /"),
        ({"auth": [{**SESSION, "login": {"path": "/a", "json": {}, "form": {}}}]}, "auth.0.login", "one of them"),
        ({"auth": [{"kind": "none"}, BEARER]}, "auth.1", "a method before auth.0"),
        ({"auth": [{"kind": "basic"}, KEY, {"kind": "basic"}]}, "auth.2", "before auth.0"),
        ({"auth": [{**KEY, "value": "Token $ACME_KEY"}]}, "auth.0.value", "the connection's `credentials` name"),
        ({"auth": [{"knid": "bearer"}]}, "auth.0.knid", "`kind`, with one of all, basic, bearer"),
        ({"auth": [{"name": "X-Key", "value": "{key}"}]}, "auth.0.kind", "one of all, basic, bearer"),
        ({"base_url": "api.example.com/v2"}, "base_url", "https://HOST/PATH"),
        ({"base_url": "https://api.example.com/v2?key=1"}, "base_url", "without ? and #"),
        ({"ready_within": "2d"}, "ready_within", "at most `finish_within`, which is 24h"),
        ({"check": {"request": {"path": "/me"}, "note": "why"}}, "check.note", "no `note` beside a `request`"),
        ({"alias_hosts": "cdn.example.com"}, "alias_hosts", "a list, such as [cdn.example.com]"),
        ({"discover": [{"title": "t", "report": "al"}]}, "discover.0.report", "did you mean 'all'?"),
        ({"discover": [{"title": "t", "report": "one"}]}, "discover.0.report", "needs no parameter"),
        (
            {"discover": [{"title": "t", "report": "all", "details": [LOST]}]},
            "discover.0.details.0.request.path",
            "starts with /",
        ),
    ],
)
def test_a_mistake_is_shown_with_its_place(tmp_path: Path, changes: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        loaded(tmp_path, **changes)
    assert caught.value.where.endswith(f": {place}")
    assert words in caught.value.allowed
