"""Exit codes, and the exit code and message for an error that ends a command."""

from __future__ import annotations

import sys

from config.settings import BadSetting
from worker.errors import BadInput, MillraceError

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_RUNNING = 0, 1, 2, 3
EXIT_INTERRUPTED = 130
MOST_FAILURES_COUNTED = 100
"""The largest exit code that is a number of failures: shells use codes from 126 on for other meanings."""


def explain_exit(error: Exception) -> tuple[int, str] | None:
    """Exit code and message for an error that a person can act on; None for a bug, which keeps its traceback."""
    if isinstance(error, BadInput | BadSetting):
        return EXIT_USAGE, str(error)
    if isinstance(error, MillraceError):
        return EXIT_FAILED, str(error)
    if isinstance(error, OSError):
        return EXIT_FAILED, f"{error.filename}: {error.strerror}" if error.filename else str(error)
    # Not imported, because a command that did not use Redis should not load its client now.
    redis_errors = sys.modules.get("redis.exceptions")
    if redis_errors is not None and isinstance(error, redis_errors.RedisError):
        return EXIT_FAILED, f"Redis (MILLRACE_REDIS_URL): {error}"
    return None
