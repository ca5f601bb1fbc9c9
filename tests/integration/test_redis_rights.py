"""A Redis user with exactly the rights in docs/operations.md; a missing right is named in one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.harness import running_stack
from tests.redis_server import RedisServer
from worker.errors import BadInput
from worker.installation import HOME
from worker.redis_client import refuse_unfit
from worker.redis_url import read_redis_url


def documented_rights() -> list[str]:
    """The words of the ACL rule in the page for operators."""
    page = (HOME / "docs" / "operations.md").read_text(encoding="utf-8")
    rule = re.search(r"ACL SETUSER millrace on >PASSWORD ([^`]+?)\n```", page)
    assert rule
    return rule[1].replace("\\\n", " ").split()


@pytest.fixture
def admin(own_redis: RedisServer) -> Iterator[Redis]:
    with own_redis.client() as client:
        client.execute_command("ACL", "SETUSER", "millrace", "on", ">secret", *documented_rights())
        yield client


def test_the_documented_rights_are_enough_for_a_job_of_each_kind(
    own_redis: RedisServer, admin: Redis, tmp_path: Path
) -> None:
    url = f"redis://millrace:secret@127.0.0.1:{own_redis.port}/0"
    refuse_unfit(read_redis_url(url))
    with running_stack(tmp_path, url) as stack:
        for name in ("kargo.campaign-performance-metrics", "mediamath.performance"):
            receipt = stack.receipt(stack.ask(name, f"stream:rows:{name}"))
            assert (receipt["state"], receipt["rows"]) == ("done", 2500), stack.logs()
        assert "NOPERM" not in stack.logs()
        assert "no permissions" not in stack.logs()
        assert stack.app.control.ping(timeout=5)
    denied = admin.execute_command("ACL", "LOG")
    assert denied == [], denied


@pytest.mark.parametrize(
    ("taken", "named"),
    [
        ("-evalsha", "+evalsha"),
        ("-info", "+info"),
        ("-xadd", "~rows:* +xadd"),
        ("-publish", "&* +publish"),
        ("resetchannels", "&* +publish"),
    ],
)
def test_the_right_that_is_lacking_is_named(own_redis: RedisServer, admin: Redis, taken: str, named: str) -> None:
    admin.execute_command("ACL", "SETUSER", "millrace", taken)
    with pytest.raises(BadInput, match=re.escape(f"one with the right {named}")):
        refuse_unfit(read_redis_url(f"redis://millrace:secret@127.0.0.1:{own_redis.port}/0"))


def test_a_worker_that_lacks_a_right_says_so_in_one_line_and_does_not_start(
    own_redis: RedisServer, admin: Redis, tmp_path: Path
) -> None:
    admin.execute_command("ACL", "SETUSER", "millrace", "resetkeys", "~rows:*", "~sink:*", "~dead:*")
    url = f"redis://millrace:secret@127.0.0.1:{own_redis.port}/0"
    ran = subprocess.run(
        [Path(sys.executable).with_name("millrace"), "worker", "control"],
        cwd=tmp_path, env={**os.environ, "MILLRACE_REDIS_URL": url},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("millrace:")]
    assert "~millrace:*" in line
    assert "secret" not in ran.stderr
