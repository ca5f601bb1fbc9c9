"""Scenarios: reports that are not ready yet, and reports that are gone before they are read."""

from __future__ import annotations

from tests.requests import KARGO
from tests.scenarios.bodies import LONG_SILENCE_SECONDS
from tests.scenarios.outcome import Outcome
from tests.scenarios.scenario import Behaviour, at, done, failed, fault, instal, kargo, kargo_csv, whole

ONE_SUBMIT, TWO_SUBMITS = {"POST reports": 1}, {"POST reports": 2}
MISSPELT = {**KARGO, "measures": ["clics_sum"]}
NOT_PREPARED = "could not prepare the report"


def was_polled_on(outcome: Outcome) -> None:
    assert len(outcome.asked("status") + outcome.asked("task")) > 1


def was_looked_for_in_the_list(outcome: Outcome) -> None:
    assert outcome.asked("list")


def names_the_report(outcome: Outcome) -> None:
    assert str(outcome.receipt["vendor_report_id"]) in outcome.error


def was_polled_with_the_slash(outcome: Outcome) -> None:
    assert any(one["path"].endswith("/") for one in outcome.asked("task"))


SUBMITTING = (
    Behaviour(
        "makes a report but does not answer the request",
        "the report is found in the vendor's list and adopted, not requested twice",
        whole(also=was_looked_for_in_the_list),
        {
            "no answer": kargo(fault("commit_then_drop", times=1), is_alone=True),
            "no answer, listed late": kargo(
                fault("commit_then_drop", times=1), fault("late_listing", polls=2), is_alone=True
            ),
            "silence": kargo(
                fault("silence", seconds=LONG_SILENCE_SECONDS, match=at("submit"), times=1), is_alone=True
            ),
        },
    ),
    Behaviour(
        "does not answer, and does not list the report within the grace period",
        "it is requested again",
        whole(asked=TWO_SUBMITS),
        {
            "never listed": kargo(
                fault("commit_then_drop", times=1), fault("late_listing", polls=99, match=at("list")), is_impatient=True
            )
        },
    ),
    Behaviour(
        "does not answer, and has no list of reports",
        "the report is requested once more after the grace period; `possible_orphans` is 1",
        whole(receipt={"possible_orphans": 1}, asked={"exports": 2}),
        {"no answer": instal(fault("commit_then_drop", times=1), is_impatient=True)},
    ),
    Behaviour(
        "refuses the request at once",
        "the job fails with the vendor's message",
        failed("clics_sum", published=False, asked={"POST reports": 1, "status": 0}),
        {
            "kargo, 400": kargo(fault("strict_names"), params=MISSPELT),
            "kargo, 200": kargo(fault("strict_names", answer="error_status"), params=MISSPELT),
            **{
                f"instal, {how}": (
                    instal(fault("create_error", **args)),
                    failed("ERROR", published=False, asked={"exports": 1, "task": 0}),
                )
                for how, args in (("no id", {}), ("an id", {"with_id": True}), ("400", {"code": 400}))
            },
        },
    ),
)

