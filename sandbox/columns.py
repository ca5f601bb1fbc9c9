"""The kinds of columns, and sample values for them; the same seed always gives the same values."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

ColumnKind = Literal[
    "count", "id", "big_id", "decimal", "text", "time", "hour", "flag", "version", "minutes",
    "app", "country", "currency", "language", "platform", "sub_id", "zone",
]  # fmt: skip
Style = Literal["numbers", "strings", "mixed", "null", "empty", "unquoted", "long"]

CARRIER_ORDER: tuple[ColumnKind, ...] = ("count", "id", "big_id", "decimal", "text", "version")
NUMBERS: frozenset[ColumnKind] = frozenset({"count", "decimal"})

_BRANDS = (
    "Harbor Coffee", "Nordlys Outdoor", "Café Lumière", "Blue Heron Bank", "Zoë & Finn", "Pine Street Radio",
    'The "Quiet" Hotel', "Atlas, Sons & Co", "Škoda Loop", "Meridian Health", "Ōsaka Foods", "Lantern Games",
)  # fmt: skip
_SEASONS = ("Spring", "Summer", "Autumn", "Winter", "Launch", "Always On", "Retargeting")
_WORDS: dict[str, tuple[str, ...]] = {
    "app": ("com.lantern.games", "io.harborcoffee.app", "org.pinestreet.radio"),
    "country": ("US", "GB", "AU", "DE", "JP", "BR"),
    "currency": ("USD", "EUR", "AUD", "JPY"),
    "language": ("en", "de", "ja", "pt-BR"),
    "platform": ("iOS", "Android", "Windows", "macOS", "Linux"),
    "zone": ("America/Chicago", "Pacific/Honolulu", "Australia/Sydney", "UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a report. The column that `is_carrier` holds the row's own number, from 1."""

    name: str
    kind: ColumnKind
    is_carrier: bool = False


def with_carrier(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The same columns, but one of them carries the row number, so that no two rows are equal."""
    if not columns:
        return columns
    kinds = [column.kind for column in columns]
    place = next((kinds.index(kind) for kind in CARRIER_ORDER if kind in kinds), 0)
    kind = columns[place].kind if columns[place].kind in CARRIER_ORDER else "text"
    carrier = replace(columns[place], kind=kind, is_carrier=True)
    return (*columns[:place], carrier, *columns[place + 1 :])


_SAMPLES: dict[str, Callable[[Random], str]] = {
    "count": lambda random: str(random.randint(0, 99_999)),
    "id": lambda random: str(random.randint(1_000_000, 9_999_999)),
    "big_id": lambda random: f"2{random.randint(0, 10**18 - 1):018d}",
    # The trailing zeros are there on purpose: a client must keep all digits of 57.1000.
    "decimal": lambda random: f"{random.randint(0, 9_999)}.{random.randint(0, 99):02d}00",
    "text": lambda random: f"{random.choice(_BRANDS)} {random.choice(_SEASONS)} {random.randint(2023, 2026)}",
    "hour": lambda random: f"202603{random.randint(1, 28):02d}{random.randint(0, 23):02d}",
    "flag": lambda random: random.choice(("true", "false")),
    "minutes": lambda random: str(random.choice((-600, -300, 0, 600))),
    "sub_id": lambda random: f"aff-{random.randint(1, 400):04d}",
    "version": lambda random: f"{random.randint(4, 18)}.{random.randint(0, 20)}.{random.randint(0, 9)}",
}

_CARRIED = {"big_id": "4%018d", "decimal": "%d.5000", "text": "Campaign %d", "version": "%d.0"}
_BARE: frozenset[ColumnKind] = frozenset({"id", "hour", "flag", "minutes"})


def sample(column: Column, random: Random, bucket: str) -> str:
    """One value as plain text; that of the carrier has a `%d` for the row number."""
    if column.kind == "time":
        return bucket
    words = _WORDS.get(column.kind)
    # Drawn for the carrier too, although unused, so that the values of the others do not depend on which one carries.
    drawn = random.choice(words) if words else _SAMPLES[column.kind](random)
    if column.is_carrier:
        return _CARRIED.get(column.kind, "%d")
    # The value becomes part of a template for %, so its own % signs must be doubled.
    return drawn.replace("%", "%%")


def json_value(column: Column, text: str, style: Style, place: int) -> str:
    """A value as it is written in a JSON row; `place` is the index of the row in its block."""
    if column.kind not in NUMBERS:
        is_bare = column.kind in _BARE or (column.kind == "big_id" and style == "unquoted")
        return text if is_bare else json.dumps(text, ensure_ascii=False)
    if not column.is_carrier:
        if style in ("null", "empty") and place % 3 == 1:
            return "null" if style == "null" else '""'
        if style == "long" and column.kind == "decimal":
            return f"{text}000000000000000001"
    is_text = style in ("strings", "null", "empty") or (style == "mixed" and place % 2 == 0)
    return f'"{text}"' if is_text else text
