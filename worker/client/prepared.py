"""A report the vendor has prepared, as far as we know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prepared:
    """What earlier steps learned: the vendor's id of the report, where its rows are, how many, and until when.

    `total` is the count pages have agreed on so far.
    """

    report_id: str | None = None
    link: str | None = None
    total: int | None = None
    expires_at: float | None = None
