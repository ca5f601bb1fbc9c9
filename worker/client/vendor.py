"""The client of a vendor's API for one report: submit it, poll its status, read its pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from worker import json_path
from worker.client.page_requests import GONE
from worker.client.pages import Page, Pages
from worker.client.selectors import describe_selectors, id_in, latest_match, normalize, select
from worker.client.status import (
    Gone,
    Prepared,
    Ready,
    Status,
    Waiting,
    any_in_body,
    body_matters,
    our_report_in,
    read_status,
)
from worker.errors import FailJob, ReportGone, RetryLater
from worker.json_path import find, is_value, link_in
from worker.model import PageFacts, Row
from worker.paging.pager import NextPages
from worker.sources.params import read_for
from worker.sources.placeholders import fill
from worker.sources.schema import Poll, Report, RequestOfTwoPaths, SinglePage, Submit, status_word
from worker.transport.exchange import Answer, Exchange
from worker.transport.links import LinkKind, download_target, without_query
from worker.transport.refusals import retry_after
from worker.transport.request import WireRequest, compose, headers_of_get
from worker.vendor_errors import error_in, excerpt

MOST_LIST_PAGES = 200
START_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Submission:
    """What the vendor answered: its ids for the report and for the request, and the address to poll, if it gave one.

    `wait_seconds` is how long it asks us to wait before the first poll.
    """

    report_id: str
    request_id: str | None = None
    poll_link: str | None = None
    wait_seconds: float = 0.0


class Vendor:
    """One report of one vendor. Raises RetryLater, FailJob and StartOver; no message holds a credential."""

    def __init__(self, report: Report, params: Mapping[str, Any], exchange: Exchange, prepared: Prepared) -> None:
        self._report = report
        self._values = params
        self._exchange = exchange
        self.prepared = prepared
        self._read = read_for(report, params)
        own = self._read.format.errors
        self._errors = [*own, *(shape for shape in exchange.connection.source.errors if shape not in own)]

    # Made when a page is asked for, because most polls ask for none.
    @cached_property
    def _pages(self) -> Pages:
        is_at_link = not (self._read.request or self._read.resolve)
        may_relink = is_at_link and self._report.poll is not None and self.prepared.report_id is not None
        return Pages(
            self._report,
            self._values,
            self._exchange,
            self.prepared,
            read=self._read,
            errors=self._errors,
            refetch_links=self._fetch_links if may_relink else None,
        )

    # ------------------------------------------------------------ a report that is prepared

    def submit(self) -> Submission:
        """Ask the vendor to prepare the report. After a RetryLater without `is_unsent`, the vendor may have got it."""
        declared = self._declared_submit()
        duplicate_statuses = declared.duplicate.statuses if declared.duplicate else []
        # The body may be the report itself, if the vendor prepares a small one at once.
        has_place = any_in_body([*declared.report_id, *declared.poll_link]) or declared.refused or duplicate_statuses
        request, answer = self._ask(
            declared.request, self._values, allow=duplicate_statuses, is_start_enough=not has_place
        )
        if not answer.is_success:
            return self._adopt_duplicate(declared, answer)
        self._refuse_error(answer)
        for path, words in declared.refused.items():
            if status_word(find(answer.content, path)) in [status_word(word) for word in words]:
                raise FailJob(f"{answer.name}: the vendor refused the report: {excerpt(answer.raw)}")
        report_id = id_in(declared.report_id, answer.content, answer.headers)
        if declared.report_id and report_id is None:
            raise FailJob(
                f"{answer.name}: no report id at {describe_selectors(declared.report_id)}: {excerpt(answer.raw)}"
            )
        link = json_path.link(select(declared.poll_link, answer.content, answer.headers))
        if declared.poll_link and link is None:
            raise FailJob(
                f"{answer.name}: no address to poll at {describe_selectors(declared.poll_link)}: {excerpt(answer.raw)}"
            )
        poll_link = None if link is None else self._poll_url(link, at=request.url)
        # If the vendor gives an address to poll but no id, the path of that address serves as the id.
        wait_seconds = retry_after(answer.headers, now=self._exchange.clock()) or 0.0
        return Submission(report_id or without_query(poll_link or ""), answer.request_id, poll_link, wait_seconds)

    def _adopt_duplicate(self, declared: Submit, answer: Answer) -> Submission:
        """The existing report that a refusal names. Raises the refusal itself if it names none."""
        found = declared.duplicate and id_in(declared.duplicate.report_id, answer.content, answer.headers)
        if found:
            return Submission(found, answer.request_id)
        error = error_in(partial(find, answer.content), self._errors)
        reason = f"{answer.name}: {answer.status}: {error.words if error else excerpt(answer.raw)}"
        if error and error.consequence:
            raise error.failure(reason)
        if answer.status not in self._exchange.connection.source.retry_statuses:
            raise FailJob(reason)
        wait_seconds = retry_after(answer.headers, now=self._exchange.clock())
        raise RetryLater(reason, wait_seconds=wait_seconds, is_unsent=True)

    def discard(self, report_id: str) -> None:
        """Tell the vendor, as the source file says, that the report is no longer needed. Raises as `submit` does."""
        if self._report.discard is None:
            raise FailJob("the source file does not say how to discard a report")
        request = compose(self._exchange.base, self._report.discard.request, {**self._values, "report_id": report_id})
        self._exchange.send(request, shapes=self._errors, allow=GONE).close()

    def find_submitted(self, since: float) -> Submission | None:
        """The report that an interrupted `submit` at `since` made, from the vendor's list; None if it made none."""
        declared = self._declared_submit().adopt
        if declared is None:
            return None
        expected = {path: fill(value, self._values) for path, value in declared.match.items()}
        request = compose(self._exchange.base, declared.request, self._values)
        # A list that leads back to a page read before must not be read for ever.
        seen = {request.url}
        while len(seen) <= MOST_LIST_PAGES:
            answer = self._exchange.ask(request, shapes=self._errors)
            if found := latest_match(declared, find(answer.content, declared.rows) or (), expected, since):
                return Submission(found[1])
            link = link_in(answer.content, declared.next)
            url = self._exchange.api_link(link, at=request.url) if link else request.url
            if url in seen:
                return None
            seen.add(url)
            request = WireRequest("GET", url, request.headers)
        return None

    def status(
        self, report_id: str, *, poll_link: str | None = None, now: float, missing_since: float | None = None
    ) -> Status:
        """Ask once whether the report is ready; at `poll_link` if the vendor gave one.

        Raises FailJob if the report is still not listed, or still has no link, after the grace that the source file
        declares. `missing_since` is when the answers began to be `Waiting` with `is_missing`.
        """
        poll = self._report.poll
        if poll is None:
            raise FailJob("the vendor does not prepare this report, so there is nothing to poll")
        request, answer = self._poll(poll, report_id, poll_link)
        read = self._read
        needs_link = bool(poll.link) and read.needs_link
        status = read_status(poll, answer, report_id, needs_link=needs_link, now=now, refuse_error=self._refuse_error)
        missing_seconds = now - (missing_since or now)
        if status is None:
            # Not at once, however old the report is: while a vendor deploys, one poll may be answered by 404.
            if missing_seconds > poll.listing_grace_seconds:
                raise FailJob(f"{answer.name}: the vendor does not know report {report_id}", spoils_report=True)
            return Waiting("not listed", is_missing=True)
        grace = poll.missing_link_grace_seconds
        if isinstance(status, Waiting) and status.is_missing and missing_seconds > grace:
            reason = f"ready for {grace} s and still no link at {describe_selectors(poll.link)}: {excerpt(answer.raw)}"
            # With an address elsewhere in the answer, the path is wrong, and a report without rows would be, too.
            is_any_address = b"http" in answer.raw or poll.no_link_is_no_rows
            hint = "" if is_any_address else "; if that means no rows, declare `no_link_is_no_rows: true`"
            raise FailJob(f"{answer.name}: {reason}{hint}")
        if isinstance(status, Ready):
            self._refuse_another(poll, answer, report_id)
            has_pages = (read.request or read.resolve) and not isinstance(read.paging, SinglePage)
            if needs_link and len(status.links) > 1 and has_pages:
                reason = f"the vendor names {len(status.links)} files, but the source file declares the paging of one"
                raise FailJob(f"{answer.name}: {reason}: {excerpt(answer.raw)}", spoils_report=True)
        if isinstance(status, Ready) and poll.holds_rows:
            return replace(status, links=(request.url,))
        return status

    def _refuse_another(self, poll: Poll, answer: Answer, report_id: str) -> None:
        """Raise FailJob if the answer describes another report than the one requested."""
        ours = our_report_in(poll, answer.content, report_id)
        for path, expected in (fill(poll.match, self._values) or {}).items():
            found = find(ours, path)
            if is_value(found) and normalize(found) != normalize(expected):
                reason = (
                    f"the vendor's report {report_id} is not the one asked for: {path} is {found!r}, not {expected!r}"
                )
                raise FailJob(reason, spoils_report=True)

    def _poll(self, poll: Poll, report_id: str, poll_link: str | None) -> tuple[WireRequest, Answer]:
        """Send one poll. If its status and headers are enough, only the start of the body is read: it may be rows."""
        allow = {*GONE, *poll.done_on, *(status for status in poll.waits_on if status != "empty")}
        if poll.request is not None:
            declared, values = poll.request, {**self._values, "report_id": report_id}
            return self._ask(declared, values, allow=allow, is_start_enough=not body_matters(poll))
        if poll_link is None:
            raise FailJob("the address to poll is missing in the ledger", spoils_report=True)
        headers = headers_of_get(self._declared_submit().request, self._values)
        request = WireRequest("GET", self._poll_url(poll_link, at=poll_link), headers)
        kind = self._poll_link_kind
        return request, self._fetch(request, allow, is_start_enough=not body_matters(poll), kind=kind)

    @property
    def _poll_link_kind(self) -> LinkKind:
        """How far the address to poll is trusted: as the address of the rows if it is that too."""
        return self._read.link_kind if self._report.poll and self._report.poll.holds_rows else "api"

    def _poll_url(self, link: str, *, at: str) -> str:
        """The address to poll as a URL that may be requested."""
        if self._poll_link_kind == "download":
            return download_target(self._exchange.base, link, at=at).url
        return self._exchange.api_link(link, at=at)

    # ------------------------------------------------------------ pages

    @property
    def is_addressable(self) -> bool:
        """Can a page be given back and asked for again without losing the place?"""
        return self._pages.pager.is_addressable

    def plan(self, total: int | None) -> int:
        """The number of pages known before any is read, given the vendor's count of rows."""
        return max(self._pages.pager.plan(total), len(self.prepared.links))

    def last_count(self, number: int, facts: PageFacts, planned: int) -> int | None:
        """The vendor's count of rows, at which paging ends; `planned` is the number of pages known before.

        None if there is no count, or none to rely on: it may be capped, or it may be that of one page, because the
        vendor says that more follow the last page known.
        """
        total = self._pages.with_total(facts).total
        says_more = facts.has_more or (facts.next is not None and total == facts.rows)
        return None if total == self._pages.capped_at or (says_more and number >= planned) else total

    def read_page(self, number: int, link: str | None) -> tuple[list[Row], PageFacts]:
        """All rows of a page, dead ones included, and what the page states about the report. For small pages only."""
        page = self.page(number, link)
        with closing(page.blocks()) as blocks:
            return [row for block in blocks for row in block], page.facts

    def page(self, number: int, link: str | None) -> Page:
        """One page, not read yet; `link` is its address or token if the page before gave one."""
        return self._pages.page(number, link)

    def follow(self, number: int, facts: PageFacts, planned: int) -> NextPages:
        """The pages that are known once a page has been read to its end."""
        return self._pages.pager.follow(number, self._pages.with_total(facts), planned)

    def explain_repeat(self, page: int, other: int) -> str:
        """The reason for failing a job in which two pages have the same rows."""
        if len(self.prepared.links) > 1:
            return f"file {page} has the rows of file {other} again"
        cursor_name = self._pages.pager.cursor_name
        why = f"the vendor ignores {cursor_name}" if cursor_name else "two of its files are the same"
        return f"page {page} has the rows of page {other} again: {why}"

    # ------------------------------------------------------------ one exchange

    def _fetch_links(self) -> tuple[str, ...]:
        """Poll once more for the addresses of the rows, because signed URLs expire sooner than the report.

        Empty if there are none. Raises RetryLater if the report is being prepared again, ReportGone if the vendor says
        that it no longer has it.
        """
        now, prepared = self._exchange.clock(), self.prepared
        status = self.status(prepared.report_id or "", poll_link=prepared.poll_link, now=now)
        if isinstance(status, Waiting) and not status.is_missing:
            raise RetryLater(f"the link no longer works, and the vendor says {status.word!r} when asked for another")
        if isinstance(status, Gone):
            raise ReportGone(status.reason)
        return status.links if isinstance(status, Ready) else ()

    def _ask(
        self,
        declared: RequestOfTwoPaths,
        values: Mapping[str, Any],
        *,
        allow: Collection[int] = (),
        is_start_enough: bool = False,
    ) -> tuple[WireRequest, Answer]:
        """Send a declared request, after a 404 once more to its `path_on_404`; returns what was sent and the answer."""
        base, other = self._exchange.base, declared.path_on_404
        request = compose(base, declared, values)
        answer = self._fetch(request, {*allow, *((404,) if other else ())}, is_start_enough=is_start_enough)
        if other is None or answer.status != 404:
            return request, answer
        request = compose(base, declared, values, path=other)
        return request, self._fetch(request, allow, is_start_enough=is_start_enough)

    def _fetch(
        self, request: WireRequest, allow: Collection[int], *, is_start_enough: bool, kind: LinkKind = "api"
    ) -> Answer:
        if not is_start_enough:
            return self._exchange.fetch(request, kind=kind, shapes=self._errors, allow=allow)
        response = self._exchange.send(request, kind=kind, shapes=self._errors, allow=allow)
        start = response.start(START_BYTES)
        return Answer(response.name, response.status, response.headers, None, start, response.request_id)

    def _refuse_error(self, answer: Answer) -> None:
        self._exchange.refuse_error(answer, self._errors)

    def _declared_submit(self) -> Submit:
        if self._report.submit is None:
            raise FailJob("the vendor does not prepare this report, so there is nothing to submit")
        return self._report.submit
