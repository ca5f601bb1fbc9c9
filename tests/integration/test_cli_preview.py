"""`preview`: the first rows, published nowhere, with no Redis and nothing kept."""

from __future__ import annotations

import json
import os
import pty
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.command import KARGO, MEDIAMATH, NO_REDIS, CommandHere, ended
from tests.harness import vendors_with

# Two of Kargo's pages; a preview must request only the first.
ROWS = 20_000


vendors = vendors_with(rows=ROWS, polls_until_ready=2)


@pytest.fixture
def millrace(vendors: Sandbox, tmp_path: Path) -> Iterator[CommandHere]:
    """The command, with the vendors as they are by default, and nothing kept anywhere when the test is over."""
    vendors.remote.reset()
    directory = tmp_path / "here"
    environment = {**vendors.environment, "MILLRACE_REDIS_URL": NO_REDIS, "MILLRACE_POLL_SECONDS": "0.05"}
    yield CommandHere(directory, environment)
    assert not (directory / "data").exists()


def asked(vendors: Sandbox, vendor: str) -> list[str]:
    return [one["endpoint"] for one in vendors.remote.requests(vendor)]


def fault(vendors: Sandbox, kind: str, endpoint: str, **args: Any) -> None:
    vendors.remote.turn({"kind": kind, "match": {"endpoint": endpoint}, "args": args})


def test_a_prepared_report_is_requested_and_its_first_rows_are_shown(millrace: CommandHere, vendors: Sandbox) -> None:
    answer = millrace("preview", *KARGO, "--rows", "3")
    assert answer.code == 0
    assert [sorted(row) for row in answer.lines] == [["campaign_name", "clicks_sum"]] * 3
    assert [row["clicks_sum"] for row in answer.lines] == [1, 2, 3]
    assert "asking Kargo Data Sharing API for kargo.campaign-performance-metrics; nothing" in answer.err
    assert "pending" in answer.err
    assert f"3 rows of {ROWS:,}, by the vendor's count" in answer.err
    first = ["authenticate", "reports", "status", "status", "status", "completed-reports"]
    # The last request is for the next offset, to find out whether the vendor counts from 1.
    assert asked(vendors, "kargo") == [*first, "completed-reports"]


def test_a_stream_is_left_as_soon_as_there_are_enough_rows(millrace: CommandHere, vendors: Sandbox) -> None:
    vendors.remote.set(bytes_per_second=200_000)  # the whole stream would take many times the patience of this test
    vendors.remote.set(rows=10_000_000)
    answer = millrace("preview", *MEDIAMATH, "--json")
    assert (answer.code, len(answer.lines)) == (0, 10)
    first = answer.out.splitlines()[0]
    assert first.startswith('{"campaign_id":1,"total_spend":')
    assert first.partition('"total_spend":')[2].partition(",")[0].endswith("00")  # digits are as the vendor sent them
    assert vendors.remote.counters()["rows"]["mediamath.performance"] < 100_000


def test_parameters_of_a_file_are_completed_by_those_set(millrace: CommandHere, vendors: Sandbox) -> None:
    millrace.directory.mkdir()
    (millrace.directory / "params.yaml").write_text("start_date: 2026-11-01\nstop_date: 2026-11-02\ninterval: daily\n")
    answer = millrace(
        "preview", "instal.advertiser-export", "--params", "params.yaml", "--set", "interval=hourly", "--rows", "1"
    )
    assert (answer.code, len(answer.lines)) == (0, 1)
    (created,) = [json.loads(one["body"]) for one in vendors.remote.requests("instal") if one["method"] == "POST"]
    assert (created["start_date"], created["interval"]) == ("2026-11-01", "hourly")


def test_a_terminal_gets_a_table(millrace: CommandHere) -> None:
    terminal, end = pty.openpty()
    answer = ended(millrace.start("preview", *MEDIAMATH, "--rows", "2", stdout=end))
    os.close(end)
    with os.fdopen(terminal, "rb", buffering=0) as shown:
        text = shown.read(65_536).decode()
    assert answer.code == 0
    assert text.count("\n") == 3
    assert "campaign_id" in text
    assert "{" not in text


def test_a_row_that_does_not_fit_is_shown_apart(millrace: CommandHere, vendors: Sandbox) -> None:
    fault(vendors, "set_value", "completed-reports", column="clicks_sum", row=2, text='"many"')
    answer = millrace("preview", *KARGO, "--rows", "3")
    assert (answer.code, len(answer.lines)) == (0, 2)
    assert "row 2 would be a dead letter: " in answer.err
    assert "clicks_sum" in answer.err


def test_a_report_that_is_not_ready_in_time_ends_with_3(millrace: CommandHere, vendors: Sandbox) -> None:
    vendors.remote.turn({"vendor": "kargo", "kind": "never_ready"})
    answer = millrace("preview", *KARGO, "--timeout", "0.3")
    assert (answer.code, answer.out) == (3, "")
    assert "not ready after 0.3 s" in answer.err
    assert "the vendor is still preparing it" in answer.err


def test_what_the_vendor_refuses_ends_with_1_and_one_line(millrace: CommandHere, vendors: Sandbox) -> None:
    vendors.remote.turn({"vendor": "kargo", "kind": "error_status"})
    refused = millrace("preview", *KARGO)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines()[-1].startswith("millrace: the vendor could not prepare the report (error)")
    away = millrace("preview", *MEDIAMATH, MEDIAMATH_AUTH_URL="http://127.0.0.1:1/oauth/token")
    assert (away.code, away.out) == (1, "")
    assert "Connection refused" in away.err.splitlines()[-1]


@pytest.mark.parametrize(("kind", "args"), [("cut_in_row", {"row": 2}), ("status", {"code": 404})])
def test_a_failure_that_passes_does_not_waste_a_prepared_report(
    millrace: CommandHere, vendors: Sandbox, kind: str, args: dict[str, int]
) -> None:
    rules = [{"kind": "status", "match": {"endpoint": "status"}, "args": {"code": 500}, "times": 2}]
    rules += [{"kind": kind, "match": {"endpoint": "completed-reports"}, "args": args, "times": 1}]
    vendors.remote.turn(*rules)
    answer = millrace("preview", *KARGO, "--rows", "3")
    assert (answer.code, len(answer.lines)) == (0, 3)
    assert asked(vendors, "kargo").count("reports") == 1
    assert "500" in answer.err
    assert "trying again" in answer.err


def test_ctrl_c_ends_with_130(millrace: CommandHere, vendors: Sandbox) -> None:
    vendors.remote.turn({"vendor": "kargo", "kind": "never_ready"})
    process = millrace.start("preview", *KARGO)
    assert process.stderr
    for line in process.stderr:
        if "pending" in line:
            break
    process.send_signal(signal.SIGINT)
    answer = ended(process)
    assert (answer.code, answer.out) == (130, "")
    assert answer.err.splitlines()[-1] == "interrupted"
