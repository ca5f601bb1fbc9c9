"""Commands that are given odd words, or are started without a place to write to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings
from tests.harness import RedisServer
from worker.cli.progress import follow
from worker.errors import MillraceError
from worker.redis_client import connect
from worker.services import Services

MILLRACE = [sys.executable, "-P", "-m", "worker"]


@pytest.mark.parametrize("verb", ["show", "run"])
def test_a_word_that_is_not_utf_8_is_wrong_usage_in_one_line(verb: str, tmp_path: Path) -> None:
    ran = subprocess.run([*MILLRACE, verb, b"\xff\xfe"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert b"expected UTF-8" in line


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_a_command_without_stderr_ends_with_its_own_code(closed: str, tmp_path: Path) -> None:
    for verb, code in (("sources", 0), ("sources show nothing", 2)):
        command = ["sh", "-c", f"{' '.join(MILLRACE)} {verb} {closed}"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == code


def test_a_job_that_vanishes_while_it_is_followed_ends_the_following_in_one_line(redis_server: RedisServer) -> None:
    services = Services(Settings(), connect(redis_server.url))
    with pytest.raises(MillraceError, match="job gone is no longer in the ledger"):
        follow(services, "gone", None, None)
    services.redis.close()
