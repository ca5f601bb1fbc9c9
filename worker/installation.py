"""Where Millrace is installed, whether its packages are its own, and how its processes are started.

The names `config`, `tasks` and `worker` are common: the user's directory may hold those of another program.
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
        place = Path(spec.origin).resolve() if spec and spec.origin else None
        is_ours = place == HOME / name / "__init__.py" and getattr(import_module(name), "OWNER", None) == "millrace"
        if not is_ours:
            sys.exit(
                f"millrace: the package {name!r} at {place or 'no file'} is not that of Millrace in {HOME}; "
                f"start where Python finds no other {name!r} first, or remove the one that took its place"
            )
