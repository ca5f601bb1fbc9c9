"""Writes dates by a format of strftime's letters, with the same result on every system and in every locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from worker.errors import BadInput

OF_A_TIME = frozenset("HMSzs")
WITH_AN_OFFSET = frozenset("zs")
"""Letters that a day cannot fill, and letters that a time without an offset cannot."""

_DIRECTIVE = re.compile(r"%(-?)(.?)", re.DOTALL)
_LETTERS = frozenset("YmdHMSyjbzs%")
_WITHOUT_ZEROS = frozenset("mdHMSj")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ALLOWED = "the letters %Y %m %d %H %M %S %y %j %b %z %s %%, and - for no zeros in front, as in %-d"


def check_form(form: str, where: str) -> frozenset[str]:
    """The letters of a form. Raises BadInput for an unknown letter, and for a form without any."""
    found = _DIRECTIVE.findall(form)
    for flag, letter in found:
        if letter not in _LETTERS or not letter or (flag and letter not in _WITHOUT_ZEROS):
            raise BadInput(where, f"%{flag}{letter}", _ALLOWED)
    letters = frozenset(letter for _, letter in found) - {"%"}
    if not letters:
        raise BadInput(where, form, _ALLOWED)
    return letters


def write_date(at: datetime, form: str) -> str:
    """A moment in a checked form; %s is seconds since the epoch. A time without an offset is taken as UTC."""

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
