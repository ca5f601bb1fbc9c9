"""The sandbox as a program: how it starts and ends, what it remembers, and how many it serves at once."""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.error import HTTPError

import psutil
import pytest

from sandbox import Sandbox, SandboxProcess, expected_digest
from tests.sandbox_client import Visitor

QUERY = {
    "fields": ["campaign_id", "impressions"],
    "filters": [{"field": "organization_id", "value": 1}],
    "rollup": "all",
    "time_window": "yesterday",
}
ASKED = {"dimensions": ["campaign_name"], "measures": ["clicks_sum"]}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(rows=10, polls_until_ready=0) as running:
        yield running


def start(*options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--json", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_addresses_and_stops_on_a_signal_even_in_the_middle_of_an_answer(sign: signal.Signals) -> None:
    silent = {"kind": "silence", "args": {"seconds": 3600, "after_bytes": 10}}
    process = start("--rows", "50", "--faults", json.dumps([silent]))
    assert process.stdout is not None
    announced = json.loads(process.stdout.readline())
    assert set(announced) == {"port", "storage_port", "urls", "credentials", "environment"}
    assert announced["environment"]["KARGO_BASE_URL"] == announced["urls"]["kargo"]
    waiting = http.client.HTTPConnection("127.0.0.1", announced["port"], timeout=20)
    headers = {
        "Authorization": f"Bearer {announced['credentials']['mediamath']['token']}",
        "Content-Type": "application/json",
    }
    waiting.request("POST", "/mediamath/reporting/v2/performance", json.dumps(QUERY), headers)
    assert len(waiting.getresponse().read(10)) == 10
    process.send_signal(sign)
    assert process.wait(10) == 0
    process.communicate()
    waiting.close()


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--rows", "-1", b"rows: "),
        ("--faults", '[{"kind": "x"}]', b"kind 'x'"),
        ("--faults", "[", b"--faults: not valid JSON"),
        ("--restate", "x", b"restate: "),
        ("--port", "99999999", b"port must be 0-65535"),
    ],
)
def test_it_refuses_to_start_with_wrong_options(option: str, value: str, named: bytes) -> None:
    process = start(option, value)
    shown = process.communicate(timeout=20)[1]
    assert process.returncode == 2
    assert named in shown


def test_its_help_calls_it_as_it_was_called() -> None:
    for command, name in ((["worker"], "millrace sandbox"), ([], "python -m")):
        shown = subprocess.run([sys.executable, "-m", *command, "sandbox", "--help"], capture_output=True, check=True)
        assert shown.stdout.startswith(f"usage: {name} ".encode())


def test_as_a_process_it_takes_settings_and_serves_what_is_expected() -> None:
    with SandboxProcess(rows=3000, polls_until_ready=0, faults=[{"kind": "html", "vendor": "rokt"}]) as sandbox:
        assert psutil.pid_exists(sandbox.pid)
        assert sandbox.remote.faults()[0]["kind"] == "html"
        lines = Visitor(sandbox).post("mediamath", "/performance", QUERY).lines()
        sandbox.remote.set(rows=5)
        assert len(Visitor(sandbox).post("mediamath", "/performance", QUERY).lines()) == 6
    assert not psutil.pid_exists(sandbox.pid)
    with Sandbox(rows=3000) as other:
        assert Visitor(other).post("mediamath", "/performance", QUERY).lines() == lines
    digest = hashlib.sha256(b"".join(line + b"\n" for line in lines[1:])).hexdigest()
    assert digest == expected_digest("mediamath.performance", QUERY, 3000)


def test_memory_does_not_grow_with_the_report() -> None:
    with SandboxProcess(rows=1000) as sandbox:
        visitor, process = Visitor(sandbox), psutil.Process(sandbox.pid)
        visitor.post("mediamath", "/performance", QUERY)
        # Taken after a first report, with every module loaded and every buffer made.
        before = process.memory_info().rss
        sandbox.remote.set(rows=400_000)
        assert len(visitor.post("mediamath", "/performance", QUERY).body) > 15_000_000
        assert process.memory_info().rss - before < 8_000_000


def test_sixty_four_are_served_at_once(sandbox: Sandbox) -> None:
    sandbox.remote.set(rows=2000)
    everybody = Barrier(64)

    def visit(_number: int) -> int:
        visitor = Visitor(sandbox)
        visitor.log_in("mediamath")
        # All 64 are logged in before the first of them asks.
        everybody.wait(30)
        return len(visitor.post("mediamath", "/performance", QUERY).lines())

    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(visit, range(64))) == [2001] * 64


def test_it_is_announced_by_the_name_clients_know() -> None:
    with Sandbox(host="0.0.0.0") as everywhere, Sandbox(announced_host="localhost") as named:
        assert everywhere.urls["kargo"] == f"http://127.0.0.1:{everywhere.port}/kargo/v1"
        assert named.urls["storage"] == f"http://localhost:{named.storage_port}/storage"
        assert Visitor(named).log_in("kargo").status == 200


