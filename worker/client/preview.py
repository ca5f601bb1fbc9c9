"""Gets the first rows of a report, for a person to look at. Nothing is published or kept; needs no Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from worker.client.interactive_retry import retry
from worker.client.status import Gone, Prepared, Ready
from worker.client.unread_pages import places_to_watch
from worker.client.vendor import Vendor
from worker.errors import FailJob, MillraceError, MorePages, ReportNotFound, RetryLater
from worker.model import PageFacts, Row, Rows
from worker.sources.params import read_for
from worker.sources.schema import (
    JsonRows,
    LinkPaging,
    OffsetPaging,
    PageNumberPaging,
    Poll,
    Read,
    Report,
    SinglePage,
    TokenPaging,
)
from worker.transport.exchange import Exchange

MOST_FAILURES = 3
"""For a report that was prepared for us. One that is read at once is asked for once only."""

MOST_ROWS_READ = 10_000
LONGEST_READING_SECONDS = 5.0
"""How far the first page is read beyond the rows that are shown, for what stands after its rows."""


class NotReady(Exception):
    """The vendor is still preparing the report."""

    def __init__(self, report_id: str, word: str) -> None:
        self.report_id = report_id
        self.word = word
        super().__init__(f"report {report_id} is {word!r}")


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The first rows of a report, dead ones included, and the vendor's count of all rows, if any.

    `notes` say what the page has of what the source file looks for beside the rows, if it was read to its end.
    """

    rows: list[Row]
    total: int | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview of one report. `poll_seconds` overrides the source file's; `say` is called with progress messages."""

    exchange: Exchange
    report: Report
    params: Mapping[str, Any]
    say: Callable[[str], None]
    timeout_seconds: float
    poll_seconds: float | None = None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def rows(self, count: int) -> FirstRows:
        """Up to `count` rows of the first page.

        A report that has to be prepared is requested and waited for. As soon as there are enough rows, the connection
        is closed, unless something at the end of the page is of interest, and the page neither large nor slow. Raises
        NotReady at the timeout, RetryLater and FailJob as `Vendor` does.
        """
        poll = self.report.poll if self.report.submit else None
        prepared = Prepared() if poll is None else self._prepare(poll)
        vendor = self._vendor(prepared)

        def read() -> FirstRows:
            page = vendor.page(1, None)
            try:
                with closing(page.blocks()) as blocks:
                    rows = list(islice(chain.from_iterable(blocks), count))
                    is_whole = len(rows) < count or self._read_on(blocks)
                total = prepared.total if page.facts.total is None else page.facts.total
                notes = self._notes(prepared, page.facts, total) if is_whole else []
                return FirstRows(rows, total, [*notes, *self._check_first(prepared, rows)])
            except ReportNotFound as gone:
                # Storage may show a new file some seconds late.
                raise RetryLater(str(gone)) from None

        return retry(read, say=self.say, most_failures=MOST_FAILURES if poll else 1, sleep=self.sleep)

    def _read_on(self, blocks: Iterator[Rows]) -> bool:
        """Read the rest of a page if its end says something. Returns whether it came to the end."""
        read = read_for(self.report, self.params)
        names_next = isinstance(read.paging, LinkPaging | TokenPaging) or places_to_watch(read)
        if not (read.totals or _flags(read) or names_next):
            return False
        rows, until = 0, self.monotonic() + LONGEST_READING_SECONDS
        with suppress(RetryLater):
            for block in blocks:
                rows += len(block)
                if rows > MOST_ROWS_READ or self.monotonic() > until:
                    return False
            return True
        return False

    def _notes(self, prepared: Prepared, facts: PageFacts, total: int | None) -> list[str]:
        """What a mistake in the source file would otherwise hide: a count that is not found is not checked."""
        read = read_for(self.report, self.params)
        places = read.totals
        notes = [f"no count of the rows at {' or '.join(places)}"] if places and total is None else []
        flags = _flags(read)
        if flags and facts.has_more is None:
            notes.append(f"no flag at {' or '.join(flags)}")
        if facts.has_more is False:
            notes.append(f"no more pages follow, by the flag at {' or '.join(flags)}")
        elif isinstance(read.paging, LinkPaging | TokenPaging):
            named = (
                read.paging.header if isinstance(read.paging, TokenPaging) or read.paging.place == "header" else None
            )
            next_at = [named] if named else getattr(read.format, "next", [])
            if facts.next:
                return [*notes, "more pages follow"]
            notes.append(f"no next page at {' or '.join(next_at)}{self._look_for_next(prepared, read)}")
        return notes

    def _look_for_next(self, prepared: Prepared, read: Read) -> str:
        """What the first page says of more pages under usual names, although none is where the source file looks."""
        if not isinstance(read.format, JsonRows):
            return ""
        undeclared: dict[str, Any] = {name: [] for name in ("next", "has_more", "is_last", "total")}
        alone = {"paging": SinglePage(), "format": read.format.model_copy(update=undeclared)}
        vendor = self._vendor(prepared, self.report.model_copy(update={"read": [read.model_copy(update=alone)]}))
        try:
            with closing(vendor.page(1, None).blocks()) as blocks:
                for _ in blocks:
                    pass
        except MorePages as more:
            return f", but {more.said}"
        except MillraceError:
            pass
        return ""

    def _check_first(self, prepared: Prepared, rows: list[Row]) -> list[str]:
        """Ask for what has the number before `first`, or the one after 0: a wrong `first` may show nowhere else.

        Numbers from 1 that are declared from 0 are found by a job if they are of pages, because two pages are equal.
        """
        read = read_for(self.report, self.params)
        paging = read.paging
        if not isinstance(paging, OffsetPaging | PageNumberPaging) or len(rows) < 2 or rows[0] == rows[1]:
            return []
        if paging.first == 0 and isinstance(paging, PageNumberPaging):
            return []
        number = paging.first - 1 if paging.first else 1
        moved = read.model_copy(update={"paging": paging.model_copy(update={"first": number})})
        vendor = self._vendor(prepared, self.report.model_copy(update={"read": [moved]}))
        there = None
        with suppress(MillraceError), closing(vendor.page(1, None).blocks()) as blocks:
            there = next(chain.from_iterable(blocks), None)
        if there is None or (there == rows[0]) == (paging.first > 0):
            return []
        name = paging.offset_param if isinstance(paging, OffsetPaging) else paging.number_param
        if paging.first:
            return [f"`{name}` {number} leads to other rows, which a job leaves out: should `first` be {number}?"]
        return [f"`{name}` 0 and 1 lead to the same row: should `first` be 1, or does the vendor ignore it?"]

    def _vendor(self, prepared: Prepared, report: Report | None = None) -> Vendor:
        # The same exchange for all requests: without Redis, token and quota are kept in it.
        return Vendor(report or self.report, self.params, self.exchange, prepared)

    def _prepare(self, poll: Poll) -> Prepared:
        """Ask for the report and poll until it is ready, at the vendor's cadence."""
        vendor = self._vendor(Prepared())
        submission = retry(vendor.submit, say=self.say, sleep=self.sleep)
        report_id = submission.report_id
        deadline = self.monotonic() + self.timeout_seconds
        every = self.poll_seconds or poll.every_seconds
        word, failures = "submitted", 0
        missing_since: float | None = None
        self.say(f"the vendor prepares report {report_id}; asking every {every:g} s")
        while self.monotonic() + every <= deadline:
            self.sleep(every)
            now = self.exchange.clock()
            try:
                status = vendor.status(report_id, poll_link=submission.poll_link, now=now, missing_since=missing_since)
            except RetryLater as later:
                failures += later.is_attempt
                if failures >= MOST_FAILURES:
                    raise
                self.say(str(later))
                continue
            failures = 0
            if isinstance(status, Ready):
                return Prepared(report_id, status.links, status.total, status.expires_at, submission.poll_link)
            if isinstance(status, Gone):
                raise FailJob(status.reason)
            missing_since = (missing_since or now) if status.is_missing else None
            if status.word != word:
                word = status.word
                known = f": `done` has {', '.join(poll.done)}" if poll.done else ""
                self.say(word if status.is_known else f"{word} (not a status that the source file knows{known})")
        raise NotReady(report_id, word)


def _flags(read: Read) -> list[str]:
    """The paths at which a read finds a flag that more pages follow, or that none do."""
    return [*read.format.has_more, *read.format.is_last] if isinstance(read.format, JsonRows) else []
