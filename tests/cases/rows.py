"""How vendors write the rows of a JSON answer: in batches, as lists, as null where there are none."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case, always, ids
from tests.fake_vendor import Answer, Request


def _batches(request: Request) -> Answer:
    return Answer(
        [{"results": ids(start, start + 10), "fieldMask": "id"} for start in (0, 10, 20)] + [{"requestId": "x"}]
    )


def _batch_in_error(request: Request) -> Answer:
    return Answer([{"results": ids(0, 10)}, {"error": {"code": 13, "message": "the search gave up"}}])


def _lists(request: Request) -> Answer:
    return Answer({"columns": ["event", "n"], "results": [[f"e{n}", str(n)] for n in range(30)], "hasMore": False})


def _lists_before_their_columns(request: Request) -> Answer:
    return Answer({"rows": [[f"e{n}", str(n)] for n in range(30)], "schema": [{"title": "event"}, {"title": "n"}]})


def _null(request: Request) -> Answer:
    return Answer({"data": None})


def _number(row: dict[str, Any]) -> object:
    return row["event"], row["n"] + 0  # typed: text could not be added to


CASES = (
    Case("rows-in-batches", always(_batches), rows=30),
    Case("error-in-place-of-a-batch", always(_batch_in_error), fails=("13", "the search gave up")),
    Case("rows-as-lists", always(_lists), rows=30, ids=_number),
    Case("rows-as-lists-before-their-columns", always(_lists_before_their_columns), rows=30, ids=_number),
    Case("null-for-no-rows", always(_null), rows=0),
)
