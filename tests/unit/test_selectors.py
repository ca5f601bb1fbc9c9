"""Answers to a poll, and a vendor's list of reports, are understood in every form they have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.client.selectors import describe_selectors, latest_match, parse_time
from worker.client.status import Gone, Ready, Status, Waiting, read_status
from worker.errors import FailJob
from worker.sources.loading import load_catalogue
from worker.sources.schema import Adoption, Poll, Selector
from worker.transport.exchange import Answer

NOW = 1_700_000_000.0
OURS = "cgunomk22vhc70c9uaa0"


def declared(source: str, report: str) -> Poll:
    poll = load_catalogue().sources[source].reports[report].poll
    assert poll
    return poll


KARGO = declared("kargo", "campaign-performance-metrics")
INSTAL = declared("instal", "advertiser-export")


def status(poll: Poll, content: Any, *, needs_link: bool = False) -> Status | None:
    answer = Answer("GET /reports", 200, {}, content, json.dumps(content).encode())
    return read_status(poll, answer, OURS, needs_link=needs_link, now=NOW, refuse_error=lambda answer: None)


def report(**fields: Any) -> dict[str, Any]:
    return {"id": OURS, "status": "pending", "rpt_file_api_link": "", "record_count": 0, **fields}


DONE = report(status="complete", record_count=605, rpt_file_expires_at="2099-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "content",
    [
        {"status": "complete", "data": {"total_rows": 605, "links": {}}},
        {"data": {"status": "Completed ", "total_rows": "605"}},
        {"data": {"rows": [report(id="another", status="pending"), DONE]}},
        DONE,
    ],
)
def test_a_finished_report_is_seen_in_every_shape_of_answer(content: Any) -> None:
    seen = status(KARGO, content)
    assert isinstance(seen, Ready)
    assert seen.total == 605


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"rows": []}},
        {"data": {"rows": [report(id="another", status="complete")]}},
        {"data": {"rows": [report(id="another", status="error")]}},
        report(id="another", status="complete"),
        {"status": "complete", "data": {"rows": [None, 7, {}]}},
    ],
)
def test_another_report_is_never_mistaken_for_ours(content: Any) -> None:
    assert status(KARGO, content) is None


@pytest.mark.parametrize(
    ("content", "word", "is_known"),
    [
        ({"status": "pending"}, "pending", True),
        ({"status": " RUNNING ", "data": None}, "running", True),
        ({"status": "quantising"}, "quantising", False),
        ({"status": None}, "no status at status or data.status; the answer has: status", False),
        ({"state": "done", "at": 7}, "no status at status or data.status; the answer has: at, state", False),
        ([], "no status at status or data.status; the answer has: nothing", False),
        (report(status="pending"), "pending", True),
    ],
)
def test_an_unfinished_report_waits_and_an_unknown_word_is_marked(content: Any, word: str, is_known: bool) -> None:
    assert status(KARGO, content) == Waiting(word, is_known)


def test_a_report_without_a_status_waits_for_the_value_that_it_has_when_it_is_ready() -> None:
    poll = Poll(ready_when_set="files", link=["files.*.url"])
    assert status(poll, {"files": []}) == Waiting("nothing at files", is_known=True)
    assert status(poll, {"files": [{"url": "/a"}]}) == Ready(links=("/a",))


def test_a_link_alone_means_ready_but_its_count_is_not_believed_yet() -> None:
    seen = status(KARGO, report(status="running", rpt_file_api_link="/v1/completed-reports/x", record_count=12))
    assert seen == Ready(total=None, links=(), expires_at=None)
    assert isinstance(status(KARGO, report(status="running", rpt_file_api_link="null")), Waiting)


@pytest.mark.parametrize("word", ["error", "Failed", " ERROR "])
def test_a_failed_report_fails_with_everything_the_vendor_said(word: str) -> None:
    content = report(status=word, rpt_file_api_link="/v1/x", why="no such dimension" + "!" * 5_000)
    with pytest.raises(FailJob, match="no such dimension") as caught:
        status(KARGO, content)
    assert caught.value.spoils_report
    assert len(str(caught.value)) < 2_200


def test_a_report_past_its_time_has_expired() -> None:
    assert status(KARGO, {**DONE, "rpt_file_expires_at": "2023-11-14T22:13:20Z"}) == Gone(
        "the prepared report has expired"
    )
    assert isinstance(status(KARGO, {**DONE, "rpt_file_expires_at": "2023-11-14T22:13:21Z"}), Ready)
    assert isinstance(status(KARGO, {**DONE, "rpt_file_expires_at": None}), Ready)


def test_ready_without_a_link_waits_only_where_the_link_is_needed() -> None:
    content = {"state": "SUCCESS", "result": None}
    assert status(INSTAL, content, needs_link=True) == Waiting("ready without a link at result", is_missing=True)
    assert status(INSTAL, {"state": "SUCCESS", "result": "/x.csv"}, needs_link=True) == Ready(None, ("/x.csv",), None)
    assert status(INSTAL, content) == Ready()


# ---------------------------------------------------------------- adoption


ADOPTION = Adoption.model_validate({"request": {"path": "/reports"}, "rows": "data.rows", "match": {"unused": 1}})
ASKED = {
    "report_definition_id": "performance",
    "parameters": {
        "dimensions": ["a"],
        "measures": ["m"],
        "filters": [{"day": {"op": "between", "start": 2023030100}}],
    },
}


def listed(**fields: Any) -> dict[str, Any]:
    echo = {"filters": [{"day": {"start": "2023030100", "op": "between"}}], "measures": ["m"], "dimensions": ["a"]}
    return {
        "id": OURS,
        "report_definition_id": "performance",
        "created_at": "2023-11-14T22:13:20Z",
        "parameters": echo,
        **fields,
    }


def found(*reports: Any, wanted: dict[str, Any] = ASKED, since: float = NOW) -> str | None:
    match = latest_match(ADOPTION, reports, wanted, since)
    return match[1] if match else None


def test_our_report_is_found_with_any_order_of_keys_and_type_of_numbers() -> None:
    assert found(listed()) == OURS


def test_absent_null_and_empty_are_alike() -> None:
    wanted = {"parameters": {"dimensions": ["a"], "filters": None}}
    for filters in ({}, {"filters": []}, {"filters": None}, {"filters": {}}):
        assert found(listed(parameters={"dimensions": ["a"], **filters}), wanted=wanted) == OURS


@pytest.mark.parametrize(
    "fields",
    [
        {"created_at": "2023-11-14T22:13:14Z"},
        {"created_at": None},
        {"created_at": "yesterday"},
        {"report_definition_id": "other"},
        {"parameters": None},
        {"parameters": {"dimensions": ["a"], "measures": ["m"]}},
        {"parameters": {**ASKED["parameters"], "dimensions": ["a", "b"]}},
        {"id": None},
        {"id": ""},
    ],
)
def test_a_report_that_may_be_another_is_not_adopted(fields: dict[str, Any]) -> None:
    assert found(listed(**fields)) is None


def test_the_order_within_a_list_counts() -> None:
    wanted = {"parameters": {"dimensions": ["a", "b"]}}
    assert found(listed(parameters={"dimensions": ["b", "a"]}), wanted=wanted) is None


def test_of_several_the_latest_is_ours_and_rubbish_in_the_list_is_passed_over() -> None:
    later = listed(id="later", created_at="2023-11-14T22:13:30+00:00")
    assert found(None, 7, listed(), later, listed(created_at="2023-11-14T22:13:25Z"), []) == "later"


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T23:13:20+01:00", NOW),
        ("2023-11-14T22:13:20.500Z", NOW + 0.5),
        ("2023-11-14 22:13:20", NOW),
        (1_700_000_000, NOW),
        (1_700_000_000_000, NOW),
        ("1700000000", NOW),
        ("1712010112345", 1_712_010_112.345),
        ("20231114", NOW - 22 * 3600 - 13 * 60 - 20),
        (1379, None),
        ("1379", None),
        (float("inf"), None),
        (float("nan"), None),
        ("0001-01-01T00:00:00Z", None),
        (0, None),
        (-1, None),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_times_are_understood_as_vendors_write_them(stated: Any, seconds: float | None) -> None:
    assert parse_time(stated) == seconds


def test_the_places_of_selectors_are_named_even_if_one_is_the_whole_answer() -> None:
    assert describe_selectors(["", "data.id", Selector(header="Location")]) == "the top or data.id or Location"
