"""What one case is: a vendor, the source file beside it, and how the job has to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.fake_vendor import Vendor

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
    credentials: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        return SOURCES / f"{self.name}.yaml"
