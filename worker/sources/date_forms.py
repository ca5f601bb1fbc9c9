"""Formats dates by strftime's letters, with the same result on every system and in every locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from worker.errors import BadInput

OF_A_TIME = frozenset("HMSzs")
"""Letters for which a date without a time has no value."""
WITH_AN_OFFSET = frozenset("zs")
"""Letters for which a time without an offset has no value."""

_DIRECTIVE = re.compile(r"%(-?)(.?)", re.DOTALL)
_LETTERS = frozenset("YmdHMSyjbzs%")
_WITHOUT_ZEROS = frozenset("mdHMSj")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ALLOWED = "the letters %Y %m %d %H %M %S %y %j %b %z %s %%, with - to leave out leading zeros, as in %-d"


def check_form(form: str, where: str) -> frozenset[str]:
    """The letters used in a format. Raises BadInput for an unknown letter, and for a format without any."""
    found = _DIRECTIVE.findall(form)
    for flag, letter in found:
        if letter not in _LETTERS or not letter or (flag and letter not in _WITHOUT_ZEROS):
            raise BadInput(where, f"%{flag}{letter}", _ALLOWED)
    letters = frozenset(letter for _, letter in found) - {"%"}
    if not letters:
        raise BadInput(where, form, _ALLOWED)
    return letters


def write_date(at: datetime, form: str) -> str:
    """A moment in a format that `check_form` accepted. %s is seconds since the epoch; no offset means UTC."""

    def one(directive: re.Match[str]) -> str:
        flag, letter = directive[1], directive[2]
        # strftime's %b depends on the locale; only some C libraries know %s and %-d.
        if letter == "b":
            return _MONTHS[at.month - 1]
        if letter == "s":
            return str(int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()))
        text = at.strftime(f"%{letter}")
        return str(int(text)) if flag else text

    return _DIRECTIVE.sub(one, form)
