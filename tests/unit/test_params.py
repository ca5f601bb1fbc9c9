"""A wrong parameter causes a message, never a request; dates are resolved once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import source_files
from tests.source_files import READ
from worker.errors import BadInput
from worker.sources.params import Resolved, columns_for, read_for, required_columns, resolve
from worker.sources.schema import Report

NOW = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)


def report(**fields: Any) -> Report:
    return Report.model_validate(source_files.report(**fields))


def resolved(params: dict[str, Any], given: dict[str, Any], zone: str = "UTC", **fields: Any) -> Resolved:
    return resolve(report(params=params, **fields), given, now=NOW, timezone=zone)


def one(param: dict[str, Any], value: Any, zone: str = "UTC") -> Any:
    return resolved({"p": param}, {"p": value}, zone).params["p"]


def refusal(params: dict[str, Any], given: dict[str, Any], **fields: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        resolved(params, given, **fields)
    return caught.value


def test_an_unknown_name_is_refused_with_the_names_there_are_and_the_close_one() -> None:
    error = refusal({"fields": {}, "filters": {}}, {"feilds": 1})
    assert (error.where, error.given) == ("params.feilds", "feilds")
    assert error.allowed == "one of fields, filters; did you mean 'fields'?"


def test_a_missing_required_parameter_is_refused_with_what_it_means() -> None:
    error = refusal({"account": {"required": True, "help": "the account's id"}}, {})
    assert str(error) == "params.account is missing; expected the account's id"
    assert refusal({"account": {"required": True}}, {"account": None}).where == "params.account"


def test_defaults_are_added_and_null_counts_as_not_given() -> None:
    assert resolved({"a": {"default": "x"}, "b": {}}, {"a": None, "b": None}).params == {"a": "x"}


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ({"type": "integer"}, "5"),
        ({"type": "integer"}, True),
        ({"type": "integer"}, 5.0),
        ({"type": "number"}, "1.5"),
        ({"type": "number"}, float("nan")),
        ({"type": "boolean"}, "true"),
        ({"type": "boolean"}, 1),
        ({"type": "string"}, 1.5),
        ({"type": "string"}, True),
        ({"type": "string"}, ["a"]),
        ({"type": "list", "items": "object"}, "a"),
        ({"type": "list", "items": "string"}, "a,,b"),
        ({"type": "list", "items": "string"}, {"a": 1}),
        ({"type": "list", "items": "integer"}, "1,two"),
        ({"type": "object"}, []),
        ({"type": "date"}, "2026-02-30"),
        ({"type": "date"}, "20261121"),
        ({"type": "date"}, "2026-11-21T00:00:00Z"),
        ({"type": "datetime"}, "2026-11-21T00:00:00"),
        ({"type": "datetime"}, "2026-11-21 00:00:00Z"),
        ({"type": "local-datetime"}, "2026-11-21T00:00:00Z"),
        ({"type": "timezone"}, "Mars/Olympus"),
        ({"type": "timezone"}, "../etc/passwd"),
        ({"type": "integer"}, 2**64),
        ({"type": "object"}, {"a": [float("inf")]}),
        ({"type": "string"}, "half a \ud83d character"),
        ({"type": "object"}, {"half a \ud83d character": 1}),
        ({"type": "integer", "minimum": 1}, 0),
        ({"type": "integer", "maximum": 10}, 11),
        ({"allowed": ["a", "b"]}, "A"),
        ({"pattern": "[a-z]+"}, "ab1"),
        ({"type": "list", "items": "integer"}, [1, "2"]),
        ({"type": "list", "items_allowed": ["a"]}, ["a", "b"]),
        ({"type": "list", "min_items": 1}, []),
        ({"type": "list", "max_items": 1}, [1, 2]),
        ({"type": "list", "unique": True}, ["a", "a"]),
    ],
)
def test_a_value_that_misses_its_declaration_is_refused(param: dict[str, Any], value: Any) -> None:
    assert refusal({"p": param}, {"p": value}).where.startswith("params.p")


def test_a_wrong_element_is_named_by_its_place() -> None:
    error = refusal({"fields": {"type": "list", "items_allowed": ["clicks", "spend"]}}, {"fields": ["spend", "click"]})
    assert (error.where, error.given) == ("params.fields.1", "click")
    assert "did you mean 'clicks'?" in error.allowed


def test_an_id_made_of_digits_is_still_text() -> None:
    assert one({"type": "string"}, 1234567890123456789) == "1234567890123456789"


def test_a_value_nested_too_deep_is_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert refusal({"p": {"type": "list"}}, {"p": value}).where == "params.p"


def test_exactly_one_of_a_group_is_given() -> None:
    params, group = {"window": {}, "start": {}}, [["window", "start"]]
    assert resolved(params, {"start": "x"}, one_of=group).params == {"start": "x"}
    assert refusal(params, {}, one_of=group).allowed == "exactly one of window, start"
    assert refusal(params, {"window": "a", "start": "b"}, one_of=group).given == "window and start"


def test_parameters_may_need_or_exclude_each_other() -> None:
    params = {"start": {}, "end": {"needs": ["start"]}, "size": {}, "most": {"excludes": ["size"]}}
    assert refusal(params, {"end": "x"}).where == "params.end"
    assert refusal(params, {"most": "x", "size": "y"}).where == "params.most"
    assert resolved(params, {"start": "a", "end": "b", "most": "c"}).params == {"start": "a", "end": "b", "most": "c"}


def test_a_schema_names_the_place_inside_a_value() -> None:
    schema = {"items": {"properties": {"op": {"enum": ["between", "gte"]}}, "required": ["op"]}}
    params = {"filters": {"type": "list", "schema": schema}}
    error = refusal(params, {"filters": [{"op": "gte"}, {"op": "betwen"}]})
    assert (error.where, error.given) == ("params.filters.1.op", "betwen")
    assert "did you mean 'between'" in error.allowed
    assert refusal(params, {"filters": [{}]}).allowed == "'op' in it"


def test_a_schema_over_all_parameters_words_its_rule_by_its_description() -> None:
    rule = {
        "if": {"properties": {"a": {"const": 1}}},
        "then": {"properties": {"b": {"not": {}, "description": "no b"}}},
    }
    params = {"a": {"type": "integer"}, "b": {}}
    assert refusal(params, {"a": 1, "b": "x"}, schema=rule).allowed == "no b"
    assert resolved(params, {"a": 2, "b": "x"}, schema=rule).params["b"] == "x"


def test_a_value_that_goes_into_a_path_is_one_segment() -> None:
    read = [{**READ, "request": {"path": "/accounts/{account}/rows"}}]
    for value in ("", ".", ".."):
        assert refusal({"account": {"required": True}}, {"account": value}, read=read).where == "params.account"
    assert resolved({"account": {"required": True}}, {"account": "a/b"}, read=read).params == {"account": "a/b"}


def test_the_given_parameters_are_not_changed() -> None:
    given = {"p": {"days": ["{today}"]}}
    one({"type": "object"}, given["p"])
    assert given == {"p": {"days": ["{today}"]}}


@pytest.mark.parametrize(
    ("param", "value", "expected"),
    [
        ({}, "{today}", "2026-11-20"),
        ({}, "{yesterday}", "2026-11-19"),
        ({}, "{today-7d}", "2026-11-13"),
        ({}, "{today+1w}", "2026-11-27"),
        ({}, "{now}", "2026-11-20T21:30:00-05:00"),
        ({}, "{now-3h}", "2026-11-20T18:30:00-05:00"),
        ({}, "{now+45m}", "2026-11-20T22:15:00-05:00"),
        ({}, "from {yesterday} to {today}", "from 2026-11-19 to 2026-11-20"),
        ({}, "{yesterday:%Y%m%d}", "20261119"),
        ({}, "{name} stays", "{name} stays"),
        ({"type": "integer"}, "{yesterday:%Y%m%d00}", 2026111900),
        ({"type": "integer"}, "{now:%s}", int(NOW.timestamp())),
        ({"type": "object"}, {"day": {"start": "{yesterday:%Y%m%d00}"}}, {"day": {"start": 2026111900}}),
        ({"type": "list"}, ["{now:%H}", "{now-13h:%H}"], [21, "08"]),
        ({"type": "list", "items": "string"}, ["{yesterday:%Y%m%d}"], ["20261119"]),
        ({"type": "list", "items": "date"}, ["{today}"], ["2026-11-20"]),
        ({"type": "date"}, "{now-24h}", "2026-11-19"),
        ({"type": "datetime"}, "{yesterday}", "2026-11-19T00:00:00-05:00"),
        ({"type": "datetime"}, "2026-07-01", "2026-07-01T00:00:00-04:00"),
        ({"type": "datetime"}, "2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        ({"type": "local-datetime"}, "{today}", "2026-11-20"),
        ({"type": "local-datetime"}, "{now}", "2026-11-20T21:30:00.000"),
        ({"type": "local-datetime", "date_adds": "T23:59:59.000"}, "{today}", "2026-11-20T23:59:59.000"),
        ({"type": "local-datetime", "date_adds": "T23:59:59.000"}, "2026-11-20T10:00:00", "2026-11-20T10:00:00"),
        ({"default": "{today}"}, None, "2026-11-20"),
    ],
)
def test_macros_take_the_form_their_place_asks_for(param: dict[str, Any], value: Any, expected: Any) -> None:
    assert one(param, value, "America/New_York") == expected


def test_utc_is_written_with_a_z() -> None:
    assert one({"type": "datetime"}, "{today}") == "2026-11-21T00:00:00Z"


@pytest.mark.parametrize(
    "value",
    [
        "{yesteday}",
        "{today-7}",
        "{today-3h}",
        "{Now}",
        "{ today }",
        "{now-3x}",
        "{today:%Q}",
        "{now:%}",
        "{today-999999d}",
    ],
)
def test_a_misspelt_macro_is_refused(value: str) -> None:
    assert refusal({"p": {"type": "object"}}, {"p": {"a": [value]}}).where == "params.p.a.0"


def test_days_move_the_calendar_and_hours_the_clock_where_clocks_change() -> None:
    # Berlin left summer time on 2026-10-25 at 03:00; the day had 25 hours.
    after = datetime(2026, 10, 25, 11, 30, tzinfo=UTC)
    subject = report(params={"p": {"type": "list", "items": "datetime"}})
    params = {"p": ["{now-1d}", "{now-24h}", "{today}", "{today+1d}"]}
    assert resolve(subject, params, now=after, timezone="Europe/Berlin").params["p"] == [
        "2026-10-24T12:30:00+02:00",
        "2026-10-24T13:30:00+02:00",
        "2026-10-25T00:00:00+02:00",
        "2026-10-26T00:00:00+01:00",
    ]


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_say_it_does() -> None:
    # In Cairo clocks went from 00:00 to 01:00 on 2026-04-24.
    now = datetime(2026, 4, 24, 12, tzinfo=UTC)
    subject = report(params={"p": {"type": "datetime"}})
    assert (
        resolve(subject, {"p": "{today}"}, now=now, timezone="Africa/Cairo").params["p"] == "2026-04-24T01:00:00+03:00"
    )


# Not Pacific/Apia: there was no 2011-12-30 there.
ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham"]
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, ZONES, st.integers(0, 800))
@settings(deadline=None, max_examples=150)
def test_a_date_some_days_ago_is_that_many_calendar_days_ago(now: datetime, zone: str, days: int) -> None:
    subject = report(params={"p": {"type": "date"}})
    params = resolve(subject, {"p": f"{{today-{days}d}}"}, now=now, timezone=zone).params
    assert params["p"] == (now.astimezone(ZoneInfo(zone)).date() - timedelta(days=days)).isoformat()


@given(MOMENTS, ZONES, st.integers(0, 5000))
@settings(deadline=None, max_examples=150)
def test_some_hours_ago_is_exactly_that_long_ago(now: datetime, zone: str, hours: int) -> None:
    subject = report(params={"p": {"type": "datetime"}})
    text = resolve(subject, {"p": f"{{now-{hours}h}}"}, now=now, timezone=zone).params["p"]
    assert now.replace(microsecond=0) - datetime.fromisoformat(text) == timedelta(hours=hours)


def test_an_unknown_time_zone_is_refused_with_a_close_one() -> None:
    with pytest.raises(BadInput, match="Europe/Berlin"):
        resolve(report(), {}, now=NOW, timezone="Europe/Berln")


def test_the_window_is_found_in_the_parameters_that_mean_it() -> None:
    params = {"start": {"type": "date"}, "stop": {"type": "date"}}
    window = {"from": "start", "to": "stop"}
    found = resolved(params, {"start": "{yesterday}", "stop": "{today}"}, window=window).window
    assert found == {"from": "2026-11-20", "to": "2026-11-21"}
    assert resolved(params, {}, window=window).window is None
    assert resolved(params, {"start": "2026-01-01"}, window=window).window == {"from": "2026-01-01", "to": None}
    assert refusal(params, {"start": "{today}", "stop": "{yesterday}"}, window=window).where == "params.stop"


@pytest.mark.parametrize(
    ("ends", "stop", "is_taken"),
    [
        ("inclusive", "2026-01-31", True),
        ("inclusive", "2026-02-01", False),
        ("exclusive", "2026-02-01", True),
        ("exclusive", "2026-02-02", False),
    ],
)
def test_a_window_longer_than_the_vendor_takes_is_refused(ends: str, stop: str, is_taken: bool) -> None:
    params, given = {"start": {"type": "date"}, "stop": {"type": "date"}}, {"start": "2026-01-01", "stop": stop}
    fields = {"window": {"from": "start", "to": "stop"}, "window_ends": ends, "window_at_most": "31d"}
    if is_taken:
        assert resolved(params, given, **fields).window == {"from": "2026-01-01", "to": stop}
    else:
        refused = refusal(params, given, **fields)
        assert (refused.where, refused.allowed) == ("params.stop", "a window of at most 31d from 2026-01-01 on")


def test_the_window_may_be_inside_a_list_of_filters() -> None:
    params = {"filters": {"type": "list", "items": "object"}}
    window = {"from": "filters.*.hour.start", "to": "filters.*.hour.end"}
    given = {"filters": [{"name": "x"}, {"hour": {"start": 2026112000, "end": 2026112023}}]}
    assert resolved(params, given, window=window).window == {"from": 2026112000, "to": 2026112023}
    assert resolved(params, {"filters": [{"hour": 1}]}, window=window).window is None


def test_a_joined_list_is_sent_as_one_text() -> None:
    assert one({"type": "list", "join": ","}, ["a", 1, True]) == "a,1,true"


def test_the_way_of_reading_follows_the_parameters() -> None:
    pages = {**READ, "when": {"size": "*"}, "request": {"path": "/pages"}}
    csv = {**READ, "when": {"form": "csv"}, "request": {"path": "/csv"}}
    subject = report(params={"size": {}, "form": {}}, read=[pages, csv, READ])

    def path(**params: Any) -> str:
        request = read_for(subject, params).request
        assert request is not None
        return request.path

    assert [path(size=1), path(form="csv"), path(form="json"), path()] == ["/pages", "/csv", "/rows", "/rows"]


def test_columns_a_parameter_names_are_typed_unless_declared_otherwise() -> None:
    subject = report(params={"m": {"type": "list"}}, columns={"a": "integer"}, columns_from={"m": "number"})
    assert columns_for(subject, {"m": ["a", "b"]}) == {"a": "integer", "b": "number"}
    assert columns_for(subject, {}) == {"a": "integer"}


def test_a_file_must_have_the_requested_columns_or_all_if_no_parameter_chooses() -> None:
    asked = report(params={"m": {"type": "list", "join": ","}}, columns={"a": "integer"}, columns_from={"m": "number"})
    # A list that is sent as one text still names several columns.
    sent = resolve(asked, {"m": ["b", "c"]}, now=datetime.now(UTC), timezone="UTC").params
    assert sent == {"m": "b,c"}
    assert required_columns(asked, sent) == ["b", "c"]
    assert columns_for(asked, sent) == {"a": "integer", "b": "number", "c": "number"}
    assert required_columns(asked, {}) == []
    assert required_columns(report(columns={"a": "integer"}), {}) is None


@pytest.mark.parametrize(
    ("items", "text", "sent"),
    [
        ("string", "clicks_sum", ["clicks_sum"]),
        ("string", "clicks_sum, impressions", ["clicks_sum", "impressions"]),
        ("string", 17, ["17"]),
        ("integer", "1,2", [1, 2]),
        ("integer", 5, [5]),
        ("number", "1.5,2", [1.5, 2]),
        ("boolean", "true,false", [True, False]),
        ("date", "{yesterday},{today}", ["2026-11-20", "2026-11-21"]),
        ("string", "{yesterday:%d,%m},x", ["20,11", "x"]),
        (None, "a,b", ["a", "b"]),
    ],
)
def test_text_for_a_list_is_one_item_or_several_with_commas_between_them(
    items: Any, text: Any, sent: list[Any]
) -> None:
    assert one({"type": "list", **({"items": items} if items else {})}, text) == sent
