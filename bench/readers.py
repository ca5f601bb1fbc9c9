"""How fast the readers are, as ratios to bare parsing of the same bytes in the same run: `python -m bench.readers`."""

from __future__ import annotations

import csv
import io
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ijson
import msgspec
import orjson

from worker.model import Facts
from worker.readers import read_blocks
from worker.sources.schema import ColumnType, Delimited, ErrorShape, Format, JsonRows, Ndjson, StreamHeader

ROWS = 60_000
ROUNDS = 5
CHUNK_BYTES = 256 * 1024

STREAM = Ndjson(
    kind="ndjson",
    header=StreamHeader(),
    metadata="meta",
    errors=[ErrorShape(when="error_code", code="error_code", message="message", request_id="request_id")],
)
PAGE = JsonRows(kind="json", rows=["data.rows", "rows", "data"], total=["data.total_rows"], next=["data.links.next"])
PLAIN = Ndjson(kind="ndjson")
FILE = Delimited(kind="delimited")
MEASURES: dict[str, ColumnType] = {"clicks_sum": "integer", "media_delivery_sum": "integer", "cost_sum": "number"}

Timed = Callable[[], object]


def stream_rows(count: int) -> Iterator[bytes]:
    """Fourteen columns: ids, a time, names, counts, and three numbers with decimals."""
    chance = random.Random(1)
    for number in range(count):
        yield (
            b'{"agg_timestamp":"2026-07-%02dT12:00:00Z","organization_id":100048,"advertiser_id":%d,"campaign_id":%d,'
            b'"campaign_name":"Campaign %d, spring","strategy_id":%d,"creative_id":%d,"exchange_id":%d,'
            b'"impressions":%d,"clicks":%d,"total_spend":%.4f,"total_revenue":%.4f,"ctr":%.6f,"deal_name":null}'
            % (
                number % 28 + 1,
                chance.randrange(10**6),
                chance.randrange(10**6),
                number % 50,
                chance.randrange(10**7),
                chance.randrange(10**7),
                chance.randrange(100),
                chance.randrange(10**5),
                chance.randrange(500),
                chance.random() * 100,
                chance.random() * 200,
                chance.random(),
            )
        )


def page_rows(count: int) -> Iterator[bytes]:
    """Nine columns, every number as text."""
    chance = random.Random(2)
    for number in range(count):
        yield (
            b'{"campaign_name":"Campaign %d, spring","publisher_name":"Publisher %d","advertiser_name":"Advertiser",'
            b'"day_time_id":"2026112000","country":"US","device":"mobile","media_delivery_sum":"%d","clicks_sum":"%d",'
            b'"cost_sum":"%.4f"}'
            % (number % 50, number % 700, chance.randrange(10**5), chance.randrange(500), chance.random() * 100)
        )


def drained(body: bytes, shape: Format, columns: Mapping[str, ColumnType], count: int) -> Timed:
    """Reads all rows."""
    chunks = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]

    def run() -> None:
        rows = sum(map(len, read_blocks(chunks, shape, columns, Facts())))
        if rows != count:
            raise AssertionError(f"{rows} rows of {count}")

    return run


def bare(body: bytes, prefix: str, *, many: bool) -> Timed:
    """ijson alone, decimals included."""

    def run() -> None:
        for _ in ijson.items(io.BytesIO(body), prefix, multiple_values=many):
            pass

    return run


def bare_lines(body: bytes) -> Timed:
    """Only proves that each line is JSON."""
    decode = msgspec.json.Decoder(msgspec.Raw).decode_lines
    chunks = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
    blocks = [chunk.partition(b"\n")[2].rpartition(b"\n")[0] for chunk in chunks]
    return lambda: [decode(block) for block in blocks]


def bare_csv(text: str) -> Timed:
    def run() -> None:
        for _ in csv.reader(io.StringIO(text)):
            pass

    return run


def fastest(runs: dict[str, Timed]) -> dict[str, float]:
    """The least CPU time of each in several rounds, so that other load on the machine matters little."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


def measured() -> list[dict[str, Any]]:
    """One line per reader: rows per second, and its ratio to bare parsing."""
    header = orjson.dumps(
        {"fields": [{"name": name} for name in orjson.loads(next(stream_rows(1)))], "total_items_count": ROWS}
    )
    stream = b"\n".join((header, *stream_rows(ROWS), b""))
    page = b'{"data":{"total_rows":%d,"links":{"next":""},"rows":[%b]}}' % (ROWS, b",".join(page_rows(ROWS)))
    names, *_ = [list(orjson.loads(row)) for row in page_rows(1)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *(orjson.loads(row).values() for row in page_rows(ROWS))])
    yardsticks = {
        "msgspec over lines": bare_lines(stream),
        "ijson over the page": bare(page, "data.rows.item", many=False),
        "csv over the file": bare_csv(text.getvalue()),
    }
    lines, ijson_, csv_ = yardsticks
    ways = {
        "stream": (lines, drained(stream, STREAM, {}, ROWS)),
        "stream without header": (lines, drained(stream.partition(b"\n")[2], PLAIN, {}, ROWS)),
        "page": (ijson_, drained(page, PAGE, {}, ROWS)),
        "page, three columns typed": (ijson_, drained(page, PAGE, MEASURES, ROWS)),
        "csv": (csv_, drained(text.getvalue().encode(), FILE, {}, ROWS)),
        "csv, three columns typed": (csv_, drained(text.getvalue().encode(), FILE, MEASURES, ROWS)),
    }
    best = fastest(yardsticks | {name: run for name, (_, run) in ways.items()})
    return [
        {
            "reader": name,
            "rows_per_second": round(ROWS / best[name]),
            "against": against,
            "ratio": best[against] / best[name],
        }
        for name, (against, _) in ways.items()
    ]


def main() -> None:
    print(f"{'reader':<28}{'rows/CPU s':>12}  {'against':<22}{'ratio':>6}")
    for line in measured():
        print(f"{line['reader']:<28}{line['rows_per_second']:>12,}  {line['against']:<22}{line['ratio']:>6.2f}")


if __name__ == "__main__":
    main()
