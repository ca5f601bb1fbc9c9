"""NDJSON over HTTP into a Redis stream and into files, beside what no reader can beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from bench import yardsticks
from bench.figures import REPETITIONS, Figure, ratios, seconds, talk, thousands_a_second
from bench.reports import MEDIAMATH, MEDIAMATH_PARAMS, mediamath_call, mediamath_stream
from bench.stage import Stage, stage

ROWS = 200_000

Times = dict[str, list[float]]


@dataclass(frozen=True)
class Case:
    """One way through one worker process, the yardsticks it is held against, and the share it must reach."""

    sink: str
    yardsticks: tuple[str, ...]
    at_least: float
    against: str
    times: list[float] = field(default_factory=list)

    def figure(self, times: Times, rows: int, row_bytes: float) -> Figure:
        """The line of the table."""
        ratio = ratios([times[name] for name in self.yardsticks], self.times)
        slowest = max(self.yardsticks, key=lambda name: median(times[name]))
        behind = (
            f"{thousands_a_second(rows, self.times)}; {slowest} {thousands_a_second(rows, times[slowest])};"
            f" {row_bytes:.0f} bytes a row"
        )
        what = f"NDJSON into {'a Redis stream' if self.sink.startswith('stream') else 'files'}"
        return Figure(what, f"{self.at_least} of {self.against}", str(ratio), ratio.median >= self.at_least, behind)


def cases(place: Stage) -> list[Case]:
    """The rows of the table."""
    stream, files = "stream:bench", f"file:{place.directory / 'files'}"
    return [
        Case(stream, ("drain", "orjson", "script"), 0.6, "the slowest of drain, orjson, script"),
        Case(files, ("drain", "orjson"), 0.6, "the slower of drain, orjson"),
    ]


def main() -> None:
    """Measure each way in turn, a few times over, and tell the figures."""
    with stage(rows=ROWS) as place:
        body = mediamath_stream(place)
        rows = body.splitlines()[1:]
        measured = cases(place)
        times = _measure(place, body, rows, measured)
        for case in measured:
            case.figure(times, ROWS, len(body) / len(rows)).tell()


def _measure(place: Stage, body: bytes, rows: list[bytes], measured: list[Case]) -> Times:
    from bench.one_process import run_report
    from worker.services import get_services

    redis = get_services().redis
    url, headers = mediamath_call(place)
    acts: dict[str, Callable[[], object]] = {
        "drain": lambda: yardsticks.drain(url, headers, MEDIAMATH_PARAMS),
        "orjson": lambda: yardsticks.load_lines(body),
        "script": lambda: yardsticks.add_to_stream(redis, rows),
    }
    times: Times = {name: [] for name in acts}
    for repetition in range(REPETITIONS + 1):
        for name, act in acts.items():
            times[name].append(seconds(act))
        for case in measured:
            case.times.append(run_report(MEDIAMATH, MEDIAMATH_PARAMS, case.sink).seconds)
            redis.delete("bench")
        talk(f"repetition {repetition} of {REPETITIONS}{', not counted' if not repetition else ''}")
    for every in (*times.values(), *(case.times for case in measured)):
        del every[0]
    return times


if __name__ == "__main__":
    main()
