"""The consumer recognizes the kinds of entries by their fields."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.consumer.entries import End, Lost, Rows, Strange, Void, parse, position
from examples.consumer.receipts import digest, provable_digest, window_name
from worker.model import Checkpoint
from worker.sinks.sink import totals

RECEIPT = {"generation": 2, "pages": 3, "rows": 7, "connection": "kargo", "report": "r", "params": {}, "window": None}


def test_a_row_has_its_address_and_its_own_text() -> None:
    row = parse("5-1", {"job": "j", "at": "2.13.400", "row": '{"spend":57.1000}'})
    assert row == Rows("5-1", "j", 2, 13, 400, ('{"spend":57.1000}',))


def test_a_packed_entry_is_so_many_rows_from_its_address_on() -> None:
    rows = '{"a":"\\n"}\n{"b":"\u2028"}\n'
    entry = parse("5-1", {"job": "j", "at": "1.2.400", "count": "2", "rows": rows})
    assert entry == Rows("5-1", "j", 1, 2, 400, ('{"a":"\\n"}', '{"b":"\u2028"}'))


def test_an_end_says_what_there_must_be() -> None:
    assert parse("5-1", {"job": "j", "end": json.dumps(RECEIPT)}) == End("5-1", "j", 2, 3, 7, RECEIPT)


def test_a_void_says_which_generation() -> None:
    assert parse("5-1", {"job": "j", "void": '{"generation":1,"reason":"replay"}'}) == Void("5-1", "j", 1, "replay")


def test_an_entry_without_fields_was_removed() -> None:
    assert parse("5-1", {}) == Lost("5-1")


@pytest.mark.parametrize(
    "fields",
    [
        {"row": "{}"},
        {"job": "j"},
        {"job": "j", "at": "1.1", "row": "{}"},
        {"job": "j", "at": "1.1.x", "row": "{}"},
        {"job": "j", "at": "1.1.1"},
        {"job": "j", "at": "1.1.1", "rows": "{}\n"},
        {"job": "j", "at": "1.1.1", "count": "2", "rows": "{}\n"},
        {"job": "j", "at": "1.1.1", "count": "1", "rows": "{}\n{}"},
        {"job": "j", "end": "{}"},
        {"job": "j", "end": "["},
        {"job": "j", "end": "[]"},
        {"job": "j", "void": '{"generation":"one","reason":"replay"}'},
        {"job": "j", "void": f'{{"generation":{2**63 - 1},"reason":"replay"}}'},
        {"job": "j", "at": f"1.{2**63}.1", "row": "{}"},
        {"job": "j", "at": "1.1.-1", "row": "{}"},
        {"job": "j", "at": "1.1.1", "row": "{\0}"},
        {"job": "j", "at": "1.1.1", "row": "\udcff"},
        {"job": "j", "end": json.dumps({**RECEIPT, "rows": float("inf")})},
        {"job": "j", "end": json.dumps({**RECEIPT, "params": {"name": "\ud800"}})},
        {"job": "j", "end": "[" * 100_000},
    ],
)
def test_an_entry_that_is_neither_rows_nor_end_nor_void_is_strange(fields: dict[str, str]) -> None:
    assert isinstance(parse("5-1", fields), Strange)


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["job", "at", "row", "rows", "count", "end", "void", "x"]), st.text() | st.just('{"rows":null}')
    )
)
def test_no_entry_is_too_strange_to_be_read(fields: dict[str, str]) -> None:
    assert parse("5-1", fields).id == "5-1"


def test_entries_compare_by_number_not_by_text() -> None:
    assert position("99-0") < position("100-2") < position("100-10")


PAGES = [[], [b'{"a":1}', '{"b":"\u00e9"}'.encode()], [], [b"{}"], []]


def test_the_digest_of_rows_is_the_one_the_receipt_has() -> None:
    kept = [
        Checkpoint(rows=len(page), digest=hashlib.sha256(b"".join(row + b"\n" for row in page)).hexdigest())
        for page in PAGES
    ]
    rows = [(number, row.decode()) for number, page in enumerate(PAGES, 1) for row in page]
    assert digest(rows, pages=5) == totals(kept).digest
    assert digest(rows[1:], pages=5) != totals(kept).digest
    assert digest([*rows, (6, "{}")], pages=5) != totals(kept).digest


def test_a_digest_that_covers_dead_rows_cannot_be_proven_from_the_others() -> None:
    assert provable_digest({"digest": "d", "dead_rows": 0}) == "d"
    assert provable_digest({"digest": "d", "dead_rows": 1}) is None


def test_a_window_is_the_same_reports_same_dates_with_the_same_parameters() -> None:
    day = {**RECEIPT, "params": {"a": 1, "b": 2}, "window": {"from": "2026-11-01", "to": "2026-11-01"}, "job": "j1"}
    again = {**day, "params": {"b": 2, "a": 1}, "job": "j2", "rows": 9}
    assert window_name(day) == window_name(again)
    others = [
        {**day, "window": {"from": "2026-11-02", "to": "2026-11-02"}},
        {**day, "params": {"a": 1, "b": 3}},
        {**day, "connection": "kargo-two"},
        {**day, "report": "s"},
    ]
    assert len({window_name(receipt) for receipt in [day, *others]}) == 5
