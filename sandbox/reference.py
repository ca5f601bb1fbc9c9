"""Writes the page about the sandbox: `python -m sandbox.reference > docs/sandbox.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from importlib.resources import files

from sandbox.faults.kind import EVERY_ROLE, JSON_ROLES, ROW_ROLES, Kind
from sandbox.kinds import SECTIONS
from sandbox.settings import Settings

_NAMED_ROLES = {EVERY_ROLE: "every exchange", ROW_ROLES: "rows in any form", JSON_ROLES: "rows as JSON"}


def page() -> str:
    """The whole page: the prose beside this module, and the tables of settings and kinds."""
    prose = files("sandbox").joinpath("reference.md").read_text(encoding="utf-8")
    return prose.replace("{settings}", "\n".join(_settings())).replace("{kinds}", "\n".join(_sections()))


def _settings() -> Iterator[str]:
    yield "| setting | default | meaning |"
    yield "| --- | --- | --- |"
    for name, field in Settings.model_fields.items():
        default = json.dumps(field.get_default(call_default_factory=True))
        yield f"| `{name}` | `{default}` | {field.description} |"


def _sections() -> Iterator[str]:
    for title, kinds in SECTIONS.items():
        yield f"### {title}"
        yield ""
        yield from _table(kinds)
        yield ""


def _table(kinds: Iterable[Kind]) -> Iterator[str]:
    yield "| kind | falls on | arguments | what happens |"
    yield "| --- | --- | --- | --- |"
    for kind in kinds:
        args = "<br>".join(f"`{name}`: {arg.wording()}" for name, arg in kind.args.items())
        vendors = f" ({', '.join(sorted(kind.vendors))})" if len(kind.vendors) == 2 else ""
        yield f"| `{kind.name}` | {_roles(kind)}{vendors} | {args} | {kind.meaning} |".replace("`|`", r"`\|`")


def _roles(kind: Kind) -> str:
    return _NAMED_ROLES.get(kind.roles) or ", ".join(sorted(kind.roles))


if __name__ == "__main__":
    sys.stdout.write(page())
