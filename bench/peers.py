"""`make bench-peers`: dlt, Airbyte CDK and Singer SDK beside one worker process, on the same pages from memory.

Each tool writes JSON lines, as it does by itself, in an environment of its own (build/peers).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from bench.figures import REPETITIONS, Figure, Spread, talk, thousands_a_second
from bench.reports import KARGO, KARGO_PAGE_ROWS, KARGO_PARAMS
from bench.stage import Stage, stage

PYTHON = Path("build/peers/bin/python")
TOOLS = ("dlt", "Airbyte CDK", "Singer SDK")
PAGES = 5
ROWS = PAGES * KARGO_PAGE_ROWS
AT_LEAST = 15


def main() -> None:
    """Measure each and tell how many times the best of them we are."""
    if not PYTHON.exists():
        sys.exit(f"{PYTHON} is not there: make bench-peers installs it")
    settings = {"MILLRACE_POLL_SECONDS": "0.2"}
    with stage(rows=ROWS, is_replayed=True, polls_until_ready=0, settings=settings) as place:
        from bench.one_process import run_report

        sink = f"file:{place.directory / 'files'}"
        job = run_report(KARGO, KARGO_PARAMS, sink).job
        assert job.vendor_report_id
        base, known = place.url("kargo"), place.vendors.credentials["kargo"]
        token = requests.post(f"{base}/authenticate", auth=(known["username"], known["password"]), timeout=30).json()
        pages = f"{base}/completed-reports/{job.vendor_report_id}"
        ours, theirs = [], {tool: [] for tool in TOOLS}
        for repetition in range(REPETITIONS):
            ours.append(run_report(KARGO, KARGO_PARAMS, sink).seconds)
            for tool in TOOLS:
                theirs[tool].append(_seconds(tool, pages, token["access_token"], place))
            talk(f"repetition {repetition + 1} of {REPETITIONS}")
    best = min(theirs, key=lambda tool: sum(theirs[tool]))
    ratio = Spread([other / own for other, own in zip(theirs[best], ours, strict=True)])
    behind = "; ".join(f"{tool} {thousands_a_second(ROWS, times)}" for tool, times in theirs.items())
    behind = f"{thousands_a_second(ROWS, ours)}; {behind}"
    what = "Kargo pages, typed, into files"
    Figure(what, f"{AT_LEAST} times the best of the three", str(ratio), ratio.median >= AT_LEAST, behind).tell()


def _seconds(tool: str, pages: str, token: str, place: Stage) -> float:
    """How long one tool takes, from its first request to its last line. RuntimeError where rows are missing."""
    with tempfile.TemporaryDirectory(dir=place.directory) as directory:
        command = [str(PYTHON), "bench/peers_run.py", tool, pages, token, str(KARGO_PAGE_ROWS), directory]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(run.stdout.splitlines()[-1])
    if told["rows"] != ROWS:
        raise RuntimeError(f"{tool} wrote {told['rows']} of {ROWS} rows")
    return float(told["seconds"])


if __name__ == "__main__":
    main()
