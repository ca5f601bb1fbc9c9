"""`run` on a machine with nothing running: an embedded Redis, its own workers, files, and no processes afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from tests.command import KARGO, Command, ended
from tests.harness import processes_in, until, vendors_with

SETTINGS = {"MILLRACE_POLL_SECONDS": "0.2", "MILLRACE_SWEEP_SECONDS": "1"}
ROWS = 300


vendors = vendors_with(rows=ROWS, polls_until_ready=1)


@pytest.fixture(scope="module")
def millrace(vendors: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """One data directory for the whole module: what one command leaves in the ledger the next one finds."""
    return Command(tmp_path_factory.mktemp("run"), {**vendors.environment, **SETTINGS})


@pytest.fixture(autouse=True)
def nobody_stays(millrace: Command, vendors: Sandbox) -> Iterator[None]:
    vendors.remote.reset()
    yield
    assert processes_in(millrace.directory) == []


def test_a_report_becomes_files_and_a_receipt(millrace: Command) -> None:
    answer = millrace("run", *KARGO, "--json", "--processes", "1")
    assert answer.code == 0
    receipt = answer.lines[-1]
    assert (receipt["state"], receipt["rows"], receipt["expected_rows"]) == ("done", ROWS, ROWS)
    home = millrace.directory / "data/rows/kargo/campaign-performance-metrics" / receipt["job"]
    (listed,) = receipt["files"]
    content = (home / listed["path"]).read_bytes()
    assert (content.count(b"\n"), hashlib.sha256(content).hexdigest()) == (ROWS, listed["sha256"])
    assert json.loads((home / "receipt.json").read_bytes()) == receipt

    assert millrace("receipt", receipt["job"], "--json").lines == [receipt]


def test_a_job_that_is_not_done_in_time_can_be_continued(millrace: Command) -> None:
    answer = millrace("run", *KARGO, "--timeout", "0", "--to", "file:late")
    assert (answer.code, answer.out) == (3, "")
    assert "not finished; run the same command again (without --new) to continue" in answer.err
    (left,) = millrace("jobs", "--json", "--state", "queued").lines
    assert millrace("cancel", left["job"]).out == f"{left['job']} cancelled\n"


def test_the_job_of_a_stopped_command_can_be_continued(millrace: Command, vendors: Sandbox) -> None:
    vendors.remote.turn({"vendor": "kargo", "kind": "never_ready"})
    process = millrace.start("run", *KARGO, "--new", "--processes", "1")
    until(lambda: vendors.remote.requests("kargo", "status"), "a poll")
    process.terminate()
    answer = ended(process)
    assert (answer.code, answer.out) == (143, "")
    (left,) = millrace("jobs", "--json", "--state", "pending").lines
    assert left["vendor_report_id"]
