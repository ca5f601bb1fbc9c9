"""How fast the readers are, as ratios to bare parsing of the same bytes in the same run: `python -m bench.readers`."""

from __future__ import annotations

import csv
import io
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
import orjson

from bench.reports import KARGO, KARGO_PARAMS, WIDE_MEDIAMATH_PARAMS
from bench.yardsticks import parse_pages
from sandbox import expected_rows
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
TYPES: dict[str, ColumnType] = dict.fromkeys(KARGO_PARAMS["measures"], "integer")


def main() -> None:
    """Measure each reader and its yardstick in turn, a few times, and print a line for each reader."""
    rows = list(expected_rows("mediamath.performance", WIDE_MEDIAMATH_PARAMS, ROWS))
    header = {"fields": [{"name": name} for name in orjson.loads(rows[0])], "total_items_count": ROWS}
    lines = b"\n".join([*rows, b""])
    kargo_rows = list(expected_rows(KARGO, KARGO_PARAMS, ROWS))
    page = b'{"data":{"total_rows":%d,"links":{"next":""},"rows":[%b]}}' % (ROWS, b",".join(kargo_rows))
    names = ",".join(orjson.loads(kargo_rows[0])).encode()
    file = b"\n".join([names, *expected_rows(KARGO, KARGO_PARAMS, ROWS, form="csv"), b""])
    yardsticks: dict[str, Callable[[], object]] = {
        "msgspec over lines": partial(msgspec.json.Decoder(msgspec.Raw).decode_lines, lines),
        "ijson over the page": partial(parse_pages, [page], "data.rows.item"),
        "csv over the file": lambda: deque(csv.reader(io.StringIO(file.decode())), maxlen=0),
    }
    over_lines, over_page, over_file = yardsticks
    readers = {
        "stream": (over_lines, partial(_read, orjson.dumps(header) + b"\n" + lines, STREAM, {})),
        "stream without header": (over_lines, partial(_read, lines, Ndjson(kind="ndjson"), {})),
        "page": (over_page, partial(_read, page, PAGE, {})),
        "page, typed": (over_page, partial(_read, page, PAGE, TYPES)),
        "csv": (over_file, partial(_read, file, Delimited(kind="delimited"), {})),
        "csv, typed": (over_file, partial(_read, file, Delimited(kind="delimited"), TYPES)),
    }
    best = _fastest(yardsticks | {name: run for name, (_, run) in readers.items()})
    print(f"{'reader':<28}{'rows/CPU s':>12}  {'against':<22}{'ratio':>6}")
    for name, (against, _) in readers.items():
        print(f"{name:<28}{ROWS / best[name]:>12,.0f}  {against:<22}{best[against] / best[name]:>6.2f}")


def _read(body: bytes, shape: Format, columns: Mapping[str, ColumnType]) -> None:
    """Read all rows of a body. Raises RuntimeError if rows are missing."""
    chunks = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
    if (rows := sum(map(len, read_blocks(chunks, shape, columns, Facts())))) != ROWS:
        raise RuntimeError(f"{rows} rows of {ROWS}")


def _fastest(runs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The least CPU time of each in several rounds, so that other load on the machine matters little."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


if __name__ == "__main__":
    main()
