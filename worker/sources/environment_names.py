"""Expands environment variables in YAML files: `$NAME`, `${NAME}`, `${NAME:-default}`; `$$` is a dollar sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.settings import PREFIX, SETTING_NAMES, unknown_variables
from worker.errors import BadInput
from worker.suggestions import close_names

Environment = Callable[[str], str | None]

_VARIABLE = r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})"
_WHOLE = re.compile(_VARIABLE)
_INSIDE = re.compile(r"\$\$|" + _VARIABLE)


def expand_variables(value: Any, environment: Environment, where: str) -> Any:
    """A value with the variables in its texts replaced. Raises BadInput if one is not set and has no default."""
    if isinstance(value, dict):
        return {key: expand_variables(part, environment, f"{where}.{key}") for key, part in value.items()}
    if isinstance(value, list):
        return [expand_variables(part, environment, f"{where}.{position}") for position, part in enumerate(value)]
    if not isinstance(value, str):
        return value

    def text_of(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name = found[1] or found[2]
        text = environment(name) or found[3]
        if text is None:
            raise BadInput(where, found[0], f"{name} set in the environment, or a default: ${{{name}:-default}}")
        return text

    return _INSIDE.sub(text_of, value)


def variables_in(text: str) -> list[str]:
    """The names of the variables in a text."""
    return [found[1] or found[2] for found in _INSIDE.finditer(text) if found[0] != "$$"]


def describe_unknown_variables(connections: Path) -> list[str]:
    """A sentence for each variable that is named like a setting, but that neither settings nor connections use."""
    text = connections.read_text(encoding="utf-8", errors="replace") if connections.is_file() else ""
    used = set(variables_in(text))
    sentences = []
    for name in unknown_variables():
        setting = name.removesuffix("_FILE")
        if setting not in used:
            # Without the prefix, which makes any two names similar.
            close = close_names(setting[len(PREFIX) :], [known[len(PREFIX) :] for known in SETTING_NAMES])
            meant = (
                f"; did you mean {PREFIX}{close[0]}{name[len(setting) :]}?" if close else ": there is no such setting"
            )
            sentences.append(f"{name} has no effect{meant}")
    return sentences


def variable_name(credential: str) -> str | None:
    """The variable that a credential names; None if the credential is a literal."""
    found = _WHOLE.fullmatch(credential)
    return (found[1] or found[2]) if found else None


def value_of(credential: str, environment: Environment) -> str | None:
    """The value of a credential: the variable's, its default, or the literal.

    It is a secret: only `worker/transport/account.py` may keep it.
    """
    found = _WHOLE.fullmatch(credential)
    if found:
        return environment(found[1] or found[2]) or found[3] or None
    return credential[1:] if credential.startswith("$$") else credential
