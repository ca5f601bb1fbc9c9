"""Atomic steps: Lua scripts run by their digest. Each lives in `worker/lua/`, one step a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

LUA = Path(__file__).with_name("lua")

Argument = str | bytes | int | float
Clock = Callable[[], float]


def time_argument(clock: Clock | None) -> str:
    """The time a script goes by: empty for the clock of Redis itself, which all workers share; tests give their own."""
    return "" if clock is None else f"{clock():.6f}"


class Script:
    """One script; running it sends its text only where the server does not know it yet."""

    def __init__(self, name: str, *preludes: str) -> None:
        """`preludes` name files of functions put before the script's own text."""
        self.text = "\n".join((LUA / f"{part}.lua").read_text(encoding="utf-8") for part in (*preludes, name))
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: Sequence[str], args: Sequence[Argument]) -> Sequence[Argument]:
        """What runs the script where the server knows it, and is refused elsewhere."""
        return "EVALSHA", self.sha, len(keys), *keys, *args

    def command_with_text(self, keys: Sequence[str], args: Sequence[Argument]) -> Sequence[Argument]:
        """What runs the script wherever it is sent."""
        return "EVAL", self.text, len(keys), *keys, *args

    def __call__(self, redis: Redis, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script atomically and give its answer as Redis gives it."""
        try:
            return redis.execute_command(*self.command(keys, args))
        except NoScriptError:
            return redis.execute_command(*self.command_with_text(keys, args))
