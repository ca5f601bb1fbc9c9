"""Meta's Insights by report runs: requested, polled by a status word, read by next links that contain the token."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {"access_token": "EAAB a system user's token"}
OBJECTS = {"account": 1, "campaign": 5, "adset": 10, "ad": 40}
RATE = {"code": 80000, "error_subcode": 2446079, "is_transient": True, "message": "There have been too many calls"}
TRANSIENT = {"code": 2, "is_transient": True, "message": "An unexpected error has occurred. Please retry later"}
TOO_LARGE = {"code": 100, "error_subcode": 1487534, "is_transient": False, "message": "Please reduce the data"}


class Meta:
    """The vendor. `ends` are the words the next runs end with, then Job Completed; `faults` spoil the second page."""

    def __init__(self, *, ends: tuple[str, ...] = (), faults: tuple[Any, ...] = ()) -> None:
        self._ends, self._faults = list(ends), list(faults)
        self._runs: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Answer:
        if request.query.get("access_token") != CLIENT["access_token"]:
            return refused({"code": 190, "message": "Error validating access token", "is_transient": False})
        if request.method == "POST":
            if request.path != "/act_17/insights":
                return refused({"code": 100, "message": "Unsupported post request", "is_transient": False})
            asked = dict(parse_qsl(request.body.decode(), strict_parsing=True))
            self._runs.append({**asked, "asks": 0})
            return Answer({"report_run_id": str(6_000_000_000_000 + len(self._runs))})
        run_id, _, edge = request.path.strip("/").partition("/")
        run = self._runs[int(run_id) - 6_000_000_000_001]
        return self.page(request, run) if edge else self.status(run_id, run)

    def status(self, run_id: str, run: dict[str, Any]) -> Answer:
        run["asks"] += 1
        word, percent = [("Job Not Started", 0), ("Job Running", 50), ("", 100)][min(run["asks"], 3) - 1]
        word = word or (self._ends.pop(0) if self._ends else "Job Completed")
        return Answer({"id": run_id, "account_id": "17", "async_status": word, "async_percent_completion": percent})

    def page(self, request: Request, run: dict[str, Any]) -> Answer:
        after, limit = int(request.query.get("after", 0)), int(request.query["limit"])
        if after and self._faults:
            return refused(self._faults.pop(0))
        span = json.loads(run["time_range"])
        rows = [
            row_of(run, day, at) for day in days(span["since"], span["until"]) for at in range(OBJECTS[run["level"]])
        ]
        end = after + limit
        paging: dict[str, Any] = {"cursors": {"before": str(after), "after": str(end)}}
        if end < len(rows):
            token = CLIENT["access_token"].replace(" ", "%20")
            paging["next"] = f"{request.base}{request.path}?access_token={token}&limit={limit}&after={end}"
        return Answer({"data": rows[after:end], "paging": paging})


def row_of(run: dict[str, Any], day: str, at: int) -> dict[str, Any]:
    known = {"impressions": str(100 + at), "clicks": str(at), "reach": "90", "spend": "12.30"}
    known["actions"] = [{"action_type": "link_click", "value": str(at)}]
    fields = {name: known.get(name, f"{120_210_000_000_000_000 + at}") for name in run["fields"].split(",")}
    split = dict.fromkeys(filter(None, run.get("breakdowns", "").split(",")), "all")
    return {**fields, **split, "date_start": day, "date_stop": day}


def refused(error: dict[str, Any]) -> Answer:
    return Answer({"error": {"type": "OAuthException", "fbtrace_id": "Az8or2yhqkZfEZ", **error}}, status=400)


ASKED = {"account_id": "17", "since": FROM.isoformat(), "until": TO.isoformat()}
SMALL = {**ASKED, "limit": 50}
RUN, PAGE = "POST /act_17/insights", "GET /6000000000001/insights"
pulled = partial(Pull, "meta.campaigns", params=ASKED)

PULLS = {
    "campaigns": pulled(Meta, 15, asked={RUN: 1, PAGE: 1}),
    "ads by next links": Pull("meta.ads", Meta, 120, params=SMALL, asked={RUN: 1, PAGE: 3}),
    "split by age": Pull(
        "meta.insights", Meta, 30, params={**ASKED, "breakdowns": ["age", "gender"], "filtering": [{"field": "x"}]}
    ),
    "a run that failed": pulled(lambda: Meta(ends=("Job Failed",)), 15, asked={RUN: 2, PAGE: 0}),
    "runs that fail": pulled(lambda: Meta(ends=("Job Failed",) * 2), fails=("job failed",), asked={RUN: 2}),
    "a rate limit": Pull("meta.ads", lambda: Meta(faults=(RATE,)), 120, params=SMALL, asked={PAGE: 4}),
    "an error that passes": Pull("meta.ads", lambda: Meta(faults=(TRANSIENT,)), 120, params=SMALL, asked={PAGE: 4}),
    "too much data": Pull(
        "meta.ads", lambda: Meta(faults=(TOO_LARGE,)), fails=("100: Please reduce", "Az8or2yhqkZfEZ"), params=SMALL
    ),
    "an account not ours": Pull("meta.ads", Meta, fails=("100: Unsupported",), params={**ASKED, "account_id": "18"}),
}
