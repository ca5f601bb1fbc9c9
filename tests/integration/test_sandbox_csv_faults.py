"""The faults that only files have."""

from __future__ import annotations

import pytest

from sandbox import expected_rows
from tests.sandbox_client import INSTAL_EXPORT, Spoil, running
from tests.sandbox_client import file as file
from tests.sandbox_client import visitor as visitor

ROWS = 1003
FILE = list(expected_rows("instal.advertiser-export", INSTAL_EXPORT, ROWS))
NAMES = b"aff_sub_id,time,clicks_aggr,campaign,country,creative_id,app_id,campaign_id"
sandbox = running(rows=ROWS, polls_until_ready=0)


def test_csv_bom_comes_first(file: Spoil) -> None:
    body = file("csv_bom")
    assert body.startswith(b"\xef\xbb\xbf" + NAMES)
    assert body.splitlines()[1:] == FILE


def test_csv_newlines_stand_in_quotes(file: Spoil) -> None:
    first = FILE[1].partition(b",")[0]
    assert b'\n"' + first + b'\nsecond line\r\nthird line",2026' in file("csv_newlines", row=2)


@pytest.mark.parametrize(("by", "width"), [(1, 16), (3, 18), (-1, 14), (-5, 10)])
def test_csv_width_of_one_row_is_wrong(file: Spoil, by: int, width: int) -> None:
    lines = file("csv_width", row=3, by=by).splitlines()
    assert lines[3].count(b",") - FILE[2].count(b",") == width - 15
    assert lines[4:] == FILE[3:]


def test_csv_delimiter_is_another(file: Spoil) -> None:
    lines = file("csv_delimiter", text="\t").splitlines()
    assert [line.count(b"\t") for line in lines] == [14] * (ROWS + 1)


def test_csv_header_is_there_or_not(file: Spoil) -> None:
    assert file("csv_header", present=False).splitlines() == FILE
    assert file("csv_header", present=True).startswith(NAMES)


def test_csv_empty_has_a_header_or_nothing(file: Spoil) -> None:
    assert file("csv_empty").splitlines()[0].startswith(NAMES)
    assert len(file("csv_empty").splitlines()) == 1
    assert file("csv_empty", header=False) == b""


def test_csv_numbers_are_written_as_people_do(file: Spoil) -> None:
    assert b'"1,000"' in file("csv_numbers", style="thousands")
    assert b'00",' in file("csv_numbers", style="comma").splitlines()[1]
    assert b"00%," in file("csv_numbers", style="percent").splitlines()[1]
