"""Fixtures with real processes: Redis servers, from the binary that the product embeds, and all of Millrace."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog
from hypothesis import settings
from redis import Redis

from config.settings import settings as settings_of_product
from tests.bucket import access as access
from tests.bucket import any_bucket as any_bucket
from tests.bucket import any_files as any_files
from tests.bucket import az_bucket as az_bucket
from tests.bucket import az_endpoint as az_endpoint
from tests.bucket import bucket as bucket
from tests.bucket import gs_bucket as gs_bucket
from tests.bucket import gs_endpoint as gs_endpoint
from tests.bucket import s3_endpoint as s3_endpoint
from tests.harness import Stack, running_stack
from tests.redis_server import RedisServer, running_redis
from worker.redis_client import own_redis

with pytest.MonkeyPatch.context() as patch:
    # The Celery app asks for its broker when it is imported, and would start an embedded Redis here. No test of this
    # process sends it a message, so no server need listen at the address.
    patch.setenv("MILLRACE_REDIS_URL", "redis://127.0.0.1:1/0")
    import worker.celery  # noqa: F401

    settings_of_product.cache_clear()
    own_redis.cache_clear()

# No test asserts a duration, so property tests have no deadline.
settings.register_profile("millrace", deadline=None)
settings.load_profile("millrace")

# A shell makes background processes ignore Ctrl-C, which commands inherit; tests that send them Ctrl-C would hang.
signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST_FIRST = ("test_cases.py", "test_sink_kills.py", "test_redis_restart.py", "test_compose.py", "test_endings.py")
SLOWEST_FIRST = ("stress", "integration", "contract", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, then the slowest folders, so that parallel processes end at about the same time."""
    order = [*LONGEST_FIRST, *SLOWEST_FIRST]

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
        return order.index(item.path.name if item.path.name in LONGEST_FIRST else folder)

    items.sort(key=place)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    client = redis_server.client()
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may kill, fill and restart."""
    with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    with running_redis(directory / "redis") as server, running_stack(directory, server.url) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The stack that all tests share, with the vendors in their default state."""
    shared_stack.vendors_as_usual()
    shared_stack.workers.restart_dead()
    yield shared_stack
    shared_stack.vendors_as_usual()


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory, if there is one: no test cuts the power, so syncing need not cost anything."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="millrace-", dir=memory) as directory:
        yield Path(directory)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Restores the state of logging after tests that call `configure_logging`."""
    root = logging.getLogger()
    handlers, level, structure = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers, root.level = handlers, level
    structlog.configure(**structure)
