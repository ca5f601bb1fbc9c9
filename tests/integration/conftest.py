"""The fixture that plays many scenarios at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack

import pytest

from tests.authority import Authority
from tests.scenarios.outcome import Outcome
from tests.scenarios.runner import ScenarioRunner, running_scenarios
from tests.scripted_vendor import ScriptedVendor, Start
from tests.wire import tls_host


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
    with ExitStack() as started:
        yield lambda script: started.enter_context(ScriptedVendor(script))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that is trusted only where it is configured."""
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture
def tls_port(authority: Authority) -> Iterator[int]:
    """A port of this machine that answers over TLS as localhost and vendor.example do."""
    with tls_host(authority.certificate("vendor")) as port:
        yield port
