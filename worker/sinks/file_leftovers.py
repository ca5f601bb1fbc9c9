"""Takes away what nobody will read: temporary files of writers that are gone, rows of generations that are void."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

ROWS = re.compile(r"page-\d{5,}(\.part-\d{4,})?(\.dead)?\.ndjson(\.gz|\.zst)?")
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


def remove_leftovers(directory: Path, keep: Collection[str] = ()) -> None:
    """Remove rows and temporary files in a directory but those to keep; whatever else is there stays.

    A writer that is still at it loses nothing by it: its part's number is taken, or its generation void.
    """
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        is_ours = ROWS.fullmatch(path.name) or TEMPORARY.fullmatch(path.name)
        if is_ours and path.name not in keep:
            path.unlink(missing_ok=True)
