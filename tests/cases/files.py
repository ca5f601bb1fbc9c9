"""How vendors send files: what stands around their rows, how they are written and packed, what comes in their place."""

from __future__ import annotations

import gzip
import io
import zipfile

from tests.cases.case import Case, always
from tests.fake_vendor import Answer, Request

ROWS = 40
HEADER = "id,Date,Impressions,Clicks\r\n"
LINES = "".join(f"{number},2026-11-{number % 24 + 1:02},{number * 10},{number}\r\n" for number in range(ROWS))
PREAMBLE = "Date/Time Generated,11/24/26 11:13 AM\r\nAccount ID,4444\r\n\r\nReport Fields\r\n"
TSV = "id\t検索語\r\n" + "".join(f"{number}\t靴 ソフト ①\r\n" for number in range(ROWS))


def _file(text: str | bytes, content_type: str = "text/csv", **headers: str) -> Answer:
    body = text if isinstance(text, bytes) else text.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(body, headers={"Content-Type": content_type, **named})


def _zipped(*files: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in files:
            out.writestr(file, HEADER + LINES)
    return archive.getvalue()


def _around_the_rows(request: Request) -> Answer:
    return _file(PREAMBLE + HEADER + LINES + "Grand Total:,,7800,780\r\n")


def _cut_before_its_total(request: Request) -> Answer:
    return _file(PREAMBLE + HEADER + LINES)


def _shift_jis(request: Request) -> Answer:
    return _file(TSV.encode("cp932"), "text/tab-separated-values; charset=Shift_JIS")


def _utf_16(request: Request) -> Answer:
    return _file(TSV.encode("utf-16"), "text/tab-separated-values; charset=utf-8")


def _zip(request: Request) -> Answer:
    return _file(_zipped("15012345678.csv"), "application/zip")


def _zip_of_two(request: Request) -> Answer:
    return _file(_zipped("first.csv", "second.csv"), "application/zip")


def _packed_twice(request: Request) -> Answer:
    return _file(gzip.compress(gzip.compress((HEADER + LINES).encode())), Content_Encoding="gzip")


def _sentence(request: Request) -> Answer:
    return _file("Limit reached for daily-report. Please try again tomorrow")


def _counted_in_its_last_line(rows: int) -> Answer:
    return _file(f'"Report of 24 November"\r\n{HEADER}{LINES}Total rows: {rows}\r\n')


def _written_by_hand(request: Request) -> Answer:
    return _file("id;Name;Name;Clicks\r" + "".join(f'{number};12" screen;;\r' for number in range(ROWS)))


CASES = (
    Case("file-preamble-and-total", always(_around_the_rows), rows=ROWS),
    Case("file-cut-before-its-total", always(_cut_before_its_total), fails=("ends without its footer",), at_most=3),
    Case("file-in-shift-jis", always(_shift_jis), rows=ROWS),
    Case("file-in-utf-16", always(_utf_16), rows=ROWS),
    Case("file-in-a-zip", always(_zip), rows=ROWS),
    Case("two-files-in-a-zip", always(_zip_of_two), fails=("more than one file", "second.csv"), at_most=1),
    Case("file-packed-twice", always(_packed_twice), rows=ROWS),
    Case("file-is-a-sentence", always(_sentence), fails=("no column Clicks, id", "Limit reached"), at_most=1),
    Case("file-counted-in-its-footer", always(lambda _: _counted_in_its_last_line(ROWS)), rows=ROWS),
    Case("file-short-of-its-count", always(lambda _: _counted_in_its_last_line(ROWS + 2)), fails=("42", "40")),
    Case("file-written-by-hand", always(_written_by_hand), rows=ROWS),
)
