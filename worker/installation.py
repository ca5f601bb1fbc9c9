"""Checks that Python imports Millrace's own packages, and builds the commands that start its modules.

The names `config`, `tasks` and `worker` are common: the working directory may have packages of another program.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]

Command = tuple[str, ...]


def python_module(name: str) -> Command:
    """The command that runs one of our modules; -P keeps Python from looking for it in the working directory."""
    return (sys.executable, "-P", "-m", name)


def check_own_packages() -> None:
    """Exit with one sentence if Python would import another program's package instead of ours."""
    for name in ("config", "tasks", "worker"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        is_ours = found == HOME / name / "__init__.py" and getattr(import_module(name), "OWNER", None) == "millrace"
        if not is_ours:
            sys.exit(
                f"millrace: the package {name!r} at {found or 'no file'} is not that of Millrace in {HOME}; "
                f"start in a directory without another {name!r}, or remove the other one from Python's path"
            )
