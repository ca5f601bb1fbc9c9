"""Throughput of one worker process on NDJSON and on Kargo's typed pages, into files and streams, against yardsticks."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

from bench import yardsticks
from bench.figures import REPETITIONS, Figure, ratios, report_progress, seconds, thousands_a_second
from bench.reports import (
    KARGO,
    KARGO_PAGE_ROWS,
    KARGO_PARAMS,
    MEDIAMATH,
    MEDIAMATH_PARAMS,
    WIDE_MEDIAMATH_PARAMS,
    fetch,
    kargo_call,
    mediamath_call,
)
from bench.stage import Stage, stage
from sandbox import expected_rows

ROWS = 200_000
PACKED = "stream:bench?rows_per_entry=500"

# What is measured, its yardstick, and the share of the yardstick that it must reach.
BUDGETS = {
    "NDJSON into NDJSON files": ("pass", 0.7),
    "Kargo pages of 10,000 rows, typed, into files": ("ijson", 1.2),
    "NDJSON into a stream, one entry per row": ("xadd", 0.85),
    "Kargo pages into a stream, one entry per row": ("xadd, Kargo's rows", 0.85),
    "NDJSON into a stream, rows_per_entry=500": ("xadd", 2.5),
    "Kargo pages into a stream, rows_per_entry=500": ("xadd, Kargo's rows", 2.5),
}
WITHOUT_WAITING = " without waiting"
"""After the name of a yardstick: the same, but the server always has commands to execute."""
# Held against orjson over the same lines, by processor time instead of wall time.
WIDE = "wide NDJSON into a stream, one entry per row"
MOST_OF_ORJSON = 1.5


def main() -> None:
    """Measure each way in turn, a few times, and print the figures."""
    settings = {"MILLRACE_POLL_SECONDS": "0.2"}
    with stage(rows=ROWS, is_replayed=True, polls_until_ready=0, settings=settings) as place:
        acts = _yardsticks(place) | _ways(place)
        times: dict[str, list[float]] = {name: [] for name in acts}
        processor: dict[str, list[float]] = {name: [] for name in acts}
        for repetition in range(REPETITIONS + 1):
            for name, act in acts.items():
                began = time.process_time()
                took = act()
                if repetition:  # the first one warms up
                    times[name].append(took)
                    processor[name].append(time.process_time() - began)
            report_progress(f"repetition {repetition} of {REPETITIONS}{', not counted' if not repetition else ''}")
        for what, (yardstick, at_least) in BUDGETS.items():
            ratio = ratios([times[yardstick]], times[what])
            behind = f"{thousands_a_second(ROWS, times[what])}; {thousands_a_second(ROWS, times[yardstick])}"
            if faster := times.get(yardstick + WITHOUT_WAITING):
                behind += f"; {thousands_a_second(ROWS, faster)}{WITHOUT_WAITING}: {ratios([faster], times[what])}"
            Figure(what, f"{at_least} of {yardstick}", str(ratio), ratio.median >= at_least, behind).write()
        ratio = ratios([processor[WIDE]], processor["orjson"])
        behind = f"{median(processor[WIDE]) / ROWS * 1e6:.2f} us a row; {median(processor['orjson']) / ROWS * 1e6:.2f}"
        what = "worker's processor time, one entry per row"
        Figure(what, "at most 1.5 of orjson over lines", str(ratio), ratio.median <= MOST_OF_ORJSON, behind).write()
        _alike().write()


def _yardsticks(place: Stage) -> dict[str, Callable[[], float]]:
    from bench.one_process import run_report
    from worker.services import get_services

    redis = get_services().redis
    url, token = mediamath_call(place)
    body, wide = (fetch(url, token, json=params) for params in (MEDIAMATH_PARAMS, WIDE_MEDIAMATH_PARAMS))
    job = run_report(KARGO, KARGO_PARAMS, PACKED).job
    place.drop_rows()
    assert job.vendor_report_id
    link, kargo_token = kargo_call(place, job.vendor_report_id)
    limits = [{"limit": KARGO_PAGE_ROWS, "offset": start} for start in range(0, ROWS, KARGO_PAGE_ROWS)]
    pages = [fetch(link, kargo_token, params=limit) for limit in limits]
    kargo_rows = list(expected_rows(KARGO, KARGO_PARAMS, ROWS))
    rows = body.splitlines()[1:]
    lengths = (size / ROWS for size in (len(body), len(wide), sum(map(len, kargo_rows))))
    report_progress("bytes a row: {:.0f} of NDJSON, {:.0f} of wide NDJSON, {:.0f} of Kargo's".format(*lengths))
    xadds = {
        name + ending: partial(seconds, partial(yardsticks.xadd, redis, added, is_waiting=not ending))
        for name, added in (("xadd", rows), ("xadd, Kargo's rows", kargo_rows))
        for ending in ("", WITHOUT_WAITING)
    }
    through = place.directory / "pass.ndjson"
    return {
        "pass": lambda: seconds(lambda: yardsticks.pass_through(url, token, MEDIAMATH_PARAMS, through)),
        "ijson": lambda: seconds(lambda: yardsticks.parse_pages(pages, "data.rows.item")),
        "orjson": lambda: seconds(lambda: yardsticks.load_lines(wide)),
        **xadds,
    }


def _ways(place: Stage) -> dict[str, Callable[[], float]]:
    from bench.one_process import run_report

    sinks = {"files": f"file:{place.files}", "one entry per row": "stream:bench", "rows_per_entry=500": PACKED}

    def way(what: str) -> Callable[[], float]:
        report, params = (KARGO, KARGO_PARAMS) if what.startswith("Kargo") else (MEDIAMATH, MEDIAMATH_PARAMS)
        params = WIDE_MEDIAMATH_PARAMS if what == WIDE else params
        sink = next(sink for end, sink in sinks.items() if what.endswith(end))

        def run() -> float:
            took = run_report(report, params, sink).seconds
            place.drop_rows()
            return took

        return run

    return {what: way(what) for what in (*BUDGETS, WIDE)}


def _alike() -> Figure:
    """The server's CPU time for rows that differ in five digits only, compared with ordinary rows."""
    from worker.model import Rows
    from worker.publish.batch import Reading, gather
    from worker.services import get_services
    from worker.sinks.kinds import SinkJob, open_sink, parse_address

    redis = get_services().redis
    ordinary = [(b'{"n":%d,"text":"' % n + b"%d" % (n * 7_919_104_729) * 40)[:412] + b'"}' for n in range(20_000)]
    alike = [b'{"text":"' + b"x" * 395 + b'","n":%05d}' % n for n in range(20_000)]

    def server_seconds(rows: list[bytes], job: str) -> float:
        sink = open_sink(parse_address("stream:alike"), SinkJob(job, "bench", "alike", redis, 0, 1))
        sink.open(1)
        before = _processor_seconds(redis)
        for batch in map(Reading().add, gather([Rows.of(rows)], sink.batch_size)):
            sink.commit(1, 1, batch)
        took = _processor_seconds(redis) - before
        redis.delete("alike")
        return took

    pairs = [(server_seconds(alike, f"a{n}"), server_seconds(ordinary, f"o{n}")) for n in range(REPETITIONS)]
    ratio = ratios([[one for one, _ in pairs]], [other for _, other in pairs])
    server = redis.info("server")
    behind = f"{median(one for one, _ in pairs) / 20_000 * 1e6:.1f} us a row, Redis {server['redis_version']}"
    return Figure(
        "server's time for rows that look alike", "at most 2 times ordinary", str(ratio), ratio.median <= 2, behind
    )


def _processor_seconds(redis: object) -> float:
    server = redis.info("cpu")  # type: ignore[attr-defined]
    return float(server["used_cpu_user"]) + float(server["used_cpu_sys"])


if __name__ == "__main__":
    main()
