"""Delimited files as vendors send them: each field of the source file with a file that needs it."""

from __future__ import annotations

import json
import re
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
PREAMBLE = 'Date/Time Generated,11/24/26\r\nNetwork,"a ""big"" one\r\n\r\nDate Range,11/01/26\r\n\r\nReport Fields\r\n'
COUNTED = '"Report Name: a, b"\r\n"Rows: 1,234"\r\n\r\n'
HEADLESS: dict[str, Any] = {"header": False, "columns": ["Campaign", "Impressions", "Clicks"]}
COUNTS_ABOVE = {"preamble": "any", "preamble_count": "Rows: {count}"}
PRECEDED = {"preamble": "any", "required": ["Campaign", "Impressions", "Clicks"]}
SEPARATED = {"delimiters": [",", ";", "\t"]}


def shape(**words: Any) -> Delimited:
    return Delimited(kind="delimited", **words)


def read(text: str, types: dict[str, ColumnType] | None = COUNTS, **words: Any) -> Reading:
    return reading(text.encode(), shape(**words), columns=types)


def rows(got: Reading) -> list[dict[str, Any]]:
    return [json.loads(row) for row in got.published]


def values(text: str, **words: Any) -> list[list[Any]]:
    return [list(row.values()) for row in rows(read(text, **words))]


# ---------------------------------------------------------------- what is read

