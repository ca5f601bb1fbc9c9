"""What a receipt decides: which window its job replaces, which of two jobs is newer, and whether the rows are right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from examples.consumer.entries import Receipt

WINDOW = ("connection", "report", "params", "window")


def window_name(receipt: Receipt) -> str:
    """The name of what the job replaces: two jobs have the same name if the later one restates the earlier one.

    The parameters are part of it: the same dates for another account, or with other dimensions, are other rows.
    """
    named = {name: receipt.get(name) for name in WINDOW}
    return json.dumps(named, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def ready_at(receipt: Receipt) -> str:
    """When the report was ready, as text that sorts by time: YYYY-MM-DDThh:mm:ss.mmmZ; empty if not stated."""
    return receipt.get("ready_at") or ""


def provable_digest(receipt: Receipt) -> str | None:
    """The digest that the rows must have; None if it also covers dead rows, which are in another stream."""
    return None if receipt.get("dead_rows") else receipt.get("digest")


def digest(rows: Iterable[tuple[int, str]], pages: int) -> str:
    """A report's digest, from pairs of page and row in the order of their addresses.

    It is SHA-256 over the hexadecimal SHA-256 of all pages in order; a page's runs over its rows, each with a newline.
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
