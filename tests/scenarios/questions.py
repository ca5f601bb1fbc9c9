"""Scenarios: requests on which the documents are silent or contradictory; ours satisfy every interpretation."""

from __future__ import annotations

import json

from tests.requests import MEDIAMATH, QUERIED, QUERY, ROKT
from tests.scenarios.outcome import Outcome
from tests.scenarios.scenario import Behaviour, done, failed, fault, kargo, mediamath, rokt, whole

EXPLICIT = {
    **{name: value for name, value in MEDIAMATH.items() if name != "time_window"},
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-01-08T00:00:00Z",
}
WEEKLY = {**EXPLICIT, "rollup": "by_week"}
BERLIN = {**ROKT, "timeZoneVariation": "Europe/Berlin"}


def asked_as_in_the_example(outcome: Outcome) -> None:
    (first, *_) = outcome.asked("status")
    assert first["query"].keys() == {"show_all", "report_id"}


def sent_one_of_window_and_start(outcome: Outcome) -> None:
    (asked,) = outcome.asked("stream")
    assert len({"time_window", "start_time"} & json.loads(asked["body"]).keys()) == 1


def logged_in_by_client_credentials(outcome: Outcome) -> None:
    (asked,) = outcome.asked("token")
    assert asked["body"] == "grant_type=client_credentials"
    assert asked["headers"]["content-type"] == "application/x-www-form-urlencoded"


def sent_groupby_in_lower_case(outcome: Outcome) -> None:
    assert outcome.asked("campaign-breakdown")[0]["query"]["groupby"] == "country"


def has_the_day_of_the_end(outcome: Outcome) -> None:
    assert "2026-01-08T00:00:00Z" in {row["agg_timestamp"] for row in outcome.rows}


def begins_on_monday(outcome: Outcome) -> None:
    assert min(row["agg_timestamp"] for row in outcome.rows)[:10] == "2025-12-29"


def begins_on_sunday(outcome: Outcome) -> None:
    assert min(row["agg_timestamp"] for row in outcome.rows)[:10] == "2025-12-28"


REQUESTS = (
    Behaviour(
        "documents a request in contradictory ways",
        "the request is valid in every reading",
        whole(),
        {
            "kargo's status": (kargo(), whole(also=asked_as_in_the_example)),
            "mediamath, a start": (
                mediamath(fault("windows_conflict"), params=EXPLICIT),
                whole(also=sent_one_of_window_and_start),
            ),
            "mediamath, today": mediamath(
                fault("current_date", beside=True), params={**MEDIAMATH, "time_window": "current_day"}
            ),
            "rokt's login": (rokt(), whole(also=logged_in_by_client_credentials)),
            "rokt's groups": (rokt(params={**ROKT, "groupby": "country"}), whole(also=sent_groupby_in_lower_case)),
        },
    ),
    Behaviour(
        "refuses a request that its documents may allow",
        "the job fails with the vendor's message",
        failed("400", published=False),
        {
            "a time zone": (rokt(fault("strict_zones"), params=BERLIN), failed("400", "Europe/Berlin")),
            "an end in the future": (
                rokt(fault("future_refused"), report=QUERIED, params={**QUERY, "endDate": "2027-01-01"}),
                failed("400", "endDate cannot be in the future", published=False),
            ),
        },
    ),
    Behaviour(
        "includes the end of a range, or begins weeks on another day",
        "all rows are kept, with their timestamps unchanged",
        done(),
        {
            "the end": (mediamath(fault("end_inclusive"), params=EXPLICIT), done(also=has_the_day_of_the_end)),
            "monday": (mediamath(fault("week_start", day="monday"), params=WEEKLY), done(also=begins_on_monday)),
            "sunday": (mediamath(fault("week_start", day="sunday"), params=WEEKLY), done(also=begins_on_sunday)),
        },
    ),
)
