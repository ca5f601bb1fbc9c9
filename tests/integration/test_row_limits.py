"""A report with as many rows as a vendor ever sends or counts may lack others, so it is not proven complete."""

from __future__ import annotations

import pytest

from tests.fake_vendor import ROWS, Answer
from tests.prepared import Start, done, failed
from tests.prepared import start as start
from worker.model import Json

MOST = len(ROWS)
READ: Json = {"request": {"path": "/rows", "query": {"n": "{n}"}}, "format": {"kind": "json", "rows": ["rows"]}}
COUNTED: Json = {**READ, "format": {**READ["format"], "total": ["total"]}}
LIMIT: Json = {"params": {"n": {"type": "integer", "default": MOST}}}


@pytest.mark.parametrize("limit", [MOST, "{n}"])
def test_as_many_rows_as_the_vendor_ever_sends_fail_the_job(start: Start, limit: object) -> None:
    read = {**READ, "row_limit": limit}
    made = start(lambda _: Answer({"rows": ROWS}), submit=None, poll=None, read=read, report=LIMIT)
    failed(made, "3 rows are the most that the vendor sends")


@pytest.mark.parametrize(
    ("read", "total", "proof"),
    [
        ({**READ, "row_limit": MOST + 1}, None, ("end", None)),
        ({**COUNTED, "row_limit": MOST}, MOST, ("count", MOST)),
        ({**COUNTED, "rows_at_most": "n"}, MOST + 1, ("count", MOST)),
        ({**COUNTED, "paging": {"kind": "single", "total_capped_at": MOST}}, MOST, ("end", None)),
        ({**COUNTED, "paging": {"kind": "single", "total_capped_at": MOST + 1}}, MOST, ("count", MOST)),
        ({**COUNTED, "paging": {"kind": "offset", "limit": MOST, "total_capped_at": MOST}}, MOST, ("count", MOST)),
    ],
)
def test_a_count_proves_that_rows_are_all_unless_it_may_be_capped(
    start: Start, read: Json, total: int | None, proof: tuple[str, int | None]
) -> None:
    answers = iter([Answer({"rows": ROWS, "total": total}), Answer({"rows": [], "total": total})])
    receipt = done(start(lambda _: next(answers), submit=None, poll=None, read=read, report=LIMIT))
    assert (receipt["proof"], receipt["expected_rows"]) == proof


@pytest.mark.parametrize("rows", [100, 99])
def test_one_row_in_a_hundred_may_be_dead_and_counts_as_one_that_came(start: Start, rows: int) -> None:
    sent = [{"id": "none"}, *({"id": number} for number in range(1, rows))]
    made = start(
        lambda _: Answer({"rows": sent, "total": rows}),
        submit=None,
        poll=None,
        read={**COUNTED, "request": {"path": "/rows"}},
        report={"columns": {"id": "integer"}},
    )
    if rows == 99:
        failed(made, "1 of 99 rows are dead letters; at most 1.0% are accepted")
    else:
        receipt = made.run()
        assert (receipt["state"], receipt["rows"], receipt["dead_rows"]) == ("done", 99, 1)
        assert (receipt["proof"], receipt["expected_rows"]) == ("count", 100)
