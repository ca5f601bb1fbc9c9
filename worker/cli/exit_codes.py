"""How a command ends: its exit code, and the one line that says why."""

from __future__ import annotations

import sys

from config.settings import BadSetting
from worker.errors import BadInput, MillraceError

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_RUNNING = 0, 1, 2, 3
EXIT_INTERRUPTED = 130


def ending(error: Exception) -> tuple[int, str] | None:
    """Exit code and line for an error a person can act on; None for a mistake of ours, which keeps its traceback."""
    if isinstance(error, BadInput | BadSetting):
        return EXIT_USAGE, str(error)
    if isinstance(error, MillraceError):
        return EXIT_FAILED, str(error)
    if isinstance(error, OSError):
        return EXIT_FAILED, f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return _of_redis(error)


def _of_redis(error: Exception) -> tuple[int, str] | None:
    # Imported only where something imported it already: what never spoke to Redis need not load its client now.
    errors = sys.modules.get("redis.exceptions")
    if errors is None or not isinstance(error, errors.RedisError):
        return None
    return EXIT_FAILED, f"Redis (MILLRACE_REDIS_URL): {error}"
