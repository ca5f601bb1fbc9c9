"""The HTTP API in a process of its own, on the stack that all tests share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from tests.fake_vendor import Answer, FakeVendor
from tests.harness import Api, Stack, running_api, until
from tests.requests import KARGO, PARAMS

TOKEN = "a-token-of-the-tests"
READ_TOKEN = "a-token-that-may-look"
ASKED = {"connection": "kargo", "report": "campaign-performance-metrics", "params": KARGO, "to": "stream:api"}


@pytest.fixture(scope="module")
def api(shared_stack: Stack) -> Iterator[Api]:
    with running_api(shared_stack, TOKEN, MILLRACE_API_READ_TOKENS=READ_TOKEN) as found:
        yield found


def test_a_job_requested_over_http_is_done(api: Api, stack: Stack) -> None:
    answer = api("POST", "/v1/jobs", json={**ASKED, "join": False})
    assert answer.status_code == 202
    job = answer.json()["job"]
    stack.receipt(job)
    shown = api("GET", f"/v1/jobs/{job}").json()
    assert (shown["state"], shown["receipt"]["rows"]) == ("done", 2500)
    assert job in [listed["job"] for listed in api("GET", "/v1/jobs", params={"state": "done"}).json()]
    assert stack.audit("api", job).is_whole


@pytest.mark.parametrize("token", [None, "another"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/x", "/v1/jobs/x/events", "/v1/events", "/v1/connections"])
def test_nothing_is_answered_without_a_token(api: Api, path: str, token: str | None) -> None:
    assert api("GET", path, token=token).status_code == 401


def test_the_same_idempotency_key_is_one_job(api: Api, stack: Stack) -> None:
    keyed = {"headers": {"Idempotency-Key": "once"}, "json": {**ASKED, "join": False}}
    job = api("POST", "/v1/jobs", **keyed).json()["job"]
    assert api("POST", "/v1/jobs", **keyed).json()["job"] == job
    stack.ended(job)


def test_an_idempotency_key_of_another_request_is_refused(api: Api, stack: Stack) -> None:
    keyed = {"headers": {"Idempotency-Key": "daily"}, "json": {**ASKED, "join": False}}
    job = api("POST", "/v1/jobs", **keyed).json()["job"]
    other = {**keyed, "json": {**ASKED, "params": {**KARGO, "measures": ["impressions"]}}}
    refused = api("POST", "/v1/jobs", **other)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["Idempotency-Key"])
    assert job in refused.text
    stack.ended(job)
    # A key that joined a job of another key was not used for that job.
    joins = {"headers": {"Idempotency-Key": "hourly"}, "json": ASKED}
    stack.dial({"kind": "never_ready", "vendor": "kargo"})
    running = api("POST", "/v1/jobs", headers={"Idempotency-Key": "first"}, json=ASKED).json()["job"]
    assert api("POST", "/v1/jobs", **joins).json()["job"] == running
    api("POST", f"/v1/jobs/{running}/cancel")
    stack.ended(running)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"connection": "kargoo"}, "connection"),
        ({"report": "none"}, "report"),
        ({"params": {**KARGO, "measurs": 1}}, "params.measurs"),
        ({"to": "file:/etc"}, "to"),
        ({"to": "file:~nobody-of-this-name/rows"}, "to"),
        ({"to": "redis://elsewhere:6379/0?stream=x"}, "to"),
        ({"surprise": 1}, "surprise"),
        ({"webhook": "ftp://receiver.example/"}, "webhook"),
        ({"webhook": "https://us:not-to-be-shown@receiver.example/"}, "webhook"),
    ],
)
def test_wrong_input_gets_422_with_the_field_and_nothing_is_sent(
    api: Api, stack: Stack, change: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/v1/jobs", json={**ASKED, **change})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1].startswith(field)
    assert "not-to-be-shown" not in answer.text
    assert stack.requests() == []


def test_a_job_is_cancelled_and_retried(api: Api, stack: Stack) -> None:
    stack.dial({"kind": "never_ready", "vendor": "kargo"})
    job = api("POST", "/v1/jobs", json={**ASKED, "join": False}).json()["job"]
    assert api("POST", f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    stack.dial()
    assert api("POST", f"/v1/jobs/{job}/retry").json()["state"] in {"queued", "pending"}
    assert stack.receipt(job)["state"] == "done"
    assert api("POST", f"/v1/jobs/{job}/retry").status_code == 409


def test_an_unknown_job_gets_404(api: Api) -> None:
    assert api("GET", "/v1/jobs/nobody").status_code == 404


def test_a_reading_token_may_read_but_not_change_anything(api: Api) -> None:
    assert api("GET", "/v1/jobs", token=READ_TOKEN).ok
    for path in ("/v1/jobs", "/v1/jobs/x/cancel", "/v1/jobs/x/retry"):
        assert api("POST", path, token=READ_TOKEN, json=ASKED).status_code == 403


def test_a_page_of_another_site_cannot_change_anything(api: Api) -> None:
    assert api("POST", "/v1/jobs/x/cancel", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert api("POST", "/v1/jobs/x/cancel", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404


def events(answer: requests.Response) -> Iterator[tuple[str, Any]]:
    """Events as they come, each with what it says."""
    name = ""
    for line in answer.iter_lines():
        word, _, rest = line.decode().partition(": ")
        if word == "event":
            name = rest
        elif word == "data":
            yield name, json.loads(rest)


def test_a_job_is_watched_from_state_to_state_to_its_end(api: Api, stack: Stack) -> None:
    job = api("POST", "/v1/jobs", json={**ASKED, "join": False}).json()["job"]
    with api("GET", f"/v1/jobs/{job}/events", stream=True) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        heard = list(events(answer))
    assert [name for name, _ in heard if name not in {"state", "progress"}] == ["end"]
    assert (heard[-1][1]["state"], heard[-1][1]["receipt"]["rows"]) == ("done", 2500)
    assert {told["job"] for _, told in heard} == {job}


def test_many_watch_at_once_and_the_api_answers_others_meanwhile(api: Api, stack: Stack) -> None:
    stack.dial({"kind": "never_ready", "vendor": "kargo"})
    job = api("POST", "/v1/jobs", json={**ASKED, "join": False}).json()["job"]
    # More than the 40 threads FastAPI answers with: a watcher must hold none.
    watching = [api("GET", f"/v1/jobs/{job}/events", stream=True) for _ in range(60)]
    try:
        assert api("GET", "/healthz").ok
        assert next(events(api("GET", "/v1/events", stream=True)))[0] == "overview"
        api("POST", f"/v1/jobs/{job}/cancel")
        assert {list(events(answer))[-1][0] for answer in watching} == {"end"}
    finally:
        for answer in watching:
            answer.close()


def test_pages_of_jobs_miss_none_and_repeat_none(api: Api, stack: Stack) -> None:
    made = [api("POST", "/v1/jobs", json={**ASKED, "join": False}).json()["job"] for _ in range(5)]
    for job in made:
        stack.ended(job)
    listed: list[str] = []
    path: str | None = "/v1/jobs?state=done&connection=kargo&report=campaign-performance-metrics&count=2"
    while path:
        answer = api("GET", path)
        assert len(answer.json()) <= 2
        listed += [job["job"] for job in answer.json()]
        path = answer.links.get("next", {}).get("url")
    assert set(made) <= set(listed)
    assert len(listed) == len(set(listed))
    assert api("GET", "/v1/jobs?connection=rokt").json() == []


def test_the_schema_of_every_report_accepts_the_parameters_of_the_tests(api: Api) -> None:
    sources = {source["source"]: source for source in api("GET", "/v1/sources").json()}
    assert {"kargo", "mediamath", "rokt", "instal"} <= set(sources)
    reports = {report["report"]: report for source in sources.values() for report in source["reports"]}
    for report in reports.values():
        Draft202012Validator.check_schema(report["params"])
    for name, params in PARAMS.items():
        Draft202012Validator(reports[name]["params"]).validate(params)
    misspelled = Draft202012Validator(reports["kargo.campaign-performance-metrics"]["params"])
    assert not misspelled.is_valid({**KARGO, "measurs": 1})


def test_accounts_schedule_entries_and_queues_are_listed(api: Api, stack: Stack) -> None:
    accounts = {one["connection"]: one for one in api("GET", "/v1/connections").json()}
    assert accounts["kargo"]["is_set_up"]
    assert api("GET", "/v1/schedule").json() == []
    queues = {queue["queue"]: queue for queue in api("GET", "/v1/queues").json()}
    assert all(queue["workers"] and queue["messages"] is not None for queue in queues.values()), queues
    assert list(queues) == ["control", "stream", "sweep"]


def test_a_dead_letter_is_listed_with_its_reason(api: Api, stack: Stack) -> None:
    letter = {"job": "j", "at": "1.1.1", "reason": "no number", "row": "{}"}
    stack.redis.xadd("dead:{rows:kargo.report}", letter)
    assert api("GET", "/v1/dead/kargo/report").json() == [letter]
    assert api("GET", "/v1/dead/kargo/none").status_code == 422
    assert api("GET", "/v1/dead/kargo/report?sink=file:/etc").status_code == 422


def test_webhooks_are_delivered_and_the_sweep_delivers_them_if_a_message_is_lost(api: Api, stack: Stack) -> None:
    with FakeVendor(lambda request: Answer()) as receiver:
        asked = {**ASKED, "join": False, "webhook": f"{receiver.base}/ended"}
        job = api("POST", "/v1/jobs", json=asked).json()["job"]
        until(lambda: receiver.heard, "the webhook")
    told = receiver.heard[0].json
    assert (told["type"], told["job"], told["data"]["rows"]) == ("job.done", job, 2500)


def test_metrics_count_what_workers_did(api: Api, stack: Stack) -> None:
    stack.receipt(api("POST", "/v1/jobs", json={**ASKED, "join": False}).json()["job"])
    assert api("GET", "/metrics", token=None).status_code == 401
    families = text_string_to_metric_families(api("GET", "/metrics", token=READ_TOKEN).text)
    told = {sample.name: sample.value for family in families for sample in family.samples}
    assert told["millrace_rows_total"] >= 2500
    assert min(told["millrace_commits_total"], told["millrace_commit_seconds_total"]) > 0
    assert told["millrace_vendor_answers_total"] > 0
    assert told["millrace_last_sweep_seconds"] < 60
    assert "millrace_queue_messages" in told
