"""How vendors send files: what stands around their rows, how they are written and packed, what comes in their place."""

from __future__ import annotations

import gzip
import io
import zipfile

from tests.cases.case import Cases
from tests.fake_vendor import Answer

CASES = Cases()
ROWS = 40
HEADER = "id,Date,Impressions,Clicks\r\n"
LINES = "".join(f"{number},2026-11-{number % 24 + 1:02},{number * 10},{number}\r\n" for number in range(ROWS))
PREAMBLE = "Date/Time Generated,11/24/26 11:13 AM\r\nAccount ID,4444\r\n\r\nReport Fields\r\n"
TSV = "id\t検索語\r\n" + "".join(f"{number}\t靴 ソフト ①\r\n" for number in range(ROWS))


def file(text: str | bytes, content_type: str = "text/csv", **headers: str) -> Answer:
    body = text if isinstance(text, bytes) else text.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(body, headers={"Content-Type": content_type, **named})


def zipped(*files: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in files:
            out.writestr(file, HEADER + LINES)
    return archive.getvalue()


def counted_in_its_last_line(rows: int) -> Answer:
    return file(f'"Report of 24 November"\r\n{HEADER}{LINES}Total rows: {rows}\r\n')


TABS = "text/tab-separated-values; charset="
TWICE_PACKED = gzip.compress(gzip.compress((HEADER + LINES).encode()))
TWO = zipped("first.csv", "second.csv")
SENTENCE = "Limit reached for daily-report. Please try again tomorrow"
BY_HAND = "id;Name;Name;Clicks\r" + "".join(f'{number};12" screen;;\r' for number in range(ROWS))

CASES.answer("file-preamble-and-total", file(PREAMBLE + HEADER + LINES + "Grand Total:,,7800,780\r\n"), rows=ROWS)
CASES.answer(
    "file-cut-before-its-total", file(PREAMBLE + HEADER + LINES), fails=("ends without its footer",), at_most=3
)
CASES.answer("file-in-shift-jis", file(TSV.encode("cp932"), f"{TABS}Shift_JIS"), rows=ROWS)
CASES.answer("file-in-utf-16", file(TSV.encode("utf-16"), f"{TABS}utf-8"), rows=ROWS)
CASES.answer("file-in-a-zip", file(zipped("15012345678.csv"), "application/zip"), rows=ROWS)
CASES.answer("two-files-in-a-zip", file(TWO, "application/zip"), fails=("more than one file", "second.csv"), at_most=1)
CASES.answer("file-packed-twice", file(TWICE_PACKED, Content_Encoding="gzip"), rows=ROWS)
CASES.answer("file-is-a-sentence", file(SENTENCE), fails=("no column Clicks, id", "Limit reached"), at_most=1)
CASES.answer("file-counted-in-its-footer", counted_in_its_last_line(ROWS), rows=ROWS)
CASES.answer("file-short-of-its-count", counted_in_its_last_line(ROWS + 2), fails=("42", "40"))
CASES.answer("file-written-by-hand", file(BY_HAND), rows=ROWS)
