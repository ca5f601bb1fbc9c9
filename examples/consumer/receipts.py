"""What a receipt decides: what its job replaces, which of two jobs stands, whether the rows here are the right ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from examples.consumer.entries import Receipt

WINDOW = ("connection", "report", "params", "window")


def window_name(receipt: Receipt) -> str:
    """What the job replaces: equal for two jobs exactly where the later one restates the earlier.

    The parameters belong to it: the same dates of another account, or by other dimensions, are other rows.
    """
    named = {name: receipt.get(name) for name in WINDOW}
    return json.dumps(named, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def ready_at(receipt: Receipt) -> str:
    """When the vendor had the report ready, as text that sorts by time: YYYY-MM-DDThh:mm:ss.mmmZ; empty: never said."""
    return receipt.get("ready_at") or ""


def provable_digest(receipt: Receipt) -> str | None:
    """The digest the rows must have; None where it also covers dead rows, which stand in another stream."""
    return None if receipt.get("dead_rows") else receipt.get("digest")


def digest(rows: Iterable[tuple[int, str]], pages: int) -> str:
    """A report's digest, from (page, row) in the order of their addresses.

    SHA-256 over the hexadecimal SHA-256 of each page from the first to the last, which runs over its rows, each
    followed by a newline.
    """
    found = {page: _page_digest(content for _, content in group) for page, group in groupby(rows, key=itemgetter(0))}
    empty = _page_digest(())
    report = hashlib.sha256()
    for page in range(1, max([pages, *found]) + 1):
        report.update(found.get(page, empty).encode("ascii"))
    return report.hexdigest()


def _page_digest(rows: Iterable[str]) -> str:
    page = hashlib.sha256()
    for content in rows:
        page.update(content.encode())
        page.update(b"\n")
    return page.hexdigest()
