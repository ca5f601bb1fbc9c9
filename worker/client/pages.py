"""Reads one page of a report: sends its requests one after another, unpacks the bodies, splits them into rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from http import HTTPStatus
from itertools import chain
from typing import Any

from worker import json_path
from worker.client.page_requests import GONE, PageRequest, PageRequests, PolledLinks
from worker.client.status import Prepared
from worker.client.unread_pages import places_to_watch, refuse_unread
from worker.decompress import unpack
from worker.errors import (
    FailJob,
    MillraceError,
    NoMorePages,
    RateLimited,
    ReportGone,
    ReportNotFound,
    RetryLater,
    StartOver,
)
from worker.model import Facts, PageFacts, Row, Rows
from worker.paging.chain import next_in_link_header
from worker.paging.kinds import pager_for
from worker.paging.pager import Address, may_be_limit, reconcile_total
from worker.readers import read_blocks
from worker.sources.params import columns_for, format_for
from worker.sources.schema import Delimited, ErrorShape, JsonRows, LinkPaging, Paged, Read, Report, TokenPaging
from worker.transport.exchange import Exchange
from worker.transport.links import normal_form
from worker.transport.quota import PATIENCE_SECONDS
from worker.transport.refusals import not_ready
from worker.transport.request import WireRequest
from worker.transport.response import Response
from worker.vendor_errors import error_in_body

PATIENCE_WITHIN_A_PAGE_SECONDS = 20.0
LONGEST_WAIT_WITHIN_A_PAGE_SECONDS = 90.0
"""How long one request in the middle of a page may wait for its turn, and for its answer after refusals. If the page
were given back, all its requests would be sent again: more than a vendor with a limit per minute may ever answer."""

EXPIRED = (400, 401, 403)
"""What is answered to a signed link that has expired: 403 by S3 and Azure, 400 by Google and by S3 for a temporary key,
401 by vendors that keep the files themselves."""

OTHER_BODY_BYTES = 64 * 1024
"""How much of a body that is not in the report's format is read to find an error in it."""

_BLANKS = b"\xef\xbb\xbf \t\r\n"
"""What may come before the text of a body: a byte order mark and blanks."""

Answer = Generator[Rows, None, PageFacts]
"""Yields the rows of one answer in blocks that are not empty; returns what is known of the answer at its end."""


