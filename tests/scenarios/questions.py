"""Scenarios: requests on which the documents are silent or contradictory; ours satisfy every interpretation."""

from __future__ import annotations

import json

from tests.requests import MEDIAMATH, ROKT
from tests.scenarios.outcome import Outcome
from tests.scenarios.scenario import Behaviour, kargo, mediamath, rokt, whole

EXPLICIT = {
    **{name: value for name, value in MEDIAMATH.items() if name != "time_window"},
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-01-08T00:00:00Z",
}


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


REQUESTS = (
    Behaviour(
        "documents a request in contradictory ways",
        "the request is valid in every reading",
        whole(),
        {
            "kargo's status": (kargo(), whole(also=asked_as_in_the_example)),
            "mediamath, a start": (
                mediamath(params=EXPLICIT),
                whole(also=sent_one_of_window_and_start),
            ),
            "rokt's login": (rokt(), whole(also=logged_in_by_client_credentials)),
            "rokt's groups": (rokt(params={**ROKT, "groupby": "country"}), whole(also=sent_groupby_in_lower_case)),
        },
    ),
)