Words = dict[str, Any]
READ: dict[str, tuple[str, Words, list[Any]]] = {
    "undeclared columns stay in their place": ("New,Clicks,Impressions\nx,1,2\n", {}, [["x", 1, 2]]),
    "a header of several columns": ("a,b\n1,2\n", {"types": {}}, [["1", "2"]]),
    "a header without rows": ("a,b\n", {"types": {}}, []),
    "a single column that is a word": ("campaign_id\n1\n", {"types": {}}, [["1"]]),
    "only the required columns": ("Date,Clicks\n2026-01-01,5\n", {"required": ["Date"]}, [["2026-01-01", 5]]),
    "a column that may hold any character": ("a\n1|2\n", {"types": {"a": "string"}, **SEPARATED}, [["1|2"]]),
    "a name with a delimiter in it": ('"a, b"\n"1|2"\n', {"types": {"a, b": "string"}, **SEPARATED}, [["1|2"]]),
    "a name with a line end in it, one of several delimiters": (
        'Date;"Cost\n(USD)";Clicks\nx;1;2\n', {"required": ["Date"], **SEPARATED}, [["x", "1", 2]]
    ),
    "a name with a line end in it, after other lines": (
        'Report\nDate,"Cost\n(USD)",Clicks\nx,1,2\n', {"required": ["Date"], "preamble": "any"}, [["x", "1", 2]]
    ),
    "a campaign called like a total": (
        HEAD + "Total Wine,1,1\r\nTotal,1,1\r\n", {"footer": ["Total"]}, [["Total Wine", 1, 1]]
    ),
    "quotes that are characters": (
        HEAD + '12" screens,1,2\n"open,3,4\n', {"quote": "none"}, [['12" screens', 1, 2], ['"open', 3, 4]]
    ),
    "another quote and escaped ones": (
        HEAD + "'it''s, new',1,2\n'it\\'s \\\\ old',3,4\n",
        {"quote": "'", "escape": "\\"},
        [["it's, new", 1, 2], ["it's \\ old", 3, 4]],
    ),
    "an escaped delimiter": (HEAD + "a\\,b,1,2\n", {"quote": "none", "escape": "\\"}, [["a,b", 1, 2]]),
    "missing fields": (
        HEAD + "c1,1\r\nc2\r\nc3,1,2\r\nc4",
        {"missing_fields": "null"},
        [["c1", 1, None], ["c2", None, None], ["c3", 1, 2], ["c4", None, None]],
    ),
    "extra fields": (HEAD + "c1,1,2,\r\nc2,3,4,x,y\r\n", {"extra_fields": "drop"}, [["c1", 1, 2], ["c2", 3, 4]]),
    "extra fields of the header too": (
        (HEAD.strip() + ",\"\", \r\n") * 2 + "c1,1,2,,\r\nc2,3,4\r\n",
        {"extra_fields": "drop", "repeated_header": "drop"},
        [["c1", 1, 2], ["c2", 3, 4]],
    ),
    "files joined into one": (
        HEAD + "c1,1,2\r\n" + HEAD + "\ufeff" + HEAD + "c2,3,4\r\n" + HEAD,
        {"repeated_header": "drop"},
        [["c1", 1, 2], ["c2", 3, 4]],
    ),
    "files joined into one, with quotes and marks": (
        ('\ufeff"Campaign","Impressions","Clicks"\r\n"c, 1","1","2"\r\n') * 2,
        {"repeated_header": "drop"},
        [["c, 1", 1, 2], ["c, 1", 1, 2]],
    ),
    "a value that is its column's name": ("keyword\nshoes\nkeyword\n", {"types": {}}, [["shoes"], ["keyword"]]),
    "a name with blanks, and no column declared": ("Campaign Name,Clicks\na,1\n", {"types": {}}, [["a", "1"]]),
    "one name with a dot, and no column declared": ("ad.id\n1\n", {"types": {}}, [["1"]]),
    "no header, and commas within values": (
        "a, b, c, d;1;2\n", {"delimiters": [",", ";"], **HEADLESS}, [["a, b, c, d", 1, 2]]
    ),
    "rows that look like an error": (
        HEAD + "no limit,1,2\n{KeyWord:Shoes},1,2\n",
        {"errors": [ErrorShape(when="", contains="limit")]},
        [["no limit", 1, 2], ["{KeyWord:Shoes}", 1, 2]],
    ),
    "a byte of nothing": (HEAD + "a\0b,1,2\n", {}, [["a\0b", 1, 2]]),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_as_it_is_declared(name: str) -> None:
    text, words, expected = READ[name]
    assert values(text, **words) == expected


AROUND: dict[str, tuple[str, Words]] = {
    "lines before the header": (PREAMBLE + HEAD + BODY, {"preamble": "any"}),
    "so many lines before the header": (PREAMBLE + HEAD + BODY, {"preamble": 6}),
    "a header that brings its delimiter": (
        ("sep=\t\r\n# spend in USD\r\n" + HEAD + BODY).replace(",", "\t"),
        {"preamble": "any", "delimiters": [",", "\t"]},
    ),
    "lines before rows without a header": ("today\r\n" + BODY, {**HEADLESS, "preamble": 1}),
    "a footer that may be missing": (HEAD + BODY, {"footer": ["Total"], "footer_is_optional": True}),
    "several byte order marks": ("\ufeff\ufeff" + HEAD + BODY, {}),
    "a byte order mark between lines before the header and the header": (
        "Report of today\r\n\ufeff" + HEAD + BODY,
        {"preamble": 1},
    ),
    "a byte order mark between such lines and a header in quotes": (
        'Report of today\r\n\ufeff"Campaign","Impressions","Clicks"\r\n' + BODY,
        {"preamble": "any"},
    ),
    "byte order marks of files that were joined without their headers": (HEAD + "\ufeff" + BODY + "\ufeff", {}),
    "a note to Excel": ("sep=,\r\n" + HEAD + BODY, {"preamble": 1}),
    "lines of blanks": (HEAD + "  \r\n" + BODY + " \t \r\n", {"missing_fields": "null"}),
    "lines before a header of the declared columns": ("Report of today\r\n" + HEAD + BODY, PRECEDED),
    "lines that end in cr": ((HEAD + BODY).replace("\r\n", "\r"), {"line_end": "cr"}),
}


@pytest.mark.parametrize("name", AROUND)
def test_what_is_around_the_rows_is_skipped(name: str) -> None:
    text, words = AROUND[name]
    assert rows(read(text, **words)) == ROWS


FOOTERS = [
    (" Grand Total: ,100,10\r\n", ["Grand Total:"]),
    (",100,10\r\n\r\nReport Time:,2026/11/24\r\nGroup By:,Campaign\r\n", [""]),
    ("\r\n\"©2026 A Company. All rights reserved. \"\r\n", ["©*"]),
    ("Total rows: 5", ["Total rows: {count}"]),
    ("Total rows: 5\n", ["Total rows:*"]),
    ("合計,100,10\r\n-,-,-\r\n", ["合計", "-"]),
]  # fmt: skip


@pytest.mark.parametrize(("footer", "declared"), FOOTERS)
def test_declared_lines_after_the_rows_are_skipped_and_undeclared_ones_never(footer: str, declared: list[str]) -> None:
    assert rows(read(HEAD + BODY + footer, footer=declared)) == ROWS
    assert rows(read(HEAD + footer, footer=declared)) == []
    undeclared = read(HEAD + BODY + footer)
    assert undeclared.error is not None or len(undeclared.rows) > len(ROWS)


def test_a_row_after_the_footer_fails_the_job_wherever_the_file_was_cut() -> None:
    text = f"{HEAD}{BODY}Total,1,1\r\nby us\r\nc9,1,2\r\n"
    for at in range(len(text)):
        got = reading(text.encode(), shape(footer=["Total"]), columns=COUNTS, cuts=[at])
        assert got.message == "line 9: a row after the footer"
        assert len(got.rows) == len(ROWS)


def test_columns_of_one_name_are_numbered_where_declared() -> None:
    text = "Clicks,Clicks,Clicks_2,Impressions,clicks\n1,2,3,4,5\n"
    got = rows(read(text, same_names="number"))
    assert got == [{"Clicks": 1, "Clicks_3": "2", "Clicks_2": "3", "Impressions": 4, "Clicks_4": "5"}]
    assert "two columns are called 'Clicks'" in read(text).message


def test_numbering_columns_does_not_compare_each_with_every_other() -> None:
    """The result would be the same, but take minutes."""
    (row,) = rows(read("Clicks," * 50_000 + "\n" + "1," * 50_000 + "\n", same_names="number", types={}))
    assert [*row][-2:] == ["Clicks_50000", ""]


@pytest.mark.parametrize(
    ("text", "words", "count"),
    [
        (COUNTED + HEAD + BODY, COUNTS_ABOVE, 1234),
        (COUNTED + HEAD + BODY, {"preamble": 2, "preamble_count": "Rows: {count}"}, 1234),
        (HEAD + BODY + '"Total rows: 5"\r\n', {"footer": ["Total rows: {count}"]}, 5),
        (HEAD + BODY + '"Total rows: 1,234"\r\n', {"footer": ["Total rows: {count}"]}, 1234),
        (HEAD + BODY + '"Total rows: 1\u202f234"\r\n', {"footer": ["Total rows: {count}"]}, 1234),
        (HEAD + BODY + '"Total rows: 0"\r\n', {"footer": ["Total rows: {count}"]}, 0),
    ],
)
def test_a_count_above_or_below_the_rows_is_the_vendors_count(text: str, words: Words, count: int) -> None:
    got = read(text, **words)
    assert rows(got) == ROWS
    assert got.facts.total == count


# ---------------------------------------------------------------- what is refused

BARE = "Impressions, Clicks; the file begins: "
REFUSED: dict[str, tuple[str, Words, str]] = {
    "a sentence": ("Limit reached for daily-report. Please try again tomorrow", {}, "no column .*Impressions.*Limit"),
    "a sentence with commas": ("Error, please, retry\n", {}, "no column .*Impressions.*Error"),
    "a sentence after a mark": ("\ufeffinternal error\r\nrequest id 7\r\n", {}, "no column .*Impressions.*inter"),
    "a column that is not there": ("Campaign,Clicks\r\nc1,2\r\n", {}, "no column Impressions((?!preamble).)*$"),
    "lines before the header": ("Report of today\r\n" + HEAD + BODY, {}, "no column .*preamble"),
    "a required column": ("Date,Clicks\n2026-01-01,5\n", {"required": ["Day"]}, "no column Day in the header"),
    "a sentence where no header and missing fields are declared": (
        "Limit reached\n", {"missing_fields": "null", **HEADLESS, "header": True}, "no column Impressions.*Limit"
    ),
    "prose": ("try again later", {"types": {}}, "does not look like a name.*again"),
    "prose on two lines": ("try again later\nor write to us\n", {"types": {}}, "does not look like a name.*again"),
    "prose with a comma": ("busy, try again later", {"types": {}}, "does not prove a report.*again"),
    "a word": ("try-again-later\n", {"types": {}}, "does not prove a report.*again"),
    "an undeclared delimiter": ("a|b\n1|2\n", {"types": {}, **SEPARATED}, r"line 1: .* by '\|', which .*: a\|b$"),
    "one that hides in numbers": ("a|b\n1,5|2\n", {"types": {}, **SEPARATED}, r"line 1: .* by '\|', which .*: a\|b$"),
    "no header that is searched for": ("Limit reached", {"preamble": "any"}, f"columns {BARE}Limit"),
    "none among many lines": ("Limit reached\n" * 300, {"preamble": "any"}, f"columns {BARE}Limit"),
    "a line too many": (PREAMBLE + HEAD + BODY, {"preamble": 7}, ""),
    "a line too few": (PREAMBLE + HEAD + BODY, {"preamble": 5}, ""),
    "a mistake, by its line in the file": (
        PREAMBLE + HEAD + BODY + "x,1\r\ny,1,1\r\n", {"preamble": "any"}, "line 13: 2 values for 3 columns: x, 1$"
    ),
    "the header again": (HEAD + "a,1,2\r\n" + HEAD + BODY, {}, "line 3: the header comes again; `repeated_header"),
    "the header again, with quotes and a mark": (
        ('\ufeff"a","b"\r\n"1","2"\r\n') * 2, {"types": {}}, "line 3: the header comes again; `repeated_header"
    ),
    "a header without names": (" , \n1,2\n", {"types": {}, "extra_fields": "drop"}, "line 1: the header has no names"),
    "a header that alone ends with a delimiter": (
        HEAD.replace("\r", ",\r") + BODY, {}, "line 2: 3 values for 4 columns: .*`extra_fields: drop`$"
    ),
    "utf-16 that nothing shows": ("\0".join(HEAD + BODY), {"types": {}}, "line 1: .* NUL bytes; .* by `encoding`$"),
    "a note to Excel": ("sep=,\r\na,b\r\n1,2\r\n", {"types": {}}, "line 1: this line tells Excel .* `preamble: 1`$"),
    "a note to Excel, without a header": (
        "sep=;\r\n1;2\r\n", {"types": {}, "header": False, "columns": ["a", "b"], "delimiter": ";"}, "line 1: .*sep=;"
    ),
    "an escaped letter": (HEAD + "a,1,2\n\\\\N,3,4\n\\N,5,6\n", {"escape": "\\"}, r"line 4: '\\\\N' may mean"),
    "an escaped digit": (HEAD + "a,1,2\n\\0,3,4\n", {"escape": "\\"}, r"line 3: '\\\\0' may mean"),
    "an escaped letter in quotes": (HEAD + '"a\n\\""b\\temp",1,2\n', {"escape": "\\"}, r"line 3: '\\\\t' may mean"),
    "a row after the footer": (HEAD + "Total,1,1\r\n" + BODY, {"footer": ["Total"]}, "line 3: a row after the"),
    "a count of thousands of digits": (
        f"Rows: {'9' * 5_000}\n" + HEAD, {"preamble": 1, "preamble_count": "Rows: {count}"}, "none of the 1 lines"
    ),
    "no count above the rows": ('"Report Name: a"\r\n' + HEAD + BODY, COUNTS_ABOVE, "none of the 1 lines before"),
    "nothing above the rows": (HEAD + BODY, COUNTS_ABOVE, "none of the 0 lines before the header says"),
    "undeclared missing fields": (HEAD + "c1,1\r\nc2\r\n", {}, "line 2: 2 values for 3 columns: c1, 1$"),
    "undeclared extra fields": (HEAD + "a,1,2,3\r\n", {"missing_fields": "null"}, "line 2: 4 values"),
    "missing fields where extra ones are dropped": (HEAD + "c1,1\r\n", {"extra_fields": "drop"}, "line 2: 2 values"),
    "undeclared lines that end in cr": ((HEAD + BODY).replace("\r\n", "\r"), {}, "line 1: .* `line_end: cr`"),
    "a quote within quotes": (
        HEAD + '"12\\" screens",1,2\n', {}, "line 2: ',' expected after '\"': a quote within quotes must be doubled"
    ),
    "a quote that opens a row of many lines": (
        HEAD + BODY + '"12 inch,1,2\n' + BODY * 9 + 'x" y,1,2\n', {}, "line 53: .*; the row begins in line 7$"
    ),
    "a short line that ends in cr": (
        ((HEAD + BODY) + "x,1\r\ny,2,3\r\n").replace("\r\n", "\r"), {"line_end": "cr"}, "line 7: 2 values for 3 columns"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_not_the_declared_file_fails_the_job_and_says_why(name: str) -> None:
    text, words, message = REFUSED[name]
    got = read(text, **words)
    assert isinstance(got.error, FailJob)
    assert re.search(message, got.message), got.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + BODY, {}),
        (HEAD + BODY, {"missing_fields": "null"}),
        (HEAD + BODY, {"quote": "none"}),
        (HEAD + BODY + "Total,1,1\r\n", {"footer": ["Total"]}),
        ("id,name\n1,a\n", {"types": {}, "quote": "none"}),
        ("id\n1\n", {"types": {}}),
        ("id,name\n1,a\n", {"types": {}}),
    ],
)
@pytest.mark.parametrize(
    "error", ['{"error":"timeout"}', '{"error":"timeout","code":7}\n', '{"code": 7, "error": "timeout"}']
)
def test_an_error_in_json_among_the_rows_is_never_a_row(text: str, words: Words, error: str) -> None:
    for cuts in ((), range(len(text + error))):
        types = words.get("types", COUNTS)
        declared = shape(
            errors=[ErrorShape(when="error", message="error")],
            **{word: value for word, value in words.items() if word != "types"},
        )
        got = reading((text + error).encode(), declared, columns=types, cuts=cuts)
        assert isinstance(got.error, FailJob)
        assert got.message == "the vendor ended the file with an error: timeout"