def test_a_connection_is_kept_for_the_next_request(sandbox: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)
    local = set()
    for method, path in (("GET", "/_sandbox/counters"), ("HEAD", "/kargo/v1/reports"), ("GET", "/_sandbox/settings")):
        connection.request(method, path)
        connection.getresponse().read()
        local.add(connection.sock.getsockname())
    connection.close()
    assert len(local) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /x HTTP/x\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /" + b"x" * 70_000,
    ],
)
def test_a_malformed_request_is_refused_and_ends_the_connection(sandbox: Sandbox, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=20) as connection:
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 4")


def test_the_second_port_has_storage_alone(sandbox: Sandbox) -> None:
    visitor = Visitor(sandbox)
    task_id = visitor.instal_task({"start_date": "2026-01-01", "stop_date": "2026-01-03"}, polls=0)
    stored = visitor.get("instal", f"/reports/exports/{task_id}").json()["result"]
    first = stored.replace(str(sandbox.storage_port), str(sandbox.port))
    assert visitor.ask("GET", first).body == visitor.ask("GET", stored).body
    elsewhere = f"http://127.0.0.1:{sandbox.storage_port}"
    assert visitor.ask("GET", f"{elsewhere}/kargo/v1/reports").status == 404
    assert visitor.ask("GET", f"{elsewhere}/_sandbox/settings").status == 404


def test_every_request_is_remembered_without_its_secrets(sandbox: Sandbox) -> None:
    visitor = Visitor(sandbox)
    report_id = visitor.kargo_report(ASKED, polls=1)
    visitor.get("kargo", f"/completed-reports/{report_id}", limit=5, offset=5)
    visitor.ask("GET", sandbox.urls["rokt"] + "/nothing")
    found = sandbox.remote.requests()
    assert [(one["vendor"], one["endpoint"]) for one in found] == [
        ("kargo", "authenticate"),
        ("kargo", "reports"),
        ("kargo", "status"),
        ("kargo", "completed-reports"),
        ("rokt", ""),
    ]
    assert found[3]["query"] == {"limit": "5", "offset": "5"}
    assert json.loads(found[1]["body"])["parameters"] == ASKED
    assert [one["headers"]["authorization"].split()[0] for one in found[:2]] == ["Basic", "Bearer"]
    assert "not-a-secret" not in json.dumps(found)
    assert visitor.authorization("kargo")["Authorization"].split()[1] not in json.dumps(found)
    assert found[1]["headers"]["authorization"] == found[2]["headers"]["authorization"]
    assert sandbox.remote.requests("kargo", "status") == [found[2]]
    assert sandbox.remote.counters()["rows"] == {"kargo.campaign-performance-metrics": 5}
    sandbox.remote.clear()
    assert (sandbox.remote.requests(), sandbox.remote.counters()) == ([], {"rows": {}, "readings": {}})


def test_only_the_last_requests_are_remembered(sandbox: Sandbox) -> None:
    sandbox.remote.set(journal_requests=3)
    visitor = Visitor(sandbox)
    for number in range(5):
        visitor.get("kargo", f"/completed-reports/{number}")
    assert [one["path"][-1] for one in sandbox.remote.requests()] == ["2", "3", "4"]


def test_settings_change_and_come_back(sandbox: Sandbox) -> None:
    usual = {"latency_ms": 1, "bytes_per_second": 1_000_000, "token_seconds": 77}
    changed = sandbox.remote.set(**usual, rows_by_report={"mediamath.performance": 3})
    assert (changed["latency_ms"], changed["rows"]) == (1, 10)
    assert Visitor(sandbox).log_in("kargo").json()["expires_in"] == 77
    assert len(Visitor(sandbox).post("mediamath", "/performance", QUERY).lines()) == 4
    sandbox.remote.turn({"kind": "html"})
    sandbox.remote.add({"kind": "empty_body"})
    assert [rule["kind"] for rule in sandbox.remote.faults()] == ["html", "empty_body"]
    sandbox.remote.reset()
    assert sandbox.remote.faults() == []
    assert len(Visitor(sandbox).post("mediamath", "/performance", QUERY).lines()) == 11


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/settings", {"rows": -1}),
        ("PUT", "/settings", {"row": 1}),
        ("PUT", "/settings", []),
        ("PUT", "/faults", {"kind": "html"}),
        ("PUT", "/faults", [{"kind": "nonsense"}]),
        ("PUT", "/faults", "["),
    ],
)
def test_a_refused_setting_changes_nothing(sandbox: Sandbox, method: str, path: str, body: object) -> None:
    visitor = Visitor(sandbox)
    before = sandbox.remote.faults(), visitor.ask("GET", sandbox.urls["control"] + "/settings").json()
    reply = visitor.ask(method, sandbox.urls["control"] + path, body=b"[" if body == "[" else body)
    assert (reply.status, list(reply.json())) == (400, ["error"])
    assert (sandbox.remote.faults(), visitor.ask("GET", sandbox.urls["control"] + "/settings").json()) == before


def test_the_answer_to_an_unknown_control_request_lists_the_known_ones(sandbox: Sandbox) -> None:
    reply = Visitor(sandbox).ask("GET", sandbox.urls["control"] + "/nothing")
    assert reply.status == 404
    assert "PUT /_sandbox/faults" in reply.json()["known"]
    with pytest.raises(HTTPError):
        sandbox.remote.set(rows="many")
    assert Visitor(sandbox).ask("GET", sandbox.urls["control"] + "/kinds").json()["status"]["args"]["code"]
