"""How vendors write the rows of a JSON answer: in batches, as lists, as null where there are none."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Cases, ids
from tests.fake_vendor import Answer

CASES = Cases()
BATCHES = [{"results": ids(start, start + 10), "fieldMask": "id"} for start in (0, 10, 20)]
LISTS = [[f"e{number}", str(number)] for number in range(30)]
GAVE_UP = {"error": {"code": 13, "message": "the search gave up"}}


def number(row: dict[str, Any]) -> object:
    return row["event"], row["n"] + 0  # typed: text could not be added to


CASES.answer("rows-in-batches", Answer([*BATCHES, {"requestId": "x"}]), rows=30)
CASES.answer("error-in-place-of-a-batch", Answer([BATCHES[0], GAVE_UP]), fails=("13", "the search gave up"))
CASES.answer("rows-as-lists", Answer({"columns": ["event", "n"], "results": LISTS}), rows=30, ids=number)
CASES.answer(
    "rows-as-lists-before-their-columns",
    Answer({"rows": LISTS, "schema": [{"title": "event"}, {"title": "n"}]}),
    rows=30,
    ids=number,
)
CASES.answer("null-for-no-rows", Answer({"data": None}), rows=0)