@pytest.mark.parametrize("line", ["Error: timeout", "Error, timeout, 7, 8\n"])
def test_an_error_in_plain_text_among_the_rows_does_what_it_says(line: str) -> None:
    error = ErrorShape(when="", contains="timeout", then="retry")
    for body in (HEAD + BODY + line, HEAD + BODY + line.strip() + "\n" + BODY):
        got = read(body, errors=[error])
        assert isinstance(got.error, RetryLater)
        assert got.message == f"the vendor ended the file with an error: {line.strip()}"
        assert len(got.rows) == len(ROWS)


@pytest.mark.parametrize(
    "text",
    ['{"message": "limit"}', '\n [ {"message": "limit"} ]', '{\r\n\t"message":\r\n "limit"\r\n}\r\n', "[]", "<p>limit"],
)
def test_another_format_is_not_a_report_even_if_no_column_is_declared(text: str) -> None:
    for columns, cuts in ((COUNTS, ()), ({}, range(len(text)))):
        got = reading(text.encode(), shape(), columns=columns, cuts=cuts)
        assert isinstance(got.error, FailJob)
        assert got.message == f"expected a delimited file, got: {' '.join(text.split())}"


@pytest.mark.parametrize(
    "start", ['{"message":"', '[{"message":"limit","code":"', '{\n"message":"', '{\r\n"message":"']
)
def test_another_format_is_not_a_report_however_long_it_is(start: str) -> None:
    got = reading((start + "x, " * 100_000 + '"}').encode(), shape(same_names="number"))
    assert got.message.startswith("expected a delimited file, got: ")


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (HEAD + BODY, {"footer": ["Total"]}, "the file may be cut off: it ends without its footer ('Total')"),
        (HEAD + '12" screens,1,2\n"open,3,4\n', {}, "line 3: "),
        (
            HEAD + '"open,3,4\n' + BODY,
            {},
            "line 7: the file may be cut off here: unexpected end of data; the row begins in line 2",
        ),
        (HEAD + BODY + "  ", {}, "line 7: the file may be cut off here: "),
    ],
)
def test_what_may_be_cut_is_read_again_but_a_few_times_only(text: str, words: Words, message: str) -> None:
    got = read(text, **words)
    assert isinstance(got.error, RetryLater)
    assert got.error.at_most == 3
    assert got.message.startswith(message)


# ---------------------------------------------------------------- for any cuts


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
    assert (cut.rows, cut.message, type(cut.error)) == (whole.rows, whole.message, type(whole.error))
