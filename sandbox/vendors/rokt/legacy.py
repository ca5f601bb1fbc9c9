"""What a request for Rokt's legacy reports may contain: dates, currency, time zone, groupby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.vendors.dates import between
from sandbox.vendors.rokt.shapes import Shape
from sandbox.vendors.schema import BadRequest, Schema

DOCUMENTED_ZONES = ("America/Chicago", "Pacific/Honolulu", "Australia/Sydney")


@dataclass(frozen=True, slots=True)
class LegacyRequest:
    """A legacy request that passed."""

    begin: datetime
    end: datetime
    group: str | None

    def days(self) -> tuple[str, ...]:
        """The days of the range as the histogram writes them."""
        return tuple(moment.strftime("%Y-%m-%dT00:00:00.000") for moment in between(self.begin, self.end, "day"))


def read_legacy_request(
    query: Mapping[str, str], shape: Shape | None, *, spellings: tuple[str, ...] = ("groupby",), is_strict: bool = False
) -> LegacyRequest:
    """The request in these query parameters. Raises BadRequest if one is missing, unknown or wrong.

    `spellings` are the names groupby may have, `is_strict` allows the documented time zones alone.
    """
    spelt = {"groupby" if name in spellings else name: value for name, value in query.items()}
    definitions = {"groups": {"enum": list(shape.groups)} if shape and shape.groups else False}
    if is_strict:
        definitions["zone"] = {"enum": list(DOCUMENTED_ZONES)}
    Schema("sandbox.vendors.rokt", "legacy.json", **definitions).check(spelt)
    begin, end = datetime.fromisoformat(query["dateStart"]), datetime.fromisoformat(query["dateEnd"])
    if end < begin:
        raise BadRequest("dateEnd is before dateStart")
    group = spelt.get("groupby", shape.default_group) if shape and shape.groups else None
    if shape and shape.groups and group is None:
        raise BadRequest(f"groupby must be one of: {', '.join(shape.groups)}")
    # A date alone means its midnight, so a range of one date and itself holds nothing but is allowed.
    return LegacyRequest(begin, max(end, begin + timedelta(seconds=1)), group)
