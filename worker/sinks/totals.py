"""What the closed pages of a report add up to, the same for every sink."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from worker.model import Checkpoint, Totals


def totals(pages: Iterable[Checkpoint]) -> Totals:
    """Add up a report's pages, given in their order.

    The report's digest is SHA-256 over the pages' digests in page order, each as 64 lower-case hexadecimal digits in
    ASCII with nothing between them.
    """
    count = rows = dead_rows = bytes_ = 0
    digest = hashlib.sha256()
    for page in pages:
        count += 1
        rows += page.rows - page.dead_rows
        dead_rows += page.dead_rows
        bytes_ += page.bytes
        digest.update(page.digest.encode("ascii"))
    return Totals(count, rows, dead_rows, bytes_, digest.hexdigest())
