"""Delimited files in the character sets of vendors, stated, declared or marked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import Reading, reading
from worker.errors import RetryLater
from worker.sources.schema import ColumnType, Delimited

COUNTS: dict[str, ColumnType] = {"Impressions": "integer", "Clicks": "integer"}


def shape(encoding: str | None = None) -> Delimited:
    return Delimited(kind="delimited", encoding=encoding)


def rows(got: Reading) -> list[dict[str, Any]]:
    return [json.loads(row) for row in got.published]


JAPANESE = "キャンペーン,Impressions,Clicks\r\n靴 ソフト ①,1,2\r\n"
CHINESE = "广告系列,Impressions,Clicks\r\n𠮷鞋,1,2\r\n"
TYPED = "Campaign,Impressions,Clicks\r\n\u201cWomen\u2019s shoes\u201d \u2013 50 \u20ac,1,2\r\n"
WESTERN = "Kampagne,Impressions,Clicks\r\nSchuhe für Öko,1,2\r\n"


@pytest.mark.parametrize(
    ("text", "codec", "declared"),
    [
        (JAPANESE, "cp932", "Shift_JIS"),
        (JAPANESE, "euc_jis_2004", "euc_jis_2004"),
        (JAPANESE, "utf-8-sig", None),
        (JAPANESE, "utf-8-sig", "shift_jis"),
        (JAPANESE, "utf-16", None),
        (JAPANESE, "utf-16", "utf-8"),
        (JAPANESE, "utf-16-le", "utf-16"),
        (JAPANESE, "utf-16-be", "utf-16-be"),
        ("\ufeff" + JAPANESE, "utf-16-be", None),
        ("\ufeff" + JAPANESE, "utf-32-le", None),
        (CHINESE, "gb18030", "gbk"),
        ("\ufeff" + CHINESE, "gb18030", "GB18030"),
        (WESTERN, "latin-1", "iso-8859-1"),
        (TYPED, "cp1252", "iso-8859-1"),
        (TYPED, "cp1254", "latin5"),
        (WESTERN, "cp1252", "windows-1252"),
        (WESTERN, "utf-8", "us-ascii"),
    ],
)
@given(some=st.lists(st.integers(min_value=0, max_value=200), max_size=8))
@settings(deadline=None, max_examples=20)
def test_a_text_is_read_in_its_character_set_wherever_it_is_cut(
    text: str, codec: str, declared: str | None, some: list[int]
) -> None:
    got = reading(text.encode(codec), shape(encoding=declared), columns=COUNTS, cuts=some)
    name, value = text.lstrip("\ufeff").split(",")[0], text.split("\r\n")[1].split(",")[0]
    assert rows(got) == [{name: value, "Impressions": 1, "Clicks": 2}]


@pytest.mark.parametrize(
    ("text", "codec", "stated"),
    [
        (TYPED, "cp1252", "iso-8859-1"),
        (TYPED, "utf-8", "iso-8859-1"),
        (WESTERN, "utf-8", "windows-1252"),
        (TYPED, "utf-8", "binary"),
        (TYPED, "utf-8", "utf8mb4"),
        (TYPED, "utf-8", "utf-8, text/csv"),
        (JAPANESE, "cp932", "Windows-31J"),
        (JAPANESE, "utf-16", "iso-8859-1"),
    ],
)
@given(some=st.lists(st.integers(min_value=0, max_value=200), max_size=8))
@settings(deadline=None, max_examples=20)
def test_a_character_set_that_a_server_states_by_default_or_by_mistake_spoils_no_text(
    text: str, codec: str, stated: str, some: list[int]
) -> None:
    got = reading(text.encode(codec), shape(), columns=COUNTS, cuts=some, charset=stated)
    name, value = text.split(",")[0], text.split("\r\n")[1].split(",")[0]
    assert rows(got) == [{name: value, "Impressions": 1, "Clicks": 2}]


def test_a_declared_character_set_is_not_doubted_and_a_mixture_fails_the_job() -> None:
    both = WESTERN.encode() + "Öko,1,2\r\n".encode("cp1252")
    for cuts in ((), range(len(both))):
        got = reading(both, shape(), columns=COUNTS, cuts=cuts, charset="iso-8859-1")
        assert got.message == "line 3: not valid UTF-8; the vendor states 'iso-8859-1', and `encoding` overrides that"
        assert reading(both, shape(), columns=COUNTS, cuts=cuts).message == "line 3: not valid UTF-8"
        assert len(got.rows) == 1
        declared = reading(both, shape(encoding="utf-8"), columns=COUNTS, cuts=cuts, charset="iso-8859-1")
        assert declared.message == "line 3: not valid UTF-8"
        (row, _) = rows(reading(both, shape(encoding="latin1"), columns=COUNTS, cuts=cuts, charset="utf-8"))
        assert row["Kampagne"] == "Schuhe fÃ¼r Ã–ko"


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("codec", "wrong"), [("cp932", b"\x82"), ("utf-16-le", b"\x00\xdc\x41\x00"), ("utf-8", b"\xff")]
)
def test_bytes_that_do_not_belong_are_named_by_their_line_after_the_rows_before(
    codec: str, wrong: bytes, size: int
) -> None:
    lines = "靴,1,2\r\n" * 5
    body = ("Campaign,Impressions,Clicks\r\n" + lines).encode(codec) + wrong + ("\r\n" + lines).encode(codec)
    got = reading(body, shape(encoding=codec), columns=COUNTS, cuts=range(0, len(body), size))
    assert isinstance(got.error, RetryLater)
    assert got.error.at_most == 3
    assert got.message == f"line 7: not valid {codec.upper()}"
    assert len(got.rows) == 5
