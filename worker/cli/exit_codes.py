"""How a command ends: its exit code, and the one line that says why."""

from __future__ import annotations

import sys

from config.settings import BadSetting
from worker.errors import BadInput, MillraceError

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_RUNNING = 0, 1, 2, 3
EXIT_INTERRUPTED = 130
MOST_FAILURES_COUNTED = 100
"""Where the exit code is a number of failures. Shells give codes from 126 on a meaning of their own."""


def explain_exit(error: Exception) -> tuple[int, str] | None:
    """Exit code and message for an error a person can act on; None for a mistake of ours, which keeps its traceback."""
    if isinstance(error, BadInput | BadSetting):
        return EXIT_USAGE, str(error)
    if isinstance(error, MillraceError):
        return EXIT_FAILED, str(error)
    if isinstance(error, OSError):
        return EXIT_FAILED, f"{error.filename}: {error.strerror}" if error.filename else str(error)
    # Not imported here: a command that did not use Redis should not have to load its client now.
    redis_errors = sys.modules.get("redis.exceptions")
    if redis_errors is not None and isinstance(error, redis_errors.RedisError):
        return EXIT_FAILED, f"Redis (MILLRACE_REDIS_URL): {error}"
    return None
