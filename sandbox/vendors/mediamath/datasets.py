"""What each MediaMath dataset offers: fields, windows, rollups, as the vendor publishes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset. `has_range` says whether start_time may be asked for."""

    name: str
    dimensions: frozenset[str]
    metrics: frozenset[str]
    windows: tuple[str, ...]
    rollups: tuple[str, ...]
    zones: tuple[str, ...]
    has_range: bool

    @property
    def fields(self) -> frozenset[str]:
        """Everything that can be asked for."""
        return self.dimensions | self.metrics


@lru_cache(maxsize=1)
def datasets() -> dict[str, Dataset]:
    """All datasets by name, read once from `datasets.json`."""
    facts = json.loads(files(__package__).joinpath("datasets.json").read_text(encoding="utf-8"))
    found = {}
    for mark, name in facts["marks"].items():
        about = facts["datasets"][name]
        found[name] = Dataset(
            name,
            frozenset(field for field, marks in facts["dimensions"].items() if mark in marks),
            frozenset(field for field, marks in facts["metrics"].items() if mark in marks),
            tuple(about["windows"]),
            tuple(about["rollups"]),
            tuple(about["zones"]),
            about["has_range"],
        )
    return found
