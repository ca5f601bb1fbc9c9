"""Asks a vendor what it offers, such as its metrics, as a source file declares. Needs no Redis, publishes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from worker.client.interactive_retry import retry
from worker.client.status import Prepared
from worker.client.vendor import Vendor
from worker.errors import FailJob, MillraceError
from worker.json_path import find
from worker.paging.pager import NextPages
from worker.sources.params import resolve
from worker.sources.placeholders import names_in
from worker.sources.schema import Detail, Discovery
from worker.transport.exchange import Exchange
from worker.transport.request import compose

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RowDetails:
    """What the vendor says about one row: named lists of words, or the error it answered with."""

    title: str
    of: Mapping[str, Any]
    lists: Mapping[str, list[Any]] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Discovered:
    """The rows of one discovery as the vendor sent them, with details of all but the last `left_out` rows."""

    title: str
    report: str
    columns: tuple[str, ...]
    rows: list[bytes]
    details: list[RowDetails]
    left_out: int


def discover(exchange: Exchange, discovery: Discovery, *, most_detailed: int, say: Say) -> Discovered:
    """Ask the vendor for a list, and for details of its first `most_detailed` rows, one request each.

    Raises RetryLater or FailJob if the list cannot be had. If the details of a row cannot, its `error` says why.
    """
    rows = list(_rows(exchange, discovery, say))
    details = [
        _ask_details(exchange, detail, json.loads(row), say)
        for row in rows[:most_detailed]
        for detail in discovery.details
    ]
    left_out = max(0, len(rows) - most_detailed) if discovery.details else 0
    return Discovered(discovery.title, discovery.report, tuple(discovery.columns), rows, details, left_out)


def _rows(exchange: Exchange, discovery: Discovery, say: Say) -> Iterator[bytes]:
    """Every row of the discovery's report, page by page; a dead row is as the vendor sent it."""
    connection = exchange.connection
    report = connection.source.reports[discovery.report]
    params = resolve(report, {}, now=datetime.now(UTC), timezone=connection.timezone).params
    vendor = Vendor(report, params, exchange, Prepared())
    number, ahead, got = 1, NextPages(vendor.plan(None)), 0
    # None is the first page, which has no link.
    seen: set[str | None] = {None}
    before: list[bytes] = []
    while number <= ahead.planned:
        found, facts = retry(partial(vendor.read_page, number, ahead.link), say=say)
        if found and found == before:
            raise FailJob(vendor.explain_repeat(number, number - 1))
        yield from map(bytes, found)
        got, before = got + len(found), found
        known = ahead.planned
        ahead = vendor.follow(number, facts, known)
        if ahead.link is not None and ahead.link in seen:
            raise FailJob(f"page {number} links to a page that was read before")
        if (count := vendor.last_count(number, facts, known)) is not None and got >= count:
            return
        seen.add(ahead.link)
        number += 1
        # By the vendor's count rows are still missing, so one more page is requested.
        if ahead.is_open:
            ahead = NextPages(max(number, ahead.planned))


def _ask_details(exchange: Exchange, detail: Detail, row: Any, say: Say) -> RowDetails:
    values = row if isinstance(row, dict) else {}
    of = {name: values.get(name) for name in dict.fromkeys(names_in(detail.request.model_dump()))}
    try:
        with exchange.handling_errors():
            request = compose(exchange.base, detail.request, of)
        answer = retry(lambda: exchange.ask(request), say=say)
    except MillraceError as refusal:
        return RowDetails(detail.title, of, error=str(refusal))
    lists: dict[str, list[Any]] = {}
    for name, path in detail.lists.items():
        entries = find(answer.content, path)
        words = [find(entry, detail.name) for entry in entries] if isinstance(entries, list) else []
        lists[name] = [word for word in words if word is not None]
    return RowDetails(detail.title, of, lists)
