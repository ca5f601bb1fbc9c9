"""The stage on which many cases of what vendors do are played at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.stage import Ending, Stage, begun, running_stage


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "played(case): what is asked for, and what the vendors do meanwhile")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture(scope="module")
def cases(request: pytest.FixtureRequest, stage: Stage) -> dict[str, Future[Ending]]:
    """Every case of this module, begun."""
    return begun(stage, [item for item in request.session.items if item.path == request.path])


@pytest.fixture
def ending(request: pytest.FixtureRequest, cases: dict[str, Future[Ending]], stage: Stage) -> Ending:
    """How the case of this test ended."""
    stage.workers.restart_dead()
    return cases[request.node.nodeid].result()