class Pages:
    """How the pages of one report are read."""

    def __init__(
        self,
        report: Report,
        params: Mapping[str, Any],
        exchange: Exchange,
        prepared: Prepared,
        *,
        read: Read,
        errors: list[ErrorShape],
        refetch_links: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """`errors` are the shapes of all errors in answers about the report.

        `refetch_links` asks the vendor for fresh addresses of the rows, because signed URLs expire.
        """
        found = {"report_id": prepared.report_id, "link": next(iter(prepared.links), None)}
        values = {**params, **{name: value for name, value in found.items() if value}}
        self.read = read
        self.pager = pager_for(self.read, params)
        declared = format_for(report, self.read, values)
        self.errors = errors
        # A shape without `when` is about the body as a whole. Only a reader of files can apply it: files are text.
        applied = [shape for shape in errors if shape.when or isinstance(declared, Delimited)]
        self.format = declared.model_copy(update={"errors": applied})
        self.columns = columns_for(report, params)
        is_polled_again = report.poll is not None and report.poll.holds_rows
        asked = report.submit.request if report.submit and is_polled_again else None
        self.requests = PageRequests(self.read, values, exchange, prepared, asked=asked)
        self.exchange = exchange
        self.prepared = prepared
        self.refetch_links = refetch_links
        self.may_be_gone = report.submit is not None
        self.is_without_rows = (
            report.poll is not None and report.poll.no_link_is_no_rows and self.read.needs_link and not prepared.links
        )
        self.capped_at: int | None = getattr(self.read.paging, "total_capped_at", None)
        self.end_statuses = self.read.paging.end_statuses if isinstance(self.read.paging, Paged) else []

    def with_total(self, facts: PageFacts) -> PageFacts:
        """What a page said, with the poll's count if the page gave none."""
        return replace(facts, total=self.prepared.polled_total) if facts.total is None else facts

    def page(self, number: int, link: str | None) -> Page:
        """One page, not read yet; `link` is its address or token if the page before gave one."""
        return Page(self, number, link)


class Page:
    """One page of a report. Iterate over its `blocks` once; then its `facts` are complete."""

    def __init__(self, pages: Pages, number: int, link: str | None) -> None:
        self.number = number
        self.facts = PageFacts(total=pages.prepared.total)
        """What the page has said so far; complete once its blocks are exhausted."""
        self._pages = pages
        self._link = link
        self._exchange = pages.exchange
        self._response: Response | None = None
        self._last: Row | None = None
        self._first: Row | None = None
        self._is_hung_up = threading.Event()

    def blocks(self) -> Generator[Rows, None, None]:
        """The rows in order, in blocks of those that arrive together. Closing early ends the connection.

        Raises RetryLater if a body is cut or the vendor asks to come back; FailJob if the rows cannot be had, are not
        as declared, or an answer is an error, whatever its status; ReportGone if the vendor no longer has the report;
        StartOver if counts changed.
        """
        with self._exchange.handling_errors():
            expires_at = self._pages.prepared.expires_at
            if self._pages.may_be_gone and expires_at is not None and expires_at <= self._exchange.clock():
                raise ReportGone("the prepared report has expired")
            if self._pages.is_without_rows:
                return
            total = self._pages.with_total(self.facts).total
            requests = self._pages.pager.addresses(self.number, self._link, total)
            address: Address | None = next(requests)
            while address is not None:
                answer = yield from self._read_answer(address)
                self.facts = replace(answer, rows=self.facts.rows + answer.rows, next=None)
                try:
                    address = requests.send(self._pages.with_total(answer))
                except StopIteration as end:
                    address = None
                    self.facts = replace(self.facts, next=end.value)
            if self._may_lack_rows():
                self._check_end()

    def hang_up(self) -> None:
        """Break the connection from another thread: the thread that waits for rows gets a RetryLater."""
        self._is_hung_up.set()
        if response := self._response:
            response.hang_up()

    # ------------------------------------------------------------ one answer

    def _read_answer(self, address: Address) -> Answer:
        """Yield the rows of one answer. An answer that the source file declares as the end has none."""
        found = self._pages.requests.build(address, self.number)
        first_row = self.facts.rows + (address.begins_with != "last")
        facts = Facts(found.total, first_row=first_row, watched=places_to_watch(self._pages.read))
        rows, is_last = 0, False
        try:
            response = self._response = self._send_patiently(found, address, facts)
        except NoMorePages:
            return replace(self.facts, rows=0, is_last=True)
        try:
            with closing(self._rows(response, address, found, facts)) as read:
                continued = self._check_first_row(read, address)
                if continued is None:
                    return replace(self.facts, rows=0, is_last=True)
                for block in continued:
                    rows += len(block)
                    self._last = block.last
                    yield block
        except NoMorePages:
            is_last = True
        except RateLimited as limited:
            raise self._exchange.with_wait(limited, response.headers) from None
        finally:
            self._response = None
            response.close()
        if not (rows or is_last) and response.status == HTTPStatus.ACCEPTED:
            raise not_ready(response.name, response.headers, now=self._exchange.clock())
        if facts.total is None and self._pages.prepared.polled_total is None:
            refuse_unread(self._pages.read, facts, rows, response.headers)
        # A JSON document shows by itself where it ends.
        has_end = response.has_end or isinstance(self._pages.format, JsonRows)
        return PageFacts(
            rows=rows,
            total=reconcile_total(self.facts.total, facts.total, capped_at=self._pages.capped_at),
            total_pages=facts.total_pages,
            next=None if is_last else self._find_next(facts, response, found),
            has_more=facts.has_more,
            is_last=is_last,
            has_end=self.facts.has_end and has_end,
        )

    def _rows(
        self, response: Response, address: Address, found: PageRequest, facts: Facts
    ) -> Generator[Rows, None, None]:
        """Yield the rows of a response. Raises the error that a refusal means, NoMorePages if it means the end."""
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise self._refusal(response, address, found)
        if response.status == HTTPStatus.NO_CONTENT and address.is_probe:
            return
        if chunks := self._unpack(response):
            facts.charset = response.charset
            yield from filter(None, read_blocks(chunks, self._pages.format, self._pages.columns, facts))

    def _send_patiently(self, found: PageRequest, address: Address, facts: Facts) -> Response:
        """As `_send`. In the middle of a page, a request that may succeed soon is sent again here."""
        until = time.monotonic() + LONGEST_WAIT_WITHIN_A_PAGE_SECONDS
        wait = 0.25
        while True:
            try:
                return self._send(found, address, facts)
            except RetryLater as later:
                # A wait that the vendor asked for is kept by the quota as well, for all workers.
                wait = 2 * wait if later.wait_seconds is None else later.wait_seconds
                # An account's own quota is not less used up when the page begins again.
                is_late = later.waits_on != "quota" and time.monotonic() + wait > until
                if facts.first_row == 1 or later.at_most is not None or is_late or self._is_hung_up.wait(wait):
                    raise

    def _send(self, found: PageRequest, address: Address, facts: Facts) -> Response:
        """Send one request of the page. A download address that has expired is replaced once by a fresh one."""
        pages = self._pages
        # Refusals that `_refusal` judges: one may mean the end of paging, or that the report is gone or elsewhere.
        judged_here = {*pages.end_statuses, 404} if address.is_probe else {404} if found.named_host else set()
        if pages.may_be_gone:
            judged_here.update(GONE)
            if found.kind == "download" and pages.read.request is None:
                judged_here.update(EXPIRED)

        def send(request: WireRequest) -> Response:
            return self._exchange.send(
                request,
                kind=found.kind,
                shapes=pages.errors,
                allow=judged_here,
                patience_seconds=PATIENCE_SECONDS if facts.first_row == 1 else PATIENCE_WITHIN_A_PAGE_SECONDS,
            )

        response = send(found.request)
        if found.kind != "download" or response.status not in (*EXPIRED, *GONE) or pages.refetch_links is None:
            return response
        try:
            links = pages.refetch_links()
        except MillraceError:
            response.close()
            raise
        if not links:
            return response
        response.close()
        return send(pages.requests.build(address, self.number, PolledLinks(links)).request)

    def _unpack(self, response: Response) -> Iterator[bytes] | None:
        """The unpacked body; None if it is empty or blank, and the source file says that this means no rows.

        Raises FailJob for any other empty body. A body that is not in the report's format (JSON instead of a file, or
        plain text instead of JSON) may be an error, so it is searched for one first.
        """
        chunks = unpack(response.chunks(), response.encoding)
        start = b""
        # Some servers send blanks to keep the connection open until they have something to say.
        for chunk in chunks:
            start += chunk
            if start.strip(_BLANKS) or len(start) > OTHER_BODY_BYTES:
                break
        if not start and response.status == HTTPStatus.ACCEPTED:
            raise not_ready(response.name, response.headers, now=self._exchange.clock())
        is_blank = not start.strip(_BLANKS) and len(start) <= OTHER_BODY_BYTES
        if is_blank and self._pages.read.empty_body_is_no_rows and response.status != HTTPStatus.ACCEPTED:
            return None
        if not start:
            what = "a compressed body with nothing in it" if response.received_bytes else "an empty body"
            remedy = "if it means that there are no rows, declare `empty_body_is_no_rows: true` in the read"
            raise FailJob(f"{response.name}: {response.status} with {what}; {remedy}")
        is_json = start.lstrip(_BLANKS).startswith((b"{", b"["))
        is_file = isinstance(self._pages.format, Delimited)
        are_texts_declared = any(not shape.when for shape in self._pages.errors)
        if is_json != is_file and not (is_file and are_texts_declared):
            return chain((start,), chunks)
        for chunk in chunks:
            start += chunk
            if len(start) > OTHER_BODY_BYTES:
                break
        # In a file only the first line with text can be an error: further down the same words may be data.
        judged = start if is_json or not is_file else start.lstrip(_BLANKS).partition(b"\n")[0]
        if error := error_in_body(judged, self._pages.errors):
            raise error.failure(f"{response.name}: {response.status}: {error.words}")
        return chain((start,), chunks)

    def _find_next(self, facts: Facts, response: Response, found: PageRequest) -> str | None:
        """The next page's token, or its link as the URL that will be requested."""
        paging = self._pages.read.paging
        if isinstance(paging, TokenPaging):
            return facts.next if paging.header is None else json_path.link([response.headers.get(paging.header)])
        if not isinstance(paging, LinkPaging):
            return None
        following = facts.next
        if paging.place == "header":
            stated = response.headers.get(paging.header, "")
            following = next_in_link_header(stated) if paging.header.lower() == "link" else json_path.link([stated])
        if following is None:
            return None
        url = self._exchange.api_link(following, at=found.request.url)
        # The first page has no link on record in the ledger, so a link back to it is found here.
        first = self._pages.requests.first_url
        if first is not None and normal_form(url) == normal_form(first):
            raise FailJob("a page leads back to the first")
        return url

    # ------------------------------------------------------------ what is refused

    def _check_first_row(self, read: Iterator[Rows], address: Address) -> Iterator[Rows] | None:
        """The rows without a repeated first one, if the first row is what the address expects (see `paging.offset`).

        If it is not, a row is missing or the report has changed. Then returns None if the vendor's count will reveal
        that later, and raises StartOver if there is no such count.
        """
        block = next(read, Rows())
        start = block.first if block else None
        if self._first is None:
            self._first = start
        if address.begins_with is None:
            return chain((block,), read) if block else read
        if (start == self._last) == (address.begins_with == "last"):
            rest = block.cut(1)[1] if start == self._last else block
            return chain((rest,), read) if rest else read
        if start == self._first and self._first != self._last:
            raise FailJob(f"the vendor ignores {self._pages.pager.cursor_name}: it sends the first row again")
        if self._pages.with_total(self.facts).total in (None, self._pages.capped_at):
            raise StartOver("rows have moved: the row before this offset is no longer there")
        return None

    def _may_lack_rows(self) -> bool:
        """May rows follow a first page that seems to be all there is, by a count or because it is short?

        A count may be that of the page alone, as one called `count` often is, and a page may be short because the
        vendor allows no more rows. So if it has as many as requested, or as a vendor may allow, that is checked.
        """
        pages, facts, size = self._pages, self.facts, self._pages.pager.size
        is_short_the_end = getattr(pages.read.paging, "ends_with", None) == "short"
        is_short = is_short_the_end and facts.total is None and facts.rows != size
        if not pages.pager.is_addressable or self.number != 1 or not (facts.rows == facts.total or is_short):
            return False
        is_capped = facts.total is not None and facts.total == pages.capped_at
        is_the_end_elsewhere = facts.is_declared_last or facts.total_pages is not None or is_capped
        is_known = pages.prepared.polled_total is not None or facts.has_more or is_the_end_elsewhere
        return not is_known and (facts.rows == size or may_be_limit(facts.rows))

    def _check_end(self) -> None:
        """Raise FailJob if rows follow a first page that seems to be all there is: the report would end without them.

        A refusal means that it is all, and so does the same page once more.
        """
        following = None
        pager, rows = self._pages.pager, self.facts.rows
        requests = pager.addresses(1, None, None)
        next(requests)
        try:
            address = requests.send(PageFacts(rows=rows, has_more=True))
        except StopIteration:
            address = next(pager.addresses(2, None, None))
        with suppress(FailJob, StartOver), closing(self._read_answer(address)) as answer:
            following = next(answer, None)
        if following is None or following.first == self._first:
            return
        if self.facts.total is not None:
            raise FailJob(f"the vendor counts {rows} rows, but others follow: is `total` the count of one page?")
        raise FailJob(
            f"{rows} rows came instead of {pager.size}, but others follow: does the vendor allow {rows} at most?"
        )

    def _refusal(self, response: Response, address: Address, found: PageRequest) -> Exception:
        """The error that a refusal means: a declared one, the end of paging, or a report that is gone."""
        pages, raw = self._pages, response.start()
        error = error_in_body(raw, pages.errors)
        refusal = self._exchange.refusal(response, raw, pages.errors, is_own=found.kind == "api")
        if error is None and address.is_probe and response.status in pages.end_statuses:
            return NoMorePages(str(refusal))
        hint = found.hint(response.status, self._exchange.base)
        if address.is_probe and pages.pager.is_addressable and response.status == HTTPStatus.NOT_FOUND:
            end = "`end_statuses: [404]`" if error is None else "this error with `then: end`"
            hint = f"; if it means that no more pages follow, declare {end}"
        # Storage may refuse a fresh address and say why: then the report is still there.
        if pages.may_be_gone and response.status not in EXPIRED and not (error and error.consequence):
            gone = ReportNotFound if response.status == HTTPStatus.NOT_FOUND else ReportGone
            return gone(f"{refusal}: the vendor no longer has the report{hint}")
        return FailJob(f"{refusal}{hint}") if hint and type(refusal) is FailJob else refusal
