"""Rules fall where they say, as often as they say; a rule that cannot be used is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from sandbox.dial import KINDS, SECTIONS, BadRule, Dial, Place, read_rule

PAGE = Place("kargo", "completed-reports", "page", "/kargo/v1/completed-reports/abc", ("abc", "campaign"), offset=0)
STREAM = Place("mediamath", "stream", "stream", "/mediamath/reporting/v2/deals", ("deals",))
TOKEN = Place("kargo", "authenticate", "token", "/kargo/v1/authenticate")


def falls(rule: dict[str, Any], *places: Place) -> list[bool]:
    dial = Dial([rule])
    return [rule["kind"] in dial.falling_on(place) for place in places]


def status(**more: Any) -> dict[str, Any]:
    return {"kind": "status", "args": {"code": 503}, **more}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"endpoint": "completed-reports"}, True),
        ({"endpoint": "status"}, False),
        ({"role": "page"}, True),
        ({"role": "csv"}, False),
        ({"path": "completed-reports/a.c$"}, True),
        ({"path": "^/completed"}, False),
        ({"report": "abc"}, True),
        ({"report": "campaign"}, True),
        ({"report": "deals"}, False),
        ({"offset": 0}, True),
        ({"offset": 100}, False),
        ({"page": 0}, False),
        ({"endpoint": "completed-reports", "offset": 100}, False),
    ],
)
def test_everything_a_rule_matches_must_agree(match: dict[str, Any], expected: bool) -> None:
    assert falls(status(vendor="kargo", match=match), PAGE) == [expected]


def test_a_rule_for_one_vendor_spares_the_others() -> None:
    assert falls(status(vendor="mediamath"), PAGE, STREAM) == [False, True]


def test_a_rule_without_times_falls_for_ever_and_one_with_times_so_often() -> None:
    assert falls(status(), *[PAGE] * 4) == [True] * 4
    assert falls(status(times=2), *[PAGE] * 4) == [True, True, False, False]


def test_the_nth_exchange_is_counted_among_those_that_fit() -> None:
    rule = status(match={"nth": 2, "role": "page"})
    assert falls(rule, PAGE, STREAM, PAGE, PAGE) == [False, False, True, False]


def test_tokens_are_spared_unless_a_rule_means_them() -> None:
    assert falls(status(), TOKEN) == [False]
    assert falls(status(match={"endpoint": "authenticate"}), TOKEN) == [True]
    assert falls(status(match={"role": "token"}), TOKEN) == [True]
    assert falls({"kind": "one_token"}, TOKEN, PAGE) == [True, False]


def test_a_kind_falls_only_where_it_means_something() -> None:
    assert falls({"kind": "error_line", "args": {"after_rows": 1}}, PAGE, STREAM) == [False, True]
    assert falls({"kind": "next_link"}, PAGE, STREAM) == [True, False]


def test_of_two_rules_of_a_kind_the_earlier_counts_and_kinds_add_up() -> None:
    dial = Dial([status(times=1), {"kind": "status", "args": {"code": 500}}, {"kind": "html"}])
    assert dial.falling_on(PAGE)["status"]["code"] == 503
    faults = dial.falling_on(PAGE)
    assert faults["status"]["code"] == 500
    assert "html" in faults


def test_the_dial_counts_how_often_each_rule_matched_and_fired() -> None:
    dial = Dial([status(times=1)])
    for _ in range(3):
        dial.falling_on(PAGE)
    assert [(rule["seen"], rule["fired"]) for rule in dial.list_rules()] == [(3, 1)]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ([], "a rule is an object"),
        ({"kind": "nonsense"}, "kind 'nonsense' is not one of: .*status"),
        ({"kind": "status"}, "args of status: code: Field required; it takes .*'code': 'integer"),
        ({"kind": "status", "args": {"code": "503"}}, "code: .* valid integer .*'503'"),
        ({"kind": "status", "args": {"code": True}}, "code: .* valid integer .*True"),
        ({"kind": "status", "args": {"code": 503, "body": "xml"}}, "body: .*'vendor'.*'xml'"),
        ({"kind": "status", "args": {"cod": 503}}, "cod: Extra inputs"),
        ({"kind": "html", "vendor": "acme"}, "vendor: .*'kargo'.*'acme'"),
        ({"kind": "html", "times": 0}, "times: .*greater than or equal to 1"),
        ({"kind": "html", "match": {"where": 1}}, "match.where: Extra inputs"),
        ({"kind": "html", "match": {"offset": "1"}}, "match.offset: .*'1'"),
        ({"kind": "html", "match": {"path": "("}}, "match.path: .*valid regular expression"),
        ({"kind": "html", "time": 1}, "time: Extra inputs"),
        ({"kind": "html", "args": [1]}, "args: .*dictionary"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_the_reason(rule: Any, reason: str) -> None:
    with pytest.raises(BadRule, match=reason):
        read_rule(rule)


def test_a_refused_list_changes_nothing() -> None:
    dial = Dial([status()])
    with pytest.raises(BadRule):
        dial.turn([{"kind": "html"}, {"kind": "nonsense"}])
    assert [rule["kind"] for rule in dial.list_rules()] == ["status"]


def test_whole_numbers_are_accepted_where_a_fraction_may_be() -> None:
    assert read_rule({"kind": "delay", "args": {"seconds": 1}}).args == {"seconds": 1}


def test_no_two_kinds_share_a_name_and_every_default_is_allowed() -> None:
    assert len(KINDS) == sum(len(kinds) for kinds in SECTIONS.values())
    for kind in KINDS.values():
        assert kind.roles
        for arg in kind.args.model_fields.values():
            if not arg.is_required():
                TypeAdapter(arg.annotation).validate_python(arg.default, strict=True)
