"""The dial: rules that say which exchanges go wrong, how, and how many times."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults.kind import Kind, Role
from sandbox.kinds import KINDS

Args = Mapping[str, Any]

VENDORS = ("kargo", "mediamath", "rokt", "instal")
MATCHES: dict[str, type] = {
    "endpoint": str,
    "role": str,
    "path": str,
    "report": str,
    "page": int,
    "offset": int,
    "nth": int,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exchange belongs. `page` is MediaMath's page_index, `offset` is Kargo's; `names` are its report's."""

    vendor: str
    endpoint: str
    role: Role
    path: str
    names: tuple[str, ...] = ()
    page: int | None = None
    offset: int | None = None


class BadRule(ValueError):
    """A rule cannot be used; the message says which part of it and what is allowed."""


@dataclass(slots=True)
class Rule:
    """One fault and where it falls. `seen` counts the exchanges that match, `fired` those it fell on."""

    kind: Kind
    args: Args
    vendor: str | None = None
    match: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    seen: int = 0
    fired: int = 0

    def falls_on(self, place: Place) -> bool:
        """Does the rule fall on this exchange? Counts it, so it must be called once for each exchange."""
        if not self._matches(place):
            return False
        self.seen += 1
        if self.match.get("nth", self.seen) != self.seen:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True

    def _matches(self, place: Place) -> bool:
        if self.vendor not in (None, place.vendor):
            return False
        if place.role not in self.kind.roles or (self.kind.vendors and place.vendor not in self.kind.vendors):
            return False
        # Every client starts with a token, so a rule falls on that exchange only if it says so.
        is_meant = self.kind.roles == {"token"} or {"endpoint", "role", "path"} & self.match.keys()
        if place.role == "token" and not is_meant:
            return False
        match = {**self.match}
        match.pop("nth", None)
        path, report = match.pop("path", None), match.pop("report", None)
        is_there = (path is None or re.search(path, place.path)) and (report is None or report in place.names)
        return bool(is_there) and all(getattr(place, name) == wanted for name, wanted in match.items())

    def shown(self) -> dict[str, Any]:
        """The rule as it was given, with its counts."""
        return {
            "kind": self.kind.name,
            "vendor": self.vendor,
            "match": self.match,
            "args": dict(self.args),
            "times": self.times,
            "seen": self.seen,
            "fired": self.fired,
        }


class Dial:
    """The rules in force. If two rules of a kind fall on an exchange, the earlier one is applied."""

    def __init__(self, rules: list[dict[str, Any]] | None = None) -> None:
        self._guard = threading.Lock()
        self._rules = [read_rule(rule) for rule in rules or []]

    def turn(self, rules: list[dict[str, Any]], *, is_added: bool = False) -> None:
        """Put these rules in force, in addition to or instead of the present ones. BadRule changes nothing."""
        read = [read_rule(rule) for rule in rules]
        with self._guard:
            self._rules = [*self._rules, *read] if is_added else read

    def falling_on(self, place: Place) -> dict[str, Args]:
        """The faults of one exchange: kinds and their arguments."""
        faults: dict[str, Args] = {}
        # Under the lock, because asking a rule counts: two exchanges must not both be the first.
        with self._guard:
            for rule in self._rules:
                if rule.kind.name not in faults and rule.falls_on(place):
                    faults[rule.kind.name] = rule.args
        return faults

    def shown(self) -> list[dict[str, Any]]:
        """The rules in force, with their counts."""
        with self._guard:
            return [rule.shown() for rule in self._rules]


def read_rule(rule: Any) -> Rule:
    """A rule from JSON; BadRule if a name, a type or a value is not allowed."""
    if not isinstance(rule, dict):
        raise BadRule("a rule is an object with kind, and vendor, match, args and times where wanted")
    _refuse_unknown(rule, ("kind", "vendor", "match", "args", "times", "seen", "fired"), "a rule")
    kind = KINDS.get(rule.get("kind", ""))
    if kind is None:
        raise BadRule(f"kind {rule.get('kind')!r} is none of: {', '.join(sorted(KINDS))}")
    vendor, times = rule.get("vendor"), rule.get("times")
    if vendor not in (None, *VENDORS):
        raise BadRule(f"vendor {vendor!r} is none of: {', '.join(VENDORS)}")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise BadRule(f"times {times!r} must be an integer from 1, or null for always")
    return Rule(kind, _read_args(kind, rule.get("args") or {}), vendor, _read_match(rule.get("match") or {}), times)


def _read_args(kind: Kind, given: dict[str, Any]) -> Args:
    _refuse_unknown(given, tuple(kind.args), f"args of {kind.name}")
    for name, arg in kind.args.items():
        if name not in given and arg.is_required:
            raise BadRule(f"args of {kind.name} lack {name} ({arg.wording()})")
        if name in given and not arg.accepts(given[name]):
            raise BadRule(f"args of {kind.name}: {name} is {given[name]!r}, not {arg.wording()}")
    return {name: given.get(name, arg.default) for name, arg in kind.args.items()}


def _read_match(given: dict[str, Any]) -> dict[str, Any]:
    _refuse_unknown(given, tuple(MATCHES), "match")
    for name, value in given.items():
        if not isinstance(value, MATCHES[name]) or isinstance(value, bool):
            raise BadRule(f"match: {name} is {value!r}, not of type {MATCHES[name].__name__}")
    if "path" in given:
        try:
            re.compile(given["path"])
        except re.error as mistake:
            raise BadRule(f"match: path is no regular expression: {mistake}") from None
    return dict(given)


def _refuse_unknown(given: Any, allowed: tuple[str, ...], where: str) -> None:
    if not isinstance(given, dict):
        raise BadRule(f"{where} must be an object")
    unknown = sorted(given.keys() - set(allowed))
    if unknown:
        raise BadRule(f"{where}: {', '.join(unknown)} not among {', '.join(allowed) or 'nothing'}")
