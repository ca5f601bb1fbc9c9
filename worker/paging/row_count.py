"""The vendor's count of rows, said more than once: by the poll, by each page."""

from __future__ import annotations

from worker.errors import StartOver


def settled(known: int | None, said: int | None, *, capped_at: int | None = None) -> int | None:
    """The count that holds from now on. The first one said stands; StartOver where a later one contradicts it.

    A count at its cap says only "at least", so it contradicts no greater one.
    """
    if said is None or said < 0 or said == known:
        return known
    if known is None:
        return said
    if capped_at in (known, said) and min(known, said) == capped_at:
        return known
    raise StartOver(f"the vendor counted {known} rows in all, now {said}")
