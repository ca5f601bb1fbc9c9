"""Runs the Lua scripts in `worker/lua/` in Redis, by their SHA-1. Each script is one atomic step."""

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
    """The time for a script: empty for the clock of Redis, which all workers share; tests give a clock of their own."""
    return "" if clock is None else f"{clock():.6f}"


class Script:
    """One script. Its text is sent only if the server does not know it yet."""

    def __init__(self, name: str, *preludes: str) -> None:
        """`preludes` name files of functions that are put before the script."""
        self.text = "\n".join((LUA / f"{part}.lua").read_text(encoding="utf-8") for part in (*preludes, name))
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: Sequence[str], args: Sequence[Argument]) -> Sequence[Argument]:
        """The command that runs the script on a server that knows it; another server answers NOSCRIPT."""
        return "EVALSHA", self.sha, len(keys), *keys, *args

    def command_with_text(self, keys: Sequence[str], args: Sequence[Argument]) -> Sequence[Argument]:
        """The command that runs the script on any server."""
        return "EVAL", self.text, len(keys), *keys, *args

    def __call__(self, redis: Redis, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script atomically; returns redis-py's answer."""
        try:
            return redis.execute_command(*self.command(keys, args))
        except NoScriptError:
            return redis.execute_command(*self.command_with_text(keys, args))