WAITING = (
    Behaviour(
        "uses an unknown status, or any of a task queue's words",
        "the job waits",
        whole(),
        {
            "kargo": kargo(fault("status_word", word="Hibernating", link="empty", times=3)),
            "instal": instal(fault("task_state", state="STARTED", polls=2)),
        },
    ),
    Behaviour(
        "keeps using an unknown status",
        "the job fails at its deadline, and the error has the word",
        failed("not ready within 2 s", "hibernating", published=False, also=was_polled_on),
        {
            "kargo": kargo(fault("status_word", word="Hibernating", link="empty"), ready_within="2s"),
            "instal": instal(fault("task_state", state="Hibernating"), ready_within="2s"),
        },
    ),
    Behaviour(
        "answers one poll with HTML",
        "the poll is repeated",
        whole(),
        {"html": kargo(fault("html", match=at("status"), times=1))},
    ),
    Behaviour(
        "answers every poll with HTML",
        "the job fails at its deadline with the last answer",
        failed("not ready within 2 s", published=False, asked=ONE_SUBMIT),
        {"html": (kargo(fault("html", match=at("status")), ready_within="2s"), failed("<!DOCTYPE html>"))},
    ),
    Behaviour(
        "says complete or completed, in capital or small letters",
        "the report is ready",
        whole(),
        {"Completed": kargo(fault("status_word", word=" Completed ", link="set", from_poll=2))},
    ),
    Behaviour(
        "shows only by its link that a report is ready",
        "the report is ready",
        whole(),
        {"running": kargo(fault("ready_by_link"))},
    ),
    Behaviour(
        "says error or failure",
        "the job fails with everything the vendor said",
        failed(NOT_PREPARED, published=False),
        {
            "error, with words": (
                kargo(fault("error_status", text="unknown measure clics_sum")),
                failed(f"{NOT_PREPARED} (error)", "unknown measure clics_sum", asked=ONE_SUBMIT, also=names_the_report),
            ),
            "FAILURE": (
                instal(fault("task_state", state="FAILURE", text="unknown column")),
                failed(NOT_PREPARED, "failure", "unknown column", published=False, asked={"exports": 1}),
            ),
        },
    ),
    Behaviour(
        "answers a poll with the report alone, or with the report of another account first",
        "the report with our id is used",
        whole(asked={"status": 2}),
        {
            "the report alone": kargo(fault("status_shape", shape="C")),
            "another account's first": kargo(fault("foreign_row")),
        },
    ),
    Behaviour(
        "answers a poll with only the report of another account",
        "the job waits; that report is never used",
        failed("not ready within", "not listed", published=False),
        {"alone": kargo(fault("foreign_row", alone=True), ready_within="1s")},
    ),
    Behaviour(
        "says ready without a link",
        "the job waits if it needs the link",
        whole(),
        {
            "instal, for a moment": instal(fault("null_result", polls=2)),
            "kargo, whose pages need none": kargo(fault("ready_without_link")),
        },
    ),
    Behaviour(
        "never gives the link",
        "the job fails after the grace period",
        failed("still no link", published=False),
        {"instal": instal(fault("null_result"), is_impatient=True)},
    ),
    Behaviour(
        "says pending for ever",
        "the job fails at its deadline",
        failed("not ready within", "pending", published=False),
        {"kargo": kargo(fault("never_ready"), ready_within="1s")},
    ),
    Behaviour(
        "does not know the report yet: sends another account's, or answers 404",
        "the job waits",
        whole(asked={"reports": 1}),
        {
            "another account's": kargo(fault("late_listing", polls=3), fault("foreign_row")),
            "404": kargo(fault("late_listing", polls=3), fault("status_shape", shape="C")),
        },
    ),
    Behaviour(
        "never knows the report",
        "the job fails after the grace period",
        failed("the vendor does not know report", asked={"reports": 1}, also=names_the_report),
        {
            "a list without it": kargo(fault("late_listing", polls=99), is_impatient=True),
            "404": kargo(fault("late_listing", polls=99), fault("status_shape", shape="C"), is_impatient=True),
        },
    ),
    Behaviour(
        "needs a slash at the end of the task's address, and without it answers 301 or 404",
        "the address with the slash is used",
        whole(also=was_polled_with_the_slash),
        {answer: instal(fault("task_slash", answer=answer)) for answer in ("301", "404")},
    ),
)

GONE = (
    Behaviour(
        "forgets a prepared report before it is read",
        "the report is requested again, once",
        done(generation=2, asked=TWO_SUBMITS),
        {
            "at the status": (
                kargo(fault("expired_report", match=at("status", nth=2))),
                done(generation=1, asked=TWO_SUBMITS),
            ),
            "at its page": kargo(fault("expired_report", times=1, match=at("page"))),
            "at its csv": kargo_csv(fault("expired_report", times=1, match=at("csv"))),
        },
    ),
    Behaviour(
        "forgets the second report too",
        "the job fails",
        failed("requested again once already", asked=TWO_SUBMITS),
        {
            "at the status": kargo(fault("expired_report", match=at("status"))),
            "at its page": kargo(fault("expired_report", match=at("page"))),
        },
    ),
    Behaviour(
        "lets a download link expire",
        "a new link is requested, not a new report",
        whole(asked={"exports": 1, "storage": 2}),
        {code: instal(fault("link_expires", times=1, code=int(code))) for code in ("400", "401", "403", "404", "410")},
    ),
    Behaviour(
        "lets every download link expire",
        "the report is exported again, once; then the job fails",
        failed("requested again once already", asked={"exports": 2}),
        {code: instal(fault("link_expires", code=int(code)), is_impatient=True) for code in ("404", "410")},
    ),
    Behaviour(
        "refuses every download link",
        "a new link is requested; then the job fails with the message of storage",
        failed("403 Forbidden", "expired", asked={"exports": 1, "storage": 2}),
        {"403": instal(fault("link_expires"))},
    ),
)
