"""Commands that are given odd words, or are started without a place to write to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings
from tests.command import NO_REDIS
from tests.harness import RedisServer
from worker.cli.progress import follow
from worker.errors import MillraceError
from worker.redis_client import connect
from worker.services import Services

MILLRACE = [sys.executable, "-P", "-m", "worker"]


def run_in_shell(text: str, tmp_path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", text], cwd=tmp_path, env={**os.environ, "MILLRACE_REDIS_URL": NO_REDIS},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("verb", ["show", "run"])
def test_a_word_that_is_not_utf_8_is_wrong_usage_in_one_line(verb: str, tmp_path: Path) -> None:
    ran = subprocess.run([*MILLRACE, verb, b"\xff\xfe"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert b"expected UTF-8" in line


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_a_command_without_stderr_ends_with_its_own_code(closed: str, tmp_path: Path) -> None:
    command = " ".join(MILLRACE)
    assert run_in_shell(f"{command} sources {closed}", tmp_path).returncode == 0
    assert run_in_shell(f"{command} jobs {closed}", tmp_path).returncode == 1


def test_a_job_that_vanishes_while_it_is_followed_ends_the_following_in_one_line(redis_server: RedisServer) -> None:
    services = Services(Settings(), connect(redis_server.url))
    with pytest.raises(MillraceError, match="job gone is no longer in the ledger"):
        follow(services, "gone", None, None)
    services.redis.close()
