"""What vendors do that takes more than one job to show; what one job shows is in the table of `tests/scenarios/`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness import until
from tests.requests import EXPORT, KARGO, PAGES, PARAMS, QUERIED, SINGLE, STREAM
from tests.scenarios.runner import ScenarioRunner
from tests.scenarios.scenario import ROWS, fault, kargo, mediamath, rokt
from worker.errors import BadInput


@pytest.mark.parametrize(("code", "form", "least_seconds"), [(429, "seconds", 2.0), (503, "date", 0.9)])
def test_a_retry_after_pauses_the_connection_for_every_job_on_it(
    runner: ScenarioRunner, code: int, form: str, least_seconds: float
) -> None:
    # A date has whole seconds, so it may ask for up to a second less.
    with runner.vendors() as vendors:
        vendors.prepare(mediamath())
        refusal = {"code": code, "retry_after": 2.0, "retry_after_form": form}
        vendors.sandbox.remote.turn(fault("status", times=1, match={"role": "stream"}, **refusal))
        first = vendors.ask(STREAM)
        until(lambda: vendors.sandbox.remote.requests(endpoint="stream"), "the first question")
        others = [vendors.ask(STREAM) for _ in range(3)]
        outcomes = [vendors.outcome(job) for job in (first, *others)]
        for ended in outcomes:
            ended.assert_whole(ROWS)
            assert ended.job.attempts == 0
        asked = outcomes[0].asked("stream")
        assert len(asked) == 5
        assert min(one["time"] for one in asked[1:]) - asked[0]["time"] >= least_seconds


def test_a_failed_preparation_is_asked_for_anew_by_a_retry(runner: ScenarioRunner) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(kargo(fault("error_status")))
        job = vendors.ask(PAGES)
        vendors.outcome(job).assert_failed("could not prepare the report")
        vendors.sandbox.remote.turn()
        assert runner.millrace.services.ledger.retry(job)[0] == "queued"
        runner.millrace.nudge("report.submit", job)
        runner.millrace.wait_for(job, lambda job: job.state == "done", "done")
        again = vendors.outcome(job)
        again.assert_done(ROWS, generation=2)
        assert len(again.asked("reports")) == 2


@pytest.mark.parametrize("listed_late", [0, 2])
def test_a_report_made_without_an_answer_is_told_from_one_somebody_else_asked_for(
    runner: ScenarioRunner, listed_late: int
) -> None:
    with runner.vendors(is_unused=True) as vendors:
        faults = [fault("commit_then_drop", times=1)]
        faults += [fault("late_listing", polls=listed_late)] if listed_late else []
        vendors.prepare(kargo(*faults))
        job = vendors.ask(PAGES)
        vendors.ask(PAGES, params={**KARGO, "measures": ["media_delivery_sum"]})
        ended = vendors.outcome(job)
        ended.assert_whole(ROWS)
        ours = [one for one in ended.asked("reports") if "clicks_sum" in one["body"]]
        assert (len(ours), ended.receipt["possible_orphans"]) == (1, 0)


@pytest.mark.parametrize("restate", ["values", "order"])
def test_restated_days_are_read_anew_by_a_later_job(runner: ScenarioRunner, restate: str) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(rokt())
        first = vendors.outcome(vendors.ask(SINGLE))
        vendors.sandbox.remote.set(revision=2, restate=restate)
        second = vendors.outcome(vendors.ask(SINGLE))
        first.assert_whole(ROWS)
        second.assert_whole(ROWS, revision=2, restate=restate)
        assert first.receipt["digest"] != second.receipt["digest"]
        assert first.receipt["ready_at"] < second.receipt["ready_at"]


@pytest.mark.parametrize(
    ("report", "wrong", "where"),
    [
        (STREAM, {"page_size": 1001}, "page_size"),
        (STREAM, {"start_time": "2026-01-01"}, "params"),
        (STREAM, {"time_window": "current_date"}, "time_window"),
        (SINGLE, {"currency": "usd"}, "currency"),
        (QUERIED, {"orderBys": [{"column": "datetime"}]}, "orderBys"),
        (EXPORT, {"sorting": "campaign_id"}, "sorting"),
    ],
)
def test_what_every_reading_of_the_documents_refuses_is_never_sent(
    runner: ScenarioRunner, report: str, wrong: dict[str, Any], where: str
) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(mediamath())
        with pytest.raises(BadInput) as refused:
            vendors.ask(report, params={**PARAMS[report], **wrong})
        assert where in refused.value.where
        assert vendors.sandbox.remote.requests() == []
