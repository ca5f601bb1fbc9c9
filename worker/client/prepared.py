"""A report the vendor has prepared, as far as we know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prepared:
    """What earlier steps learned: the vendor's id of the report, where its rows are, how many, and until when.

    `links` are where the poll said the rows are: several where the report comes in several files, page N in file N.
    `total` is the count pages have agreed on so far, `promised` the one the poll gave, which counts where no page gives
    one. `poll_link` is where to ask whether the report is ready, where the
    vendor gave an address of its own for that.
    """

    report_id: str | None = None
    links: tuple[str, ...] = ()
    total: int | None = None
    expires_at: float | None = None
    poll_link: str | None = None
    promised: int | None = None
