"""Where Millrace lies, whether `config` and `tasks` are its own, and how its processes are started.

The names of its packages are common: a user's directory may hold a `tasks.py` or a `config/` of another program.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]

Command = tuple[str, ...]


def python_module(name: str) -> Command:
    """`python -m` of a module of ours; the working directory is not searched for it."""
    return (sys.executable, "-P", "-m", name)


def refuse_strangers() -> None:
    """Exit with one sentence where another program's package would be taken for ours."""
    for name in ("config", "tasks"):
        spec = find_spec(name)
        place = Path(spec.origin).resolve() if spec and spec.origin else None
        is_ours = place == HOME / name / "__init__.py" and getattr(import_module(name), "OWNER", None) == "millrace"
        if not is_ours:
            sys.exit(
                f"millrace: the package {name!r} at {place or 'no file'} is not that of Millrace in {HOME}; "
                f"start where Python finds no other {name!r} first, or remove the one that took its place"
            )
