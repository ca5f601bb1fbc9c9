"""Scenarios: broken bytes, and CSV files in various dialects."""

from __future__ import annotations

from tests.scenarios.outcome import Outcome
from tests.scenarios.scenario import (
    Behaviour,
    Scenario,
    at,
    done,
    failed,
    fault,
    instal,
    kargo,
    kargo_csv,
    mediamath,
    rokt,
    whole,
)

SHAPES = {
    "stream": (mediamath, "stream"),
    "page": (kargo, "page"),
    "single answer": (rokt, "single"),
    "csv": (instal, "csv"),
}


def spoilt(kind: str, *shapes: str, times: int | None = None, prefix: str = "", **args: object) -> dict[str, Scenario]:
    """The same fault in each of these shapes. The readers' own tests cover the other shapes."""
    made = {}
    for shape in shapes:
        ask, role = SHAPES[shape]
        made[f"{prefix}{shape}"] = ask(fault(kind, match=at(role), times=times, **args))
    return made


BYTES = (
    Behaviour(
        "sends invalid JSON, UTF-8 or zstd once",
        "the page is read again, and the job is done",
        whole(),
        {
            **spoilt("invalid_json", "page", row=1700, times=1, prefix="JSON: "),
            **spoilt("invalid_utf8", "csv", row=1700, times=1, prefix="UTF-8: "),
            **spoilt("broken_compression", "stream", after_bytes=2000, encoding="zstd", times=1, prefix="zstd: "),
        },
    ),
    Behaviour(
        "sends invalid JSON, UTF-8 or gzip every time",
        "the job fails after three readings, and the error names page and row (or line)",
        failed("page 1.1", "row 1700", "given up after 3 attempts", published=True),
        {
            **spoilt("invalid_json", "single answer", row=1700, prefix="JSON: "),
            **spoilt("invalid_utf8", "stream", row=1700, prefix="UTF-8: "),
            "gzip: csv": (
                instal(fault("broken_compression", after_bytes=2000, match=at("csv"))),
                failed("page 1.1", "gzip", "given up after 3 attempts"),
            ),
        },
    ),
    Behaviour(
        "compresses bodies",
        "they are decompressed while they are read",
        whole(),
        {
            **spoilt("compressed", "csv", prefix="gzip: "),
            "zstd: stream": mediamath(fault("compressed", encoding="zstd")),
            "deflate: single answer": rokt(fault("compressed", encoding="deflate")),
        },
    ),
    # After the rows of a page, and in a line, the limit on blanks is reached before the limit on the ratio.
    Behaviour(
        "sends a decompression bomb",
        "the job fails before it is decompressed",
        failed("than 16 MiB"),
        {
            "stream": (mediamath(fault("bomb", megabytes=200)), failed("unpack to more than 200 times as many")),
            **spoilt("bomb", "page", megabytes=200),
        },
    ),
    Behaviour(
        "sends a row of 100 MB",
        "the job fails, and the error names the row and the limit",
        failed("row 1700", "larger than 16 MiB"),
        spoilt("big_row", "stream", row=1700, megabytes=100.0),
    ),
    Behaviour(
        "nests a value 10,000 levels deep",
        "the job fails, and the error names the row",
        failed("row 1700", "nest"),
        spoilt("deep_row", "page", row=1700, depth=10_000),
    ),
    Behaviour(
        "sends NaN",
        "the job fails, and the error names the row",
        failed("row 1700", "NaN"),
        spoilt("nan", "stream", row=1700),
    ),
)


def has_newlines_in_a_value(outcome: Outcome) -> None:
    assert next(iter(outcome.rows[6].values())).endswith("\nsecond line\r\nthird line")


NO_HEADER = {"start_date": "2026-01-01", "stop_date": "2026-01-31", "csv_headers": False}

FILES = (
    Behaviour(
        "uses a byte order mark, semicolons, tabs, a header or none",
        "the file is read",
        whole(),
        {
            "instal: byte order mark, semicolons": instal(fault("csv_bom"), fault("csv_delimiter", text=";")),
            "instal: tabs, no header although requested": instal(
                fault("csv_delimiter", text="\t"), fault("csv_header", present=False)
            ),
            "instal: no header, as requested": instal(params=NO_HEADER),
            "instal: a header although not requested": instal(fault("csv_header", present=True), params=NO_HEADER),
        },
    ),
    Behaviour(
        "puts newlines into quoted values",
        "they are part of the value",
        done(also=has_newlines_in_a_value),
        {"kargo": kargo_csv(fault("csv_newlines", row=7))},
    ),
    Behaviour(
        "sends a row with more or fewer values than columns",
        "the job fails, and the error names the line",
        failed("line 1701", "values for", "columns", published=True),
        {
            "instal, wider": instal(fault("csv_width", row=1700, by=1)),
            "kargo, narrower": kargo_csv(fault("csv_width", row=1700, by=-1)),
        },
    ),
    Behaviour(
        "separates values by a delimiter that the source file does not declare",
        "the job fails at line 1",
        failed("line 1", published=False),
        {"instal": instal(fault("csv_delimiter", text="|"))},
    ),
    Behaviour(
        "leaves out the header, without which the columns have no names",
        "the job fails",
        failed(),
        {"kargo": kargo_csv(fault("csv_header", present=False))},
    ),
    Behaviour(
        "writes numbers with separators or percent signs",
        "nothing is guessed: the rows are dead letters, and the job fails",
        failed("are dead letters", published=True),
        {style: instal(fault("csv_numbers", style=style)) for style in ("thousands", "comma", "percent")},
    ),
)
