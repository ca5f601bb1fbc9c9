"""The dialogue with a vendor about one report: ask for it, ask whether it is ready, read its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.client.adoption import latest_match
from worker.client.pages import Page, Pages
from worker.client.prepared import Prepared
from worker.client.status import Expired, Ready, Status, Waiting, judged, ours_in
from worker.errors import FailJob, ReportGone
from worker.json_path import find, first, link_in
from worker.model import PageFacts
from worker.paging.pager import Following
from worker.readers import reader_for
from worker.sources.placeholders import fill
from worker.sources.schema import Report, Request, Submit
from worker.transport.exchange import Answer, Exchange
from worker.transport.request import WireRequest, compose
from worker.vendor_errors import excerpt

__all__ = ["Expired", "Prepared", "Ready", "ReportGone", "Submission", "Vendor", "Waiting"]

MOST_LIST_PAGES = 200


@dataclass(frozen=True, slots=True)
class Submission:
    """The vendor took the request: its id of the report, and its id of the exchange where it told one."""

    report_id: str
    request_id: str | None = None


class Vendor:
    """One report of one vendor. Raises RetryLater, FailJob and StartOver; no message holds a credential."""

    def __init__(self, report: Report, params: Mapping[str, Any], exchange: Exchange, prepared: Prepared) -> None:
        self._report = report
        self._values = params
        self._exchange = exchange
        self.prepared = prepared
        may_relink = report.poll is not None and prepared.report_id is not None
        self._pages = Pages(report, params, exchange, prepared, relink=self._links_now if may_relink else None)

    # ------------------------------------------------------------ a report that is prepared

    def submit(self) -> Submission:
        """Ask the vendor to prepare the report. Unless RetryLater says `is_unsent`, it may be prepared all the same."""
        declared = self._submitted()
        answer = self._ask(declared.request, self._values)
        for path, words in declared.refused.items():
            if _word(find(answer.content, path)) in [_word(word) for word in words]:
                raise FailJob(f"{answer.name}: the vendor refused the report: {excerpt(answer.raw)}")
        report_id = first(answer.content, declared.report_id)
        if not isinstance(report_id, str | int) or isinstance(report_id, bool):
            raise FailJob(f"{answer.name}: no report id at {' or '.join(declared.report_id)}: {excerpt(answer.raw)}")
        return Submission(str(report_id), answer.request_id)

    def find_submitted(self, since: float) -> Submission | None:
        """The report an earlier `submit`, at `since`, made without our hearing of it, found in the vendor's list."""
        declared = self._submitted().adopt
        if declared is None:
            return None
        wanted = {path: fill(value, self._values) for path, value in declared.match.items()}
        request = compose(self._exchange.base, declared.request, self._values)
        seen = {request.url}
        while len(seen) <= MOST_LIST_PAGES:
            answer = self._exchange.ask(request, shapes=self._pages.errors)
            if found := latest_match(declared, find(answer.content, declared.rows) or (), wanted, since):
                return Submission(found[1])
            link = link_in(answer.content, declared.next)
            url = self._exchange.api_link(link, at=request.url) if link else request.url
            if url in seen:
                return None
            seen.add(url)
            request = WireRequest("GET", url, request.headers)
        return None

    def status(
        self, report_id: str, *, submitted_at: float | None, now: float, linkless_since: float | None = None
    ) -> Status:
        """Ask once whether the report is ready.

        A report not listed yet is waited for through the vendor's grace, then FailJob. So is a link that does not come:
        `linkless_since` is when `Waiting.is_linkless` was first answered.
        """
        poll = self._report.poll
        if poll is None:
            raise FailJob("this report is not prepared, so there is nothing to poll")
        answer = self._ask(poll.request, {**self._values, "report_id": report_id}, allow=(404, 410))
        if answer.status == 410:
            return Expired()
        ours = ours_in(poll, answer.content, report_id) if answer.status < 300 else None
        if ours is None:
            if now - (submitted_at or 0) <= poll.listing_grace_seconds:
                return Waiting("not listed yet")
            raise FailJob(f"{answer.name}: the vendor does not know report {report_id}", spoils_report=True)
        needs_link = self._pages.read.request is None and self._pages.read.resolve is None
        status = judged(poll, ours, answer.raw, needs_link=needs_link, now=now)
        grace = poll.missing_link_grace_seconds
        if isinstance(status, Waiting) and status.is_linkless and now - (linkless_since or now) > grace:
            raise FailJob(f"{answer.name}: ready for {grace} s and still no link: {excerpt(answer.raw)}")
        return status

    # ------------------------------------------------------------ pages

    @property
    def is_addressable(self) -> bool:
        """Can a page be given back and asked for again without losing the place?"""
        return self._pages.pager.is_addressable

    def planned(self, total: int | None) -> int:
        """The pages known before any is read, given the vendor's count of rows."""
        return max(self._pages.pager.planned(total, None), len(self.prepared.links))

    def reader(self, preferred: str | None) -> str:
        """The reader for this report's rows; `preferred` is the operator's choice where there is one."""
        return reader_for(self._pages.format, preferred)

    def last_count(self, facts: PageFacts) -> int | None:
        """The vendor's count of rows where it ends the paging; None where there is none, or one that may be capped."""
        return None if facts.total == self._pages.capped_at else facts.total

    def page(self, number: int, link: str | None) -> Page:
        """One page, to be read; its rows come first, then what it says of the report."""
        return self._pages.page(number, link)

    def following(self, number: int, facts: PageFacts, planned: int) -> Following:
        """What a page read to its end led to."""
        return self._pages.pager.following(number, facts, planned)

    def repeated(self, page: int, other: int) -> str:
        """What to say where two pages that stand side by side have the same rows."""
        return f"page {page} has the rows of page {other} again: the vendor ignores {self._pages.pager.moved_by}"

    # ------------------------------------------------------------ one exchange

    def _links_now(self) -> tuple[str, ...]:
        """The addresses of the rows as the vendor gives them now; none where it gives none."""
        now = self._exchange.clock()
        status = self.status(self.prepared.report_id or "", submitted_at=now, now=now)
        return status.links if isinstance(status, Ready) else ()

    def _ask(self, request: Request, values: Mapping[str, Any], *, allow: tuple[int, ...] = ()) -> Answer:
        """Ask for small JSON; at the other path where the first is not there."""
        base, errors = self._exchange.base, self._pages.errors
        if request.path_on_404 is None:
            return self._exchange.ask(compose(base, request, values), shapes=errors, allow=allow)
        answer = self._exchange.ask(compose(base, request, values), shapes=errors, allow=(404, *allow))
        if answer.status != 404:
            return answer
        request_there = compose(base, request, values, path=request.path_on_404)
        return self._exchange.ask(request_there, shapes=errors, allow=allow)

    def _submitted(self) -> Submit:
        if self._report.submit is None:
            raise FailJob("this report is not prepared, so there is nothing to ask for")
        return self._report.submit


def _word(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value
