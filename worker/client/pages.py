"""Reads one page of a report: its requests one after another, their bodies unpacked, their rows told apart."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import Any

from worker.client.prepared import Prepared
from worker.client.requests import GONE, Located, Whereabouts
from worker.decompress import unpack
from worker.errors import FailJob, ReportGone, StartOver
from worker.model import Facts, Row
from worker.paging import Address, pager_for
from worker.paging.link_header import next_in
from worker.paging.totals import settled
from worker.readers import read_lists
from worker.sources.params import columns_for, read_for
from worker.sources.placeholders import fill
from worker.sources.schema import Delimited, Format, JsonRows, LinkPaging, Report, TokenPaging
from worker.transport.exchange import Exchange
from worker.transport.quota import PATIENCE_SECONDS
from worker.transport.request import WireRequest
from worker.transport.response import Response

PATIENCE_WITHIN_A_PAGE_SECONDS = 20.0
"""A page half read is worth waiting for: given back, it would be read again from its start."""


PAST_END = {400, 404, 416}
"""How vendors refuse a page that is not there. A 404 for a prepared report means the report, not the page."""


class Reading:
    """How the pages of one report are read."""

    def __init__(
        self,
        report: Report,
        params: Mapping[str, Any],
        exchange: Exchange,
        prepared: Prepared,
        *,
        relink: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """`relink` asks the vendor for the addresses of the rows as they are now."""
        values = {**params, **({"report_id": prepared.report_id} if prepared.report_id else {})}
        self.read = read_for(report, params)
        self.pager = pager_for(self.read, params)
        self.format = _filled(self.read.format, values)
        self.errors = [] if isinstance(self.format, Delimited) else self.format.errors
        self._exchange = exchange
        self._response: Response | None = None
        self._prepared = prepared
        self._relink = relink
        self._may_be_gone = report.submit is not None
        self._columns = columns_for(report, params)
        self._capped_at: int | None = getattr(self.read.paging, "total_capped_at", None)
        self._whereabouts = Whereabouts(self.read, values, exchange, prepared)

    def lists(self, number: int, link: str | None, facts: Facts, reader: str) -> Generator[list[Row], None, None]:
        """The rows of a page, in order, as many at a time as come at once; `facts` is complete once they are exhausted.

        Closing early hangs up.

        Raises RetryLater where a body is cut or the vendor asks to come back, FailJob where the rows cannot be had or
        are not as declared, ReportGone where the vendor has the report no longer, StartOver where counts changed.
        """
        self._refuse_expired()
        facts.total = self._prepared.total if facts.total is None else facts.total
        requests = self.pager.addresses(number, link, facts)
        address: Address | None = next(requests)
        came, last = 0, None
        while address is not None:
            found = self._whereabouts.located(address, number)
            said = Facts(total=found.total, first_row=came + (address.begins_with != "last"))
            rows = 0
            with closing(self._answered(found, address, number, said, reader)) as answered:
                begun = self._begun(answered, address, last, facts)
                if begun is None:
                    return
                for rows_at_once in begun:
                    rows += len(rows_at_once)
                    last = rows_at_once[-1]
                    yield rows_at_once
            came += rows
            self._note(facts, said, found)
            address = _after(requests, rows)

    def _answered(
        self, found: Located, address: Address, number: int, said: Facts, reader: str
    ) -> Generator[list[Row], None, None]:
        """The rows of one answer, no list of them empty."""
        response = self._response = self._sent(found, address, number, said)
        try:
            if response.status >= 300:
                self._refuse_gone(response)
                return
            if chunks := self._body(response):
                yield from filter(None, read_lists(chunks, self.format, self._columns, said, reader=reader))
            # A JSON document has an end of its own.
            said.has_end = response.has_end or isinstance(self.format, JsonRows)
            if isinstance(self.read.paging, LinkPaging) and self.read.paging.place == "header":
                said.next = next_in(response.headers.get("Link", ""))
        finally:
            self._response = None
            response.close()

    def hang_up(self) -> None:
        """From another thread: whoever waits for the rows of this reading waits no longer, and finds them cut."""
        if response := self._response:
            response.hang_up()

    def _sent(self, found: Located, address: Address, number: int, said: Facts) -> Response:
        """The answer; where an address for downloads is no longer good, that of the one the vendor gives now."""

        def send(request: WireRequest) -> Response:
            return self._exchange.send(
                request,
                kind=found.kind,
                shapes=self.errors,
                allow=self._meaningful(found, address),
                patience_seconds=PATIENCE_SECONDS if said.first_row == 1 else PATIENCE_WITHIN_A_PAGE_SECONDS,
            )

        response = send(found.request)
        if found.kind != "download" or response.status not in (403, *GONE) or self._relink is None:
            return response
        links = self._relink()
        if not links:
            return response
        response.close()
        return send(self._whereabouts.linked(links, address, number).request)

    def _body(self, response: Response) -> Iterator[bytes] | None:
        """The body unpacked; None where there is none and none is needed. FailJob where it should not be empty."""
        chunks = unpack(response.chunks(), response.encoding)
        start = next((chunk for chunk in chunks if chunk), None)
        if start is not None:
            return chain((start,), chunks)
        if self.read.empty_body_is_no_rows:
            return None
        raise FailJob(f"{response.name}: {response.status} with an empty body")

    def _note(self, facts: Facts, said: Facts, found: Located) -> None:
        """Take over what one answer said of the whole report and of the next page."""
        facts.total = settled(facts.total, said.total, capped_at=self._capped_at)
        facts.total_pages = said.total_pages if said.total_pages is not None else facts.total_pages
        facts.has_end = facts.has_end and said.has_end
        facts.next = None
        if isinstance(self.read.paging, TokenPaging):
            facts.next = said.next
        elif isinstance(self.read.paging, LinkPaging) and said.next is not None:
            facts.next = self._exchange.api_link(said.next, at=found.request.url)
            self._refuse_first(facts.next)

    # ------------------------------------------------------------ what is refused

    def _begun(
        self, answered: Iterator[list[Row]], address: Address, last: Row | None, facts: Facts
    ) -> Iterator[list[Row]] | None:
        """The rows of an answer that begins as it should. If it does not, a row is missing or the report has changed.

        None then, where the vendor's count will show it; StartOver where there is no such count.
        """
        if address.begins_with is None:
            return answered
        at_once = next(answered, [])
        start = at_once[0] if at_once else None
        if (start == last) == (address.begins_with == "last"):
            rest = at_once[1:] if start == last else at_once
            return chain((rest,), answered) if rest else answered
        if facts.total is None or facts.total == self._capped_at:
            raise StartOver("rows are no longer where they were")
        return None

    def _refuse_first(self, url: str) -> None:
        """The first page has no link on record, so a way back to it is seen here."""
        if self.read.request is None:
            return
        first = self._whereabouts.asked(Address()).url
        if url == self._exchange.api_link(first, at=first):
            raise FailJob("a page leads back to the first")

    def _refuse_expired(self) -> None:
        expires_at = self._prepared.expires_at
        if self._may_be_gone and expires_at is not None and expires_at <= self._exchange.clock():
            raise ReportGone("the prepared report has expired")

    def _meaningful(self, found: Located, address: Address) -> set[int]:
        """The statuses that are an answer though no success. Storage says 403 where a signed address has expired."""
        past_end = PAST_END if address.is_probe else set()
        if not self._may_be_gone:
            return past_end
        is_signed = found.kind == "download" and self.read.request is None
        return past_end | ({*GONE, 403} if is_signed else set(GONE))

    def _refuse_gone(self, response: Response) -> None:
        """Return where a page looked for is past the end; ReportGone where the report is not there any more."""
        if self._may_be_gone and (response.status in GONE or response.status == 403):
            raise ReportGone(f"{self._exchange.said(response)}: the vendor no longer has the report")


def _after(requests: Generator[Address, int, None], rows: int) -> Address | None:
    """The next request of the same page, None at its end."""
    try:
        return requests.send(rows)
    except StopIteration:
        return None


def _filled(declared: Format, values: Mapping[str, Any]) -> Format:
    """The format with the answer of a parameter where it leaves that open."""
    if isinstance(declared, Delimited) and isinstance(declared.header, str):
        header = fill(declared.header, values)
        return declared.model_copy(update={"header": True if header is None else bool(header)})
    return declared
