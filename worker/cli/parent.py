"""Processes started by another command of ours end with it, however it ends."""

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
"""How long a process whose parent is gone may take to give its work back."""

with_parent_option = click.option(
    "--with-parent", is_flag=True, hidden=True, help="End when standard input ends: its other side is the parent."
)


def end_with_parent() -> None:
    """From now on, end this process once its standard input ends."""
    threading.Thread(target=_watch, name="parent", daemon=True).start()


def _watch(
    read: Callable[[], Any] = lambda: os.read(sys.stdin.fileno(), 1), sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until standard input ends; then end this process, at last with everything it started."""
    while read():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(END_SECONDS)
    os.killpg(os.getpgid(0), signal.SIGKILL)
