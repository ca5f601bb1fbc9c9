"""Writes the page about the sandbox: `python -m sandbox.reference > docs/sandbox.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.resources import files

from sandbox.dial import SECTIONS
from sandbox.faults.kind import EVERY_ROLE, JSON_ROLES, ROW_ROLES
from sandbox.settings import Settings

_NAMED_ROLES = {EVERY_ROLE: "every exchange", ROW_ROLES: "rows in any form", JSON_ROLES: "rows as JSON"}


def page() -> str:
    """The whole page: the prose in `reference.md`, and the tables of settings and kinds."""
    prose = files("sandbox").joinpath("reference.md").read_text(encoding="utf-8")
    settings = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = json.dumps(field.get_default(call_default_factory=True))
        settings.append(f"| `{name}` | `{default}` | {field.description} |")
    return prose.replace("{settings}", "\n".join(settings)).replace("{kinds}", "\n".join(_kinds()))


def _kinds() -> Iterator[str]:
    """A table for each section of the dial."""
    for title, kinds in SECTIONS.items():
        yield f"### {title}\n"
        yield "| kind | falls on | arguments | what happens |"
        yield "| --- | --- | --- | --- |"
        for kind in kinds:
            args = "<br>".join(f"`{name}`: {words}" for name, words in kind.describe()["args"].items())
            roles = _NAMED_ROLES.get(kind.roles) or ", ".join(sorted(kind.roles))
            vendors = f" ({', '.join(sorted(kind.vendors))})" if len(kind.vendors) == 2 else ""
            yield f"| `{kind.name}` | {roles}{vendors} | {args} | {kind.meaning} |".replace("`|`", r"`\|`")
        yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
