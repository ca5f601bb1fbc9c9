"""The dial: all kinds of faults, and the rules that say which exchanges go wrong, how, and how often."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.faults.answers import ANSWERS, SUBMITS, TOKENS
from sandbox.faults.body import BODIES
from sandbox.faults.counts import COUNTS
from sandbox.faults.kind import Args, Edit, Kind, Role, Wrap
from sandbox.faults.lines import LINES
from sandbox.faults.rows import FILES, ROWS
from sandbox.settings import explain
from sandbox.vendors.instal.faults import INSTAL
from sandbox.vendors.kargo.faults import KARGO
from sandbox.vendors.mediamath.faults import MEDIAMATH
from sandbox.vendors.rokt.faults import ROKT

SECTIONS: dict[str, Sequence[Kind]] = {
    "Tokens and submits": [*TOKENS, *SUBMITS],
    "Any answer": ANSWERS,
    "Any body": BODIES,
    "CSV files": FILES,
    "Rows": ROWS,
    "Lines of a stream": LINES,
    "Counts and pages": COUNTS,
    "Kargo": KARGO,
    "MediaMath": MEDIAMATH,
    "Rokt": ROKT,
    "Instal and storage": INSTAL,
}
KINDS: dict[str, Kind] = {kind.name: kind for kinds in SECTIONS.values() for kind in kinds}

WRAPS: dict[str, Wrap] = {name: kind.wrap for name, kind in KINDS.items() if kind.wrap}
"""In order: the first wraps the vendor's answer, each other one wraps those before it."""
EDITS: dict[str, Edit] = {name: kind.edit for name, kind in KINDS.items() if kind.edit}


@dataclass(frozen=True, slots=True)
class Place:
    """What rules can match in an exchange. `page` is MediaMath's page_index, `offset` Kargo's; `names` its report's."""

    vendor: str
    endpoint: str
    role: Role
    path: str
    names: tuple[str, ...] = ()
    page: int | None = None
    offset: int | None = None


class BadRule(ValueError):
    """A rule is not valid; the message says which part of it, and what is allowed."""


class Match(BaseModel):
    """The conditions of a rule: it falls on an exchange only if all of them are true."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    endpoint: str | None = None
    role: Role | None = None
    path: re.Pattern[str] | None = None
    report: str | None = None
    page: int | None = None
    offset: int | None = None
    nth: int | None = None

    def agrees(self, place: Place) -> bool:
        """Is everything but `nth` true of this place?"""
        given = self.model_dump(exclude={"path", "report", "nth"}, exclude_none=True)
        return (
            all(getattr(place, name) == wanted for name, wanted in given.items())
            and (self.path is None or self.path.search(place.path) is not None)
            and (self.report is None or self.report in place.names)
        )


class Rule(BaseModel):
    """One fault and the exchanges it falls on. `seen` counts exchanges that match, `fired` those it fell on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: str
    vendor: Literal["kargo", "mediamath", "rokt", "instal"] | None = None
    match: Match = Match()
    args: dict[str, Any] = {}
    times: Annotated[int, Field(ge=1)] | None = None
    seen: int = 0
    fired: int = 0

    def falls_on(self, place: Place) -> bool:
        """Does the rule fall on this exchange? Also counts it, so call this once for each exchange."""
        kind, match = KINDS[self.kind], self.match
        # Every client first fetches a token, which a rule for other exchanges must not hit.
        is_meant = kind.roles == {"token"} or match.endpoint or match.role or match.path
        if (
            (place.role == "token" and not is_meant)
            or self.vendor not in (None, place.vendor)
            or place.role not in kind.roles
            or (kind.vendors and place.vendor not in kind.vendors)
            or not match.agrees(place)
        ):
            return False
        self.seen += 1
        if match.nth not in (None, self.seen) or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True


def read_rule(given: Any) -> Rule:
    """A rule from JSON, with its counts at 0. Raises BadRule if a name, a type or a value is not allowed."""
    if not isinstance(given, dict):
        raise BadRule("a rule is an object with kind, and optionally vendor, match, args and times")
    kind = KINDS.get(str(given.get("kind")))
    if kind is None:
        raise BadRule(f"kind {given.get('kind')!r} is not one of: {', '.join(sorted(KINDS))}")
    try:
        rule = Rule.model_validate({**given, "seen": 0, "fired": 0})
    except ValidationError as errors:
        raise BadRule(f"a rule's {explain(errors)}") from None
    try:
        rule.args = kind.args.model_validate(rule.args).model_dump()
    except ValidationError as errors:
        raise BadRule(f"args of {kind.name}: {explain(errors)}; it takes {kind.describe()['args']}") from None
    return rule


class Dial:
    """The rules in force. If two rules of a kind fall on an exchange, the earlier one is applied."""

    def __init__(self, rules: Sequence[Any] = ()) -> None:
        self._guard = threading.Lock()
        self._rules: list[Rule] = []
        self.turn(rules)

    def turn(self, rules: Sequence[Any], *, is_added: bool = False) -> None:
        """Put these rules in force, in addition to or instead of the present ones. Raises BadRule and keeps those."""
        read = [read_rule(rule) for rule in rules]
        with self._guard:
            self._rules = [*self._rules, *read] if is_added else read

    def falling_on(self, place: Place) -> dict[str, Args]:
        """The faults that fall on one exchange: the arguments of each, by its kind."""
        faults: dict[str, Args] = {}
        # Under the lock, because `falls_on` counts: two exchanges must not both be the first.
        with self._guard:
            for rule in self._rules:
                if rule.kind not in faults and rule.falls_on(place):
                    faults[rule.kind] = rule.args
        return faults

    def list_rules(self) -> list[dict[str, Any]]:
        """The rules in force, with their counts."""
        with self._guard:
            return [
                {**rule.model_dump(), "match": rule.match.model_dump(mode="json", exclude_none=True)}
                for rule in self._rules
            ]
