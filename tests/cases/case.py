"""What one case is: a vendor, the source file beside it, and how the job has to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fake_vendor import Answer, Vendor

SOURCES = Path(__file__).parents[1] / "fixtures" / "cases"


@dataclass(frozen=True)
class Case:
    """A vendor made by `vendor`, anew for each run, and the end: so many `rows`, or a failure that says `fails`.

    The source file is `tests/fixtures/cases/NAME.yaml`; its one report is called `r`. `at_most` bounds the requests.
    """

    name: str
    vendor: Callable[[], Vendor]
    rows: int = 0
    fails: tuple[str, ...] = ()
    at_most: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    connection: Mapping[str, Any] = field(default_factory=dict)
    ids: Callable[[dict[str, Any]], object] = lambda row: row["id"]

    @property
    def source(self) -> Path:
        return SOURCES / f"{self.name}.yaml"


class Cases(list[Case]):
    """The cases of one area, in the order in which they are added."""

    def add(self, name: str, **end: Any) -> Callable[[Vendor], Vendor]:
        """Adds what stands below it: a vendor that remembers nothing."""

        def kept(respond: Vendor) -> Vendor:
            self.append(Case(name, lambda: respond, **end))
            return respond

        return kept

    def add_anew(self, name: str, **end: Any) -> Callable[[Callable[[], Vendor]], Callable[[], Vendor]]:
        """Adds what stands below it: a function that makes a vendor, since this one remembers what it was asked."""

        def kept(make: Callable[[], Vendor]) -> Callable[[], Vendor]:
            self.append(Case(name, make, **end))
            return make

        return kept

    def answer(self, name: str, answer: Answer, **end: Any) -> None:
        """Adds a vendor that answers everything so."""
        self.add(name, **end)(lambda _: answer)


def ids(start: int, end: int) -> list[dict[str, int]]:
    """Rows that differ."""
    return [{"id": number} for number in range(start, max(start, end))]
