"""The faults of what carries rows, in a stream, in a page and in a file."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from sandbox import Sandbox, expected_rows
from tests.sandbox_client import INSTAL_EXPORT, MEDIAMATH_QUERY, Spoil, Visitor, rows_of, running, spoiling
from tests.sandbox_client import file as file
from tests.sandbox_client import stream as stream
from tests.sandbox_client import visitor as visitor

ROWS = 1003
ASKED = {"dimensions": ["campaign_name"], "measures": ["clicks_sum", "ctr_avg"]}
LINES = list(expected_rows("mediamath.performance", MEDIAMATH_QUERY, ROWS))
KARGO = list(expected_rows("kargo.campaign-performance-metrics", ASKED, ROWS))
FILE = list(expected_rows("instal.advertiser-export", INSTAL_EXPORT, ROWS))
sandbox = running(rows=ROWS, polls_until_ready=0)


@pytest.fixture
def page(sandbox: Sandbox, visitor: Visitor) -> Spoil:
    """Rows 501 to 510 of a Kargo report."""
    report_id = visitor.kargo_report(ASKED, polls=1)
    return spoiling(sandbox, lambda: rows_of(visitor, report_id, limit=10, offset=500))


def broken_off(ask: Spoil, kind: str, **args: Any) -> bytes:
    """What came before the end, of a body that breaks off."""
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(kind, **args)
    return cut.value.partial


@pytest.mark.parametrize("row", [1, 500, 501, 1003])
def test_cut_in_row_ends_in_the_middle_of_it(stream: Spoil, row: int) -> None:
    _, *rows = broken_off(stream, "cut_in_row", row=row).split(b"\n")
    assert rows[:-1] == LINES[: row - 1]
    assert rows[-1] == LINES[row - 1][: len(LINES[row - 1]) // 2]


@pytest.mark.parametrize("row", [0, 1, 500, 700, 1003])
def test_cut_after_row_ends_between_two(stream: Spoil, row: int) -> None:
    _, *rows = broken_off(stream, "cut_after_row", row=row).split(b"\n")
    assert rows == [*LINES[:row], b""]


def test_a_cut_may_look_whole(stream: Spoil) -> None:
    assert stream("cut_in_row", row=7, clean=True).split(b"\n")[1:7] == LINES[:6]
    assert stream("cut_after_row", row=7, clean=True).splitlines()[1:] == LINES[:7]


def test_a_page_is_cut_by_the_rows_number_in_the_report(page: Spoil) -> None:
    body = broken_off(page, "cut_in_row", row=503)
    assert body.partition(b'"rows":[')[2].startswith(KARGO[500] + b"," + KARGO[501] + b",")
    assert KARGO[502] not in body
    assert broken_off(page, "cut_after_row", row=501).endswith(KARGO[500])
    for elsewhere in (400, 499, 511):
        assert page("cut_after_row", row=elsewhere).endswith(b"}]}}")


def test_a_file_is_cut_although_it_named_its_whole_length(file: Spoil) -> None:
    assert broken_off(file, "cut_in_row", row=1003).split(b"\n")[1:-1] == FILE[:-1]
    assert file("cut_after_row", row=5, clean=True).splitlines()[1:] == FILE[:5]


def test_drop_row_leaves_one_away(stream: Spoil, page: Spoil, file: Spoil) -> None:
    assert stream("drop_row", row=500).splitlines()[1:] == LINES[:499] + LINES[500:]
    told = json.loads(page("drop_row", row=501))["data"]
    assert (len(told["rows"]), told["total_rows"]) == (9, ROWS)
    assert file("drop_row", row=1).splitlines()[1:] == FILE[1:]


def test_repeat_row_sends_one_or_all_again(stream: Spoil, file: Spoil) -> None:
    assert stream("repeat_row", row=2, copies=2).splitlines()[1:] == [LINES[0], *[LINES[1]] * 3, *LINES[2:]]
    assert len(file("repeat_row").splitlines()) == 1 + 2 * ROWS


@pytest.mark.parametrize("text", ["[]", "{}", "null", '"text"'])
def test_replace_row_puts_anything_there(stream: Spoil, text: str) -> None:
    assert stream("replace_row", row=3, text=text).splitlines()[3] == text.encode()


def test_columns_go_come_and_change(stream: Spoil, page: Spoil) -> None:
    def second(kind: str, **args: Any) -> dict[str, Any]:
        rows = stream(kind, **args).splitlines()
        assert kind != "set_value" or rows[3] == LINES[2]
        return dict(json.loads(rows[2], parse_float=str))

    sound = json.loads(LINES[1], parse_float=str)
    assert second("drop_column", column="impressions") == {k: v for k, v in sound.items() if k != "impressions"}
    assert second("drop_column", column="campaign_id").keys() == sound.keys() - {"campaign_id"}
    assert second("drop_column", column="agg_timestamp").keys() == sound.keys() - {"agg_timestamp"}
    assert second("extra_column", column="more", value={"a": [1]}) == {**sound, "more": {"a": [1]}}
    assert second("null_column", column="clicks") == {**sound, "clicks": None}
    assert second("set_value", column="clicks", text="1e400", row=2) == {**sound, "clicks": "1e400"}
    rows = json.loads(page("extra_column", row=501))["data"]["rows"]
    assert ["media_delivery_sum" in row for row in rows] == [True] + [False] * 9


def test_duplicate_key_has_the_right_value_last(stream: Spoil) -> None:
    line = stream("duplicate_key", row=2).splitlines()[2]
    assert line.count(b'"campaign_id"') == 2
    assert json.loads(line) == json.loads(LINES[1])


def test_broken_rows_are_broken(stream: Spoil, page: Spoil, file: Spoil) -> None:
    assert b":NaN," in stream("nan", row=4).splitlines()[4]
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream("invalid_json", row=4).splitlines()[4])
    with pytest.raises(json.JSONDecodeError):
        json.loads(page("invalid_json", row=505))
    for ask, row in ((stream, 4), (page, 505), (file, 4)):
        with pytest.raises(UnicodeDecodeError):
            ask("invalid_utf8", row=row).decode()


def test_big_and_deep_rows_are_big_and_deep(stream: Spoil, file: Spoil) -> None:
    assert len(stream("big_row", row=2, megabytes=3).splitlines()[2]) > 3_000_000
    assert len(file("big_row", row=2, megabytes=0.5).splitlines()[2]) > 500_000
    assert b"[" * 5000 + b"]" * 5000 in stream("deep_row", row=2, depth=5000).splitlines()[2]


def test_pretty_rows_are_spread_over_lines_and_stay_the_same(stream: Spoil, page: Spoil) -> None:
    body = stream("pretty_rows")
    assert body.count(b"\n") > 5 * ROWS
    decoder, text, found = json.JSONDecoder(), body.decode().lstrip(), []
    while text:
        row, end = decoder.raw_decode(text)
        found.append(row)
        text = text[end:].lstrip()
    assert found[1:] == [json.loads(row) for row in LINES]
    assert json.loads(page("pretty_rows"))["data"]["rows"] == [json.loads(row) for row in KARGO[500:510]]


def test_escaped_text_is_ascii_and_means_the_same(stream: Spoil) -> None:
    body = stream("escaped_text")
    assert body.isascii()
    assert [json.loads(row) for row in body.splitlines()[1:]] == [json.loads(row) for row in LINES]


def test_no_final_newline_leaves_the_last_line_open(stream: Spoil, file: Spoil) -> None:
    assert stream("no_final_newline").endswith(LINES[-1])
    assert file("no_final_newline").endswith(FILE[-1])


def test_numbers_are_written_otherwise(stream: Spoil, page: Spoil) -> None:
    assert isinstance(json.loads(stream("numbers", style="strings").splitlines()[1])["clicks"], str)
    assert b"000000000000000001," in stream("numbers", style="long").splitlines()[1]
    kinds = {type(row["clicks_sum"]) for row in json.loads(page("numbers", style="mixed"))["data"]["rows"]}
    assert kinds == {int, str}
