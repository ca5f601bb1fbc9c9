"""Finds, in the vendor's list of reports, one we asked for without hearing the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from worker.client.moments import moment
from worker.json_path import find
from worker.sources.schema import Adoption

MARGIN_SECONDS = 5.0
"""The vendor's clock may run behind ours, and it may note whole seconds only."""


def latest_match(
    adoption: Adoption, listed: Iterable[Any], wanted: Mapping[str, Any], since: float
) -> tuple[float, str] | None:
    """When the latest report that is as wanted was made, not before `since`, and its id; None where there is none."""
    found = []
    for report in listed:
        made_at, report_id = moment(find(report, adoption.created_at)), find(report, adoption.id)
        if made_at is None or made_at < since - MARGIN_SECONDS or not isinstance(report_id, str | int) or not report_id:
            continue
        if all(canonical(find(report, path)) == canonical(value) for path, value in wanted.items()):
            found.append((made_at, str(report_id)))
    return max(found, default=None)


def canonical(value: Any) -> Any:
    """A value in the form two spellings of it share.

    The order of keys does not count, absent, null and empty are alike, and a number equals its digits.
    """
    if isinstance(value, Mapping):
        kept = {name: canonical(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part is not None} or None
    if isinstance(value, list | tuple):
        return [canonical(part) for part in value] or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None if value == "" else value
