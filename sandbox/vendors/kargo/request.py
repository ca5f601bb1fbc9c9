"""What a Kargo report request may say: its definition, dimensions, measures and filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.vendors.schema import BadRequest, Schema

KNOWN_DIMENSIONS = ("campaign_name", "publisher_name", "advertiser_name", "day_time_id")
KNOWN_MEASURES = ("clicks_sum", "advertiser_impressions_sum", "media_delivery_sum")
KNOWN_DEFINITIONS = ("campaign-performance-metrics",)

_REQUEST = Schema("sandbox.vendors.kargo", "request.json")


@dataclass(frozen=True, slots=True)
class Order:
    """A report request that passed."""

    definition: str
    dimensions: tuple[str, ...]
    measures: tuple[str, ...]
    parameters: dict[str, Any]

    def check_known(self) -> None:
        """BadRequest unless every name is in the samples of the vendor's documents."""
        unknown = {self.definition} - set(KNOWN_DEFINITIONS)
        unknown |= set(self.dimensions) - set(KNOWN_DIMENSIONS)
        unknown |= set(self.measures) - set(KNOWN_MEASURES)
        if unknown:
            raise BadRequest(f"unknown: {', '.join(sorted(unknown))}")


def read_order(body: Any) -> Order:
    """The request in this JSON body. Raises BadRequest if a field is missing, unknown or wrong."""
    _REQUEST.check(body)
    parameters = body["parameters"]
    names = tuple(parameters["dimensions"]), tuple(parameters["measures"])
    return Order(body["report_definition_id"], *names, parameters)
