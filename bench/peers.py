"""`make bench-peers`: dlt, Airbyte CDK and Singer SDK beside one worker process, on the same bytes from memory.

Each tool writes JSON lines, as it does by itself, in an environment of its own (build/peers).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.figures import REPETITIONS, Figure, Spread, report_progress, thousands_a_second
from bench.reports import KARGO, KARGO_PAGE_ROWS, KARGO_PARAMS, MEDIAMATH, MEDIAMATH_PARAMS, kargo_call, mediamath_call
from bench.stage import Stage, stage
from worker.model import Json

PYTHON = Path("build/peers/bin/python")
TOOLS = ("dlt", "Airbyte CDK", "Singer SDK")
ROWS = 100_000


@dataclass(frozen=True)
class Race:
    """What all tools read, and how many times as fast as the best of the three we should be."""

    what: str
    at_least: int
    report: str
    params: Json
    url: str
    token: str
    asked: str


def main() -> None:
    """Measure each tool, and print how many times as fast as the best of them we are."""
    if not PYTHON.exists():
        sys.exit(f"{PYTHON} is not there: make bench-peers installs it")
    settings = {"MILLRACE_POLL_SECONDS": "0.2"}
    with stage(rows=ROWS, is_replayed=True, polls_until_ready=0, settings=settings) as place:
        for race in (_stream(place), _pages(place)):
            _run(race, place)


def _stream(place: Stage) -> Race:
    asked = json.dumps(MEDIAMATH_PARAMS)
    return Race("NDJSON into files", 12, MEDIAMATH, MEDIAMATH_PARAMS, *mediamath_call(place), asked)


def _pages(place: Stage) -> Race:
    from bench.one_process import run_report

    job = run_report(KARGO, KARGO_PARAMS, f"file:{place.files}").job
    call = kargo_call(place, job.vendor_report_id or "")
    return Race("Kargo pages, typed, into files", 15, KARGO, KARGO_PARAMS, *call, str(KARGO_PAGE_ROWS))


def _run(race: Race, place: Stage) -> None:
    from bench.one_process import run_report

    ours, theirs = [], {tool: [] for tool in TOOLS}
    sink = f"file:{place.files}"
    run_report(race.report, race.params, sink)  # not counted: a worker runs for weeks, so it is warm
    for repetition in range(REPETITIONS):
        ours.append(run_report(race.report, race.params, sink).seconds)
        for tool in TOOLS:
            theirs[tool].append(_seconds(tool, race, place))
        report_progress(f"{race.what}: repetition {repetition + 1} of {REPETITIONS}")
    best = min(theirs, key=lambda tool: sum(theirs[tool]))
    ratio = Spread([other / own for other, own in zip(theirs[best], ours, strict=True)])
    behind = "; ".join(f"{tool} {thousands_a_second(ROWS, times)}" for tool, times in theirs.items())
    behind = f"{thousands_a_second(ROWS, ours)}; {behind}"
    at_least = f"{race.at_least} times the best of the three"
    Figure(race.what, at_least, str(ratio), ratio.median >= race.at_least, behind).write()


def _seconds(tool: str, race: Race, place: Stage) -> float:
    """How long one tool takes, from its first request to its last line. Raises RuntimeError if rows are missing."""
    with tempfile.TemporaryDirectory(dir=place.directory) as directory:
        command = [str(PYTHON), "bench/peers_run.py", tool, race.url, race.token, race.asked, directory]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(run.stdout.splitlines()[-1])
    if result["rows"] != ROWS:
        raise RuntimeError(f"{tool} wrote {result['rows']} of {ROWS} rows")
    return float(result["seconds"])


if __name__ == "__main__":
    main()
