"""What plays scenarios, many of them at once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.scenarios.outcome import Outcome
from tests.scenarios.runner import ScenarioRunner, running_scenarios
from tests.scripted_vendor import Script, ScriptedVendor, Start


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "played(scenario): what is asked for, and what the vendors do meanwhile")


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScenarioRunner]:
    with running_scenarios(tmp_path_factory.mktemp("scenarios")) as running:
        yield running


@pytest.fixture(scope="module")
def begun(request: pytest.FixtureRequest, runner: ScenarioRunner) -> dict[str, Future[Outcome]]:
    """Every scenario of this module, begun."""
    return runner.start([item for item in request.session.items if item.path == request.path])


@pytest.fixture
def outcome(request: pytest.FixtureRequest, begun: dict[str, Future[Outcome]]) -> Outcome:
    """How the scenario of this test ended."""
    return begun[request.node.nodeid].result()


@pytest.fixture
def vendor() -> Iterator[Start]:
    """Starts scripted vendors, and stops them when the test is over."""
    started: list[ScriptedVendor] = []

    def start(script: Script) -> ScriptedVendor:
        started.append(ScriptedVendor(script))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and vendor.example that nobody vouches for."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    made = tmp_path_factory.mktemp("tls") / "both.pem"
    names = "subjectAltName=DNS:localhost,DNS:vendor.example"
    options = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext {names}"
    subprocess.run([openssl, *options.split(), "-keyout", made, "-out", f"{made}.crt"], check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + Path(f"{made}.crt").read_bytes())
    return made
