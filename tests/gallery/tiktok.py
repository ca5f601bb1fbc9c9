"""TikTok's integrated report: pages by number, every answer has status 200, and a code says whether it is an error."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import Any

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {"access_token": "a long-term access token"}
LEVELS = {"campaign_id": 7, "ad_id": 30}
SPLITS = {"age": ["AGE_18_24", "AGE_25_34"], "gender": ["MALE", "FEMALE", "NONE"]}


class TikTok:
    """The vendor. `codes` answer the next requests beyond the first, one after another."""

    def __init__(self, *codes: int) -> None:
        self._codes = list(codes)
        self._is_first = True

    def __call__(self, request: Request) -> Answer:
        if request.headers.get("Access-Token") != CLIENT["access_token"]:
            return answer(40105, "Access token is incorrect or has been revoked.")
        if request.path != "/report/integrated/get/":
            return Answer(b"404 page not found", status=404)
        asked = request.query
        if asked["advertiser_id"] != "17":
            return answer(40001, "No permission to operate advertiser 18.")
        if self._codes and not self._is_first:
            return answer(self._codes.pop(0), "Too many requests in a short time.")
        self._is_first = False
        rows = rows_of(json.loads(asked["dimensions"]), json.loads(asked["metrics"]), asked)
        page, size = int(asked["page"]), int(asked["page_size"])
        facts = {"page": page, "page_size": size, "total_number": len(rows), "total_page": -(-len(rows) // size)}
        return answer(0, "OK", {"list": rows[(page - 1) * size : page * size], "page_info": facts})


def rows_of(dimensions: list[str], metrics: list[str], asked: dict[str, str]) -> list[dict[str, Any]]:
    values = {
        "stat_time_day": [f"{day} 00:00:00" for day in days(asked["start_date"], asked["end_date"])],
        **{name: [str(1_700_000_000_000_000_000 + at) for at in range(count)] for name, count in LEVELS.items()},
        **SPLITS,
    }
    return [
        {"dimensions": dict(zip(dimensions, found, strict=True)), "metrics": dict.fromkeys(metrics, "1.50")}
        for found in itertools.product(*(values[name] for name in dimensions))
    ]


def answer(code: int, message: str, data: Any = None) -> Answer:
    return Answer({"code": code, "message": message, "request_id": "20261103AB", "data": data or {}})


ASKED = {"advertiser_id": "17", "start_date": FROM.isoformat(), "end_date": TO.isoformat()}
SMALL = {**ASKED, "page_size": 10}
GET = "GET /report/integrated/get/"
pulled = partial(Pull, "tiktok.campaigns", params=SMALL)

PULLS = {
    "campaigns in pages": pulled(TikTok, 21, asked={GET: 3}),
    "ads on one page": Pull("tiktok.ads", TikTok, 90, params=ASKED, asked={GET: 1}),
    "audience": Pull("tiktok.audience", TikTok, 126, params=ASKED, asked={GET: 1}),
    "a rate limit by 200": pulled(lambda: TikTok(40100), 21, asked={GET: 4}),
    "trouble by 200": pulled(lambda: TikTok(50002), 21, asked={GET: 4}),
    "an error on a later page": pulled(lambda: TikTok(40300), fails=("40300: Too many", "20261103AB")),
    "an advertiser not ours": Pull(
        "tiktok.ads", TikTok, fails=("40001: No permission",), params={**ASKED, "advertiser_id": "18"}, asked={GET: 1}
    ),
}
