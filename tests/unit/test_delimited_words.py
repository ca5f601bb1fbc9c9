"""Delimited files as vendors send them: each word of the source file against a file that needs it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import Reading, reading
from worker.errors import FailJob, RetryLater
from worker.sources.schema import ColumnType, Delimited, ErrorShape

COUNTS: dict[str, ColumnType] = {"Impressions": "integer", "Clicks": "integer"}
ROWS = [{"Campaign": f"c{number}", "Impressions": number * 10, "Clicks": number} for number in range(5)]
BODY = "".join(f"{row['Campaign']},{row['Impressions']},{row['Clicks']}\r\n" for row in ROWS)
HEAD = "Campaign,Impressions,Clicks\r\n"


def shape(**words: Any) -> Delimited:
    return Delimited(kind="delimited", **words)


def read(text: str | bytes, columns: dict[str, ColumnType] | None = COUNTS, **words: Any) -> Reading:
    body = text if isinstance(text, bytes) else text.encode()
    return reading(body, shape(**words), columns=columns)


def rows(got: Reading) -> list[dict[str, Any]]:
    return [json.loads(row) for row in got.published]


# ---------------------------------------------------------------- the header as evidence


@pytest.mark.parametrize(
    "text",
    [
        "Limit reached for daily-report. Please try again tomorrow",
        "Error, please, retry\n",
        "Campaign,Clicks\r\nc1,2\r\n",
        "\ufeffinternal error\r\nrequest id 7\r\n",
    ],
)
def test_a_file_without_the_declared_columns_fails_with_its_first_bytes(text: str) -> None:
    got = read(text)
    assert isinstance(got.error, FailJob)
    assert got.rows == []
    assert "no column" in got.said
    assert "Impressions" in got.said
    assert text.lstrip("\ufeff")[:5] in got.said


def test_the_message_hints_at_lines_before_the_header_only_where_no_column_is_there() -> None:
    assert "preamble" in read("Report of today\r\n" + HEAD + BODY).said
    assert "preamble" not in read("Campaign,Clicks\r\nc1,2\r\n").said


def test_columns_nobody_declared_are_kept_in_their_place() -> None:
    assert rows(read("New,Clicks,Impressions\nx,1,2\n")) == [{"New": "x", "Clicks": 1, "Impressions": 2}]


@pytest.mark.parametrize(
    "text", ["try again later", "try again later\nor write to us\n", "busy, try again later", "try-again-later\n"]
)
def test_prose_is_no_report_even_where_no_column_is_declared(text: str) -> None:
    got = read(text, {})
    assert isinstance(got.error, FailJob)
    assert "no sign of a report" in got.said
    assert "again" in got.said


def test_a_header_of_several_columns_needs_no_declaration() -> None:
    assert rows(read("a,b\n1,2\n", {})) == [{"a": "1", "b": "2"}]
    assert rows(read("a,b\n", {})) == []


def test_a_single_column_nobody_declared_needs_a_word_and_rows() -> None:
    assert rows(read("campaign_id\n1\n", {})) == [{"campaign_id": "1"}]


def test_only_the_required_columns_must_be_there_where_they_are_named() -> None:
    assert rows(read("Date,Clicks\n2026-01-01,5\n", required=["Date"])) == [{"Date": "2026-01-01", "Clicks": 5}]
    assert "no column Day in the header" in read("Date,Clicks\n2026-01-01,5\n", required=["day".title()]).said


@pytest.mark.parametrize(
    "text",
    ['{"message": "limit"}', '\n [ {"message": "limit"} ]', '{\r\n\t"message":\r\n "limit"\r\n}\r\n', "[]", "<p>limit"],
)
def test_another_format_is_no_report_even_where_no_column_is_declared(text: str) -> None:
    for columns, cuts in ((COUNTS, ()), ({}, range(len(text)))):
        got = reading(text.encode(), shape(), columns=columns, cuts=cuts)
        assert isinstance(got.error, FailJob)
        assert got.said == f"no delimited text but: {' '.join(text.split())}"


def test_an_error_in_json_behind_the_rows_is_no_row() -> None:
    got = read(HEAD + BODY + '{"error":"timeout"}\n', errors=[ErrorShape(when="error", message="error")])
    assert isinstance(got.error, FailJob)
    assert len(got.rows) == len(ROWS)
    assert got.said == "the vendor ended the file with an error: timeout"


# ---------------------------------------------------------------- before the header


PREAMBLE = 'Date/Time Generated,11/24/26\r\nNetwork,"a ""big"" one\r\n\r\nDate Range,11/01/26\r\n\r\nReport Fields\r\n'


@pytest.mark.parametrize("preamble", ["any", 6])
def test_lines_before_the_header_are_passed_over(preamble: Any) -> None:
    assert rows(read(PREAMBLE + HEAD + BODY, preamble=preamble)) == ROWS


def test_a_header_searched_for_brings_its_delimiter() -> None:
    text = (HEAD + BODY).replace(",", "\t")
    assert rows(read("sep=\t\r\n# spend, in USD\r\n" + text, preamble="any", delimiters=[",", "\t"])) == ROWS


def test_a_header_not_found_fails_with_the_first_bytes() -> None:
    for text in ("Limit reached", "Limit reached\n" * 300):
        got = read(text, preamble="any")
        assert isinstance(got.error, FailJob)
        assert "names the columns Impressions, Clicks; the file begins: Limit reached" in got.said


def test_a_number_of_lines_that_is_wrong_fails_and_loses_no_row() -> None:
    for preamble in (5, 7):
        assert isinstance(read(PREAMBLE + HEAD + BODY, preamble=preamble).error, FailJob)


def test_lines_before_rows_without_a_header_are_passed_over() -> None:
    headless = shape(header=False, columns=["Campaign", "Impressions", "Clicks"], preamble=1)
    assert rows(reading(("today\r\n" + BODY).encode(), headless, columns=COUNTS)) == ROWS


def test_a_mistake_is_named_by_its_line_in_the_whole_file() -> None:
    got = read(PREAMBLE + HEAD + BODY + "x,1\r\ny,1,1\r\n", preamble="any")
    assert got.said == "line 13: 2 values for 3 columns: x, 1"


# ---------------------------------------------------------------- behind the rows


FOOTERS = [
    ("Grand Total:,100,10\r\n", ["Grand Total:"]),
    (",100,10\r\n\r\nReport Time:,2026/11/24\r\nGroup By:,Campaign\r\n", [""]),
    ("\r\n\"©2026 A Company. All rights reserved. \"\r\n", ["©*"]),
    ("Total rows: 5", ["Total rows: {count}"]),
    ("Total rows: 5\n", ["Total rows:*"]),
    ("合計,100,10\r\n-,-,-\r\n", ["合計", "-"]),
]  # fmt: skip


@pytest.mark.parametrize(("footer", "declared"), FOOTERS)
def test_lines_behind_the_rows_are_no_rows(footer: str, declared: list[str]) -> None:
    assert rows(read(HEAD + BODY + footer, footer=declared)) == ROWS
    assert rows(read(HEAD + footer, footer=declared)) == []


@pytest.mark.parametrize(("footer", "declared"), FOOTERS)
def test_lines_behind_the_rows_that_nobody_declared_are_never_dropped_in_silence(
    footer: str, declared: list[str]
) -> None:
    got = read(HEAD + BODY + footer)
    assert got.error is not None or len(got.rows) > len(ROWS)


def test_a_row_behind_the_footer_fails_the_job() -> None:
    got = read(HEAD + "Total,1,1\r\n" + BODY, footer=["Total"])
    assert isinstance(got.error, FailJob)
    assert got.said == "line 3: a row behind the footer"


def test_a_campaign_called_like_a_total_is_a_row() -> None:
    got = read(HEAD + "Total Wine,1,1\r\nTotal,1,1\r\n", footer=["Total"])
    assert rows(got) == [{"Campaign": "Total Wine", "Impressions": 1, "Clicks": 1}]


def test_a_file_without_its_footer_may_be_cut() -> None:
    got = read(HEAD + BODY, footer=["Total"])
    assert isinstance(got.error, RetryLater)
    assert got.error.at_most == 3
    assert got.said == "the file may be cut: it ends without its footer ('Total')"
    assert rows(read(HEAD + BODY, footer=["Total"], footer_is_optional=True)) == ROWS


@pytest.mark.parametrize("preamble", ["any", 2])
def test_a_count_before_the_header_is_the_vendors_count(preamble: object) -> None:
    above = '"Report Name: a, b"\r\n"Rows: 1,234"\r\n\r\n'
    got = read(above + HEAD + BODY, preamble=preamble, preamble_count="Rows: {count}")
    assert rows(got) == ROWS
    assert got.facts.total == 1234


def test_a_count_that_is_not_there_fails_the_job() -> None:
    got = read('"Report Name: a"\r\n' + HEAD + BODY, preamble="any", preamble_count="Rows: {count}")
    assert got.said == "none of the 1 lines before the header says 'Rows: {count}'"
    assert read(HEAD + BODY, preamble="any", preamble_count="Rows: {count}").said.startswith("none of the 0 lines")


@pytest.mark.parametrize(("said", "count"), [("5", 5), ("1,234", 1234), ("0", 0)])
def test_a_count_in_the_footer_is_the_vendors_count(said: str, count: int) -> None:
    got = read(HEAD + f'"Total rows: {said}"\r\n', footer=["Total rows: {count}"])
    assert got.error is None
    assert got.facts.total == count


# ---------------------------------------------------------------- quotes, widths, names


def test_quotes_may_be_plain_characters() -> None:
    text = 'Campaign,Impressions,Clicks\n12" screens,1,2\n"open,3,4\n'
    assert [row["Campaign"] for row in rows(read(text, quote="none"))] == ['12" screens', '"open']
    assert isinstance(read(text).error, RetryLater)


def test_another_quote_and_escaped_characters_are_read() -> None:
    text = "Campaign,Impressions,Clicks\n'it''s, new',1,2\n'it\\'s \\\\ old',3,4\n"
    got = rows(read(text, quote="'", escape="\\"))
    assert [row["Campaign"] for row in got] == ["it's, new", "it's \\ old"]
    got = rows(read("Campaign,Impressions,Clicks\na\\,b,1,2\n", quote="none", escape="\\"))
    assert got[0]["Campaign"] == "a,b"


def test_missing_fields_are_null_where_declared() -> None:
    text = HEAD + "c1,1\r\nc2\r\nc3,1,2\r\nc4"
    assert [list(row.values()) for row in rows(read(text, missing_fields="null"))] == [
        ["c1", 1, None],
        ["c2", None, None],
        ["c3", 1, 2],
        ["c4", None, None],
    ]
    assert read(text).said == "line 2: 2 values for 3 columns: c1, 1"
    assert isinstance(read(HEAD + "a,1,2,3\r\n", missing_fields="null").error, FailJob)


def test_extra_fields_are_dropped_where_declared() -> None:
    text = HEAD + "c1,1,2,\r\nc2,3,4,x,y\r\n"
    assert [list(row.values()) for row in rows(read(text, extra_fields="drop"))] == [["c1", 1, 2], ["c2", 3, 4]]
    assert isinstance(read(HEAD + "c1,1\r\n", extra_fields="drop").error, RetryLater | FailJob)


def test_columns_of_one_name_are_numbered_where_declared() -> None:
    text = "Clicks,Clicks,Clicks_2,Impressions,clicks\n1,2,3,4,5\n"
    got = rows(read(text, same_names="number"))
    assert got == [{"Clicks": 1, "Clicks_3": "2", "Clicks_2": "3", "Impressions": 4, "Clicks_4": "5"}]
    assert "two columns are called 'Clicks'" in read(text).said


def test_lines_may_end_in_cr_only() -> None:
    text = (HEAD + BODY).replace("\r\n", "\r")
    assert rows(read(text, line_end="cr")) == ROWS
    assert isinstance(read(text).error, FailJob | RetryLater)
    assert read(text + "x,1\ry,2,3\r", line_end="cr").said == "line 7: 2 values for 3 columns: x, 1"


def test_nul_bytes_are_text_like_any_other() -> None:
    assert rows(read("Campaign,Impressions,Clicks\na\0b,1,2\n"))[0]["Campaign"] == "a\0b"


# ---------------------------------------------------------------- encodings


JAPANESE = "キャンペーン,Impressions,Clicks\r\n靴 ソフト ①,1,2\r\n"
CHINESE = "广告系列,Impressions,Clicks\r\n𠮷鞋,1,2\r\n"
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


def test_an_unknown_character_set_fails_and_says_what_declares_another() -> None:
    got = read(HEAD, encoding="x-user-defined")
    assert isinstance(got.error, FailJob)
    assert got.said == "the text is in 'x-user-defined', which is not known here; `encoding` declares another"


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("codec", "wrong"), [("cp932", b"\x82"), ("utf-16-le", b"\x00\xdc\x41\x00"), ("utf-8", b"\xff")]
)
def test_bytes_that_do_not_belong_are_named_by_their_line_after_the_rows_before(
    codec: str, wrong: bytes, size: int
) -> None:
    body = (HEAD + BODY).encode(codec) + wrong + ("\r\n" + BODY).encode(codec)
    got = reading(
        [body[at : at + size] for at in range(0, len(body), size)], shape(encoding=codec), columns=COUNTS
    )  # fmt: skip
    assert isinstance(got.error, RetryLater)
    assert got.error.at_most == 3
    assert got.said == f"line 7: not valid {codec.upper()}"
    assert len(got.rows) == len(ROWS)


# ---------------------------------------------------------------- whatever the cuts


@given(
    st.lists(st.tuples(*[st.text(alphabet=st.sampled_from("ab,;\"'\\\n\r€"), max_size=4)] * 3), max_size=6),
    st.sampled_from(["", "x\n", "a,b\n", 'a,"\n', "\n\n"]),
    st.sampled_from([{}, {"quote": "none"}, {"escape": "\\"}, {"missing_fields": "null", "extra_fields": "drop"}]),
    st.lists(st.integers(min_value=0, max_value=10**6), max_size=8),
)
@settings(deadline=None, max_examples=200)
def test_the_same_bytes_give_the_same_rows_and_the_same_end_however_they_are_cut(
    lines: list[tuple[str, ...]], before: str, words: dict[str, Any], some: list[int]
) -> None:
    text = before + "a,b,c\n" + "".join(",".join(line) + "\n" for line in lines) + "Total,1\nby us"
    declared = shape(preamble="any", footer=["Total"], required=["a", "b", "c"], **words)
    whole, cut = reading(text.encode(), declared), reading(text.encode(), declared, cuts=some)
    assert (cut.rows, cut.said, type(cut.error)) == (whole.rows, whole.said, type(whole.error))


# ---------------------------------------------------------------- the first line


FILE = Delimited(kind="delimited", delimiters=[",", ";", "\t"])


@pytest.mark.parametrize("text", [b"a|b\n1|2\n", b"a|b\n1,5|2\n"])
def test_a_delimiter_nobody_declared_is_no_file_of_one_column(text: bytes) -> None:
    got = reading(text, FILE)
    assert isinstance(got.error, FailJob)
    assert got.said == "line 1: values seem to be separated by '|', which is not among ',', ';', '\\t': a|b"


@pytest.mark.parametrize("text", [b"a\n1|2\n", b'"a, in USD"\n"1|2"\n'])
def test_one_declared_column_may_hold_any_character(text: bytes) -> None:
    got = reading(text, FILE, columns={text.split(b"\n")[0].decode().strip('"'): "string"})
    assert got.published[0].endswith(b':"1|2"}')
