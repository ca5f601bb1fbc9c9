"""What Rokt's legacy reports may be asked with: dates, currency, time zone, groupby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.dates import between, read_date
from sandbox.rokt_shapes import Shape

CURRENCIES = ("AUD", "CAD", "EUR", "GBP", "JPY", "NZD", "SGD", "USD", "KRW", "CNY")
DOCUMENTED_ZONES = ("America/Chicago", "Pacific/Honolulu", "Australia/Sydney")
REQUIRED = ("dateStart", "dateEnd", "currency", "timeZoneVariation")


class BadAsk(ValueError):
    """A parameter is refused; the message names it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A legacy request that passed."""

    begin: datetime
    end: datetime
    group: str | None

    def days(self) -> tuple[str, ...]:
        """The days of the range as the histogram tells them."""
        return tuple(moment.strftime("%Y-%m-%dT00:00:00.000") for moment in between(self.begin, self.end, "day"))


def read_ask(
    query: Mapping[str, str], shape: Shape | None, *, spellings: tuple[str, ...] = ("groupby",), is_strict: bool = False
) -> Asked:
    """The request in these query parameters; BadAsk where one is missing, extra or wrong."""
    if missing := [name for name in REQUIRED if not query.get(name)]:
        raise BadAsk(f"missing: {', '.join(missing)}")
    if extra := sorted(query.keys() - {*REQUIRED, *(spellings if shape and shape.groups else ())}):
        raise BadAsk(f"unknown: {', '.join(extra)}")
    begin, end = read_date(query["dateStart"]), read_date(query["dateEnd"])
    if begin is None or end is None or end < begin:
        raise BadAsk("dateStart and dateEnd must be dates, in this order")
    if query["currency"] not in CURRENCIES:
        raise BadAsk(f"currency {query['currency']!r} is not supported")
    check_zone(query["timeZoneVariation"], is_strict=is_strict)
    # A date alone means its midnight, so a range of one date and itself holds nothing but is allowed.
    return Asked(begin, max(end, begin + timedelta(seconds=1)), _group(query, shape, spellings))


def check_zone(zone: object, *, is_strict: bool = False) -> None:
    """BadAsk unless this is an Olson zone; strictly, one of the three documented."""
    if is_strict and zone not in DOCUMENTED_ZONES:
        raise BadAsk(f"time zone {zone!r} is not supported")
    try:
        ZoneInfo(str(zone))
    except (KeyError, ValueError, OSError):
        raise BadAsk(f"time zone {zone!r} does not exist") from None


def _group(query: Mapping[str, str], shape: Shape | None, spellings: tuple[str, ...]) -> str | None:
    if shape is None or not shape.groups:
        return None
    group = next((query[name] for name in spellings if name in query), shape.default_group)
    if group not in shape.groups:
        raise BadAsk(f"groupby must be one of: {', '.join(shape.groups)}")
    return group
