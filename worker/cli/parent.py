"""Ends a process that another command started once that command has ended, however it ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import click

END_SECONDS = 10
"""How long a process may take to give its work back once its parent is gone."""

with_parent_option = click.option(
    "--with-parent", is_flag=True, hidden=True, help="End when standard input ends: its other side is the parent."
)


def end_with_parent() -> None:
    """End this process once its standard input ends, which the parent keeps open as long as it lives."""
    threading.Thread(target=_watch, name="parent", daemon=True).start()


def _watch(
    read: Callable[[], Any] = lambda: os.read(sys.stdin.fileno(), 1), sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until standard input ends; then stop this process, and after a while kill it and everything it started."""
    while read():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(END_SECONDS)
    os.killpg(os.getpgid(0), signal.SIGKILL)
