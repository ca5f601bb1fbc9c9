"""The HTTP API in a process of its own, on the stack every test shares."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.harness import Stack, until
from tests.requests import KARGO
from worker.embedded_redis import free_port

TOKEN = "a-token-of-the-tests"
ASKED = {"connection": "kargo", "report": "campaign-performance-metrics", "params": KARGO, "to": "stream:api"}


class Api:
    """Calls with the token."""

    def __init__(self, base: str) -> None:
        self.base = base

    def __call__(self, method: str, path: str, *, token: str | None = TOKEN, **more: Any) -> requests.Response:
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        return requests.request(method, self.base + path, headers=headers, timeout=10, **more)


def is_up(api: Api) -> bool:
    try:
        return api("GET", "/readyz").ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def api(shared_stack: Stack) -> Iterator[Api]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "worker", "api", "--port", str(port)],
        env={**os.environ, **shared_stack.workers.environment, "MILLRACE_API_TOKENS": TOKEN},
        stderr=subprocess.DEVNULL,
    )
    found = Api(f"http://127.0.0.1:{port}")
    until(lambda: is_up(found), "the API")
    yield found
    process.terminate()
    process.wait()


def test_a_job_asked_for_over_http_is_done(api: Api, stack: Stack) -> None:
    answer = api("POST", "/v1/jobs", json={**ASKED, "join": False})
    assert answer.status_code == 202
    job = answer.json()["job"]
    stack.receipt(job)
    shown = api("GET", f"/v1/jobs/{job}").json()
    assert (shown["state"], shown["receipt"]["rows"]) == ("done", 2500)
    assert job in [listed["job"] for listed in api("GET", "/v1/jobs", params={"state": "done"}).json()]
    assert stack.audit("api", job).is_whole


@pytest.mark.parametrize("token", [None, "another", ""])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/x", "/v1/connections"])
def test_nothing_is_told_without_a_token(api: Api, path: str, token: str | None) -> None:
    assert api("GET", path, token=token).status_code == 401


def test_the_same_idempotency_key_is_one_job(api: Api) -> None:
    keyed = {"headers": {"Idempotency-Key": "once"}, "json": {**ASKED, "join": False}}
    assert api("POST", "/v1/jobs", **keyed).json()["job"] == api("POST", "/v1/jobs", **keyed).json()["job"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"connection": "kargoo"}, "connection"),
        ({"report": "none"}, "report"),
        ({"params": {**KARGO, "measurs": 1}}, "params.measurs"),
        ({"to": "file:/etc"}, "to"),
        ({"to": "redis://elsewhere:6379/0?stream=x"}, "to"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_gets_422_naming_the_field_and_sends_nothing(
    api: Api, stack: Stack, change: dict[str, Any], field: str
) -> None:
    answer = api("POST", "/v1/jobs", json={**ASKED, **change})
    assert answer.status_code == 422
    assert field in answer.text
    assert stack.requests() == []


def test_a_job_is_cancelled_and_taken_up_again(api: Api, stack: Stack) -> None:
    stack.dial({"kind": "never_ready", "vendor": "kargo"})
    job = api("POST", "/v1/jobs", json={**ASKED, "join": False}).json()["job"]
    assert api("POST", f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    stack.dial()
    assert api("POST", f"/v1/jobs/{job}/retry").json()["state"] in {"queued", "pending"}
    assert stack.receipt(job)["state"] == "done"
    assert api("POST", f"/v1/jobs/{job}/retry").status_code == 409


def test_an_unknown_job_is_404(api: Api) -> None:
    assert api("GET", "/v1/jobs/nobody").status_code == 404


def test_it_does_not_listen_beyond_this_machine_without_a_token() -> None:
    command = [sys.executable, "-m", "worker", "api", "--host", "0.0.0.0"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "MILLRACE_API_TOKENS" in found.stderr
