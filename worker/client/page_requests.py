"""Builds the requests that read a report's pages, wherever the rows are: own request, resolved link, polled links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from worker.client.selectors import refuse_one_of_several
from worker.client.status import Prepared
from worker.errors import FailJob, ReportGone, ReportNotFound
from worker.json_path import count_in, link_in
from worker.paging.pager import Address
from worker.sources.base_urls import Base
from worker.sources.schema import LinkPaging, Read, Request
from worker.transport import links
from worker.transport.exchange import Exchange
from worker.transport.links import LinkKind
from worker.transport.refusals import not_ready
from worker.transport.request import WireRequest, compose, headers_of_get, with_query
from worker.vendor_errors import excerpt

# Not deflate: some servers send it without the zlib wrapper (RFC 9110, 8.4.1.2), so its form has to be guessed.
PACKING = {"Accept-Encoding": "gzip, zstd"}
GONE = (404, 410)
"""The statuses of a report, or a file of one, that the vendor does not have."""


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """The rows are the answer to a request of the source file."""

    request: Request


@dataclass(frozen=True, slots=True)
class ResolvedLink:
    """The rows are at a link, and perhaps counted, in the answer to a request of the source file."""

    request: Request


@dataclass(frozen=True, slots=True)
class PolledLinks:
    """The rows are at the links in the poll's answer: in one file, or in several, page N in file N."""

    links: tuple[str, ...]


RowsAt = OwnRequest | ResolvedLink | PolledLinks


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request for rows. `kind` says how far its address is trusted, `total` is the count that came with it.

    `named_host` is the host in the vendor's link if it was replaced by our own.
    """

    request: WireRequest
    kind: LinkKind = "api"
    total: int | None = None
    named_host: str = ""

    def hint(self, status: int, base: Base) -> str:
        """What in the source file may be the reason for a refusal with this status; empty if nothing is known."""
        there = urlsplit(self.request.url)
        if status == HTTPStatus.UNAUTHORIZED and f"{there.scheme}://{there.netloc}" != base.origin:
            return f"; no credentials are sent to {there.netloc}, which is not the connection's host"
        return _hint_at_download(self.named_host)


def _hint_at_download(host: str) -> str:
    return f"; the link names {host}: if the rows are there, declare `link_kind: download`" if host else ""


def rows_at(read: Read, prepared: Prepared) -> RowsAt:
    """Where the rows are, by the declaration of a read."""
    if read.request is not None:
        return OwnRequest(read.request)
    if read.resolve is not None:
        return ResolvedLink(read.resolve)
    return PolledLinks(prepared.links)


def find_same_file(link: str, others: Iterable[str]) -> str | None:
    """The link to the same file, signed anew: with the same path, and more of the same query than any other has.

    None if no link has the same path, or several are equally alike.
    """

    def count_same(other: str) -> int:
        parts = urlsplit(other)
        return len(pairs & {*parse_qsl(parts.query)}) if parts.path == here.path else -1

    here = urlsplit(link)
    pairs = {*parse_qsl(here.query)}
    by_likeness = sorted(others, key=count_same, reverse=True)
    if not by_likeness or count_same(by_likeness[0]) < 0:
        return None
    is_tie = len(by_likeness) > 1 and count_same(by_likeness[1]) == count_same(by_likeness[0])
    return None if is_tie else by_likeness[0]


class PageRequests:
    """Turns the addresses of a pager into requests."""

    def __init__(
        self, read: Read, values: Mapping[str, Any], exchange: Exchange, prepared: Prepared, *, asked: Request | None
    ) -> None:
        """`asked` is the request of the report whose headers also go with a link to it."""
        self._read = read
        self._asked = read.request or read.resolve or asked
        self._rows_at = rows_at(read, prepared)
        self._values = values
        self._exchange = exchange
        self._has_report = prepared.report_id is not None
        self._files = prepared.links

    def build(self, address: Address, page: int, moved_to: RowsAt | None = None) -> PageRequest:
        """The request for one address of a page; `moved_to` is where the rows are if they have moved.

        May ask the vendor for a link. Raises what `Exchange.ask` raises, and ReportGone if the vendor has no link any
        more.
        """
        base = self._exchange.base
        if address.link is not None:
            url = self._exchange.api_link(address.link, at=base.url(""))
            if self._read.request and isinstance(self._read.paging, LinkPaging) and self._read.paging.method == "POST":
                return PageRequest(replace(self._compose(self._read.request, Address(), page), url=url))
            return PageRequest(self._get(url, page))
        match moved_to or self._rows_at:
            case OwnRequest(request):
                return PageRequest(self._compose(request, address, page), self._read.link_kind)
            case ResolvedLink(request):
                return self._resolve(request, address, page)
            case PolledLinks(found):
                if not found:
                    raise ReportGone("the vendor said that the report is ready, but gave no address for its rows")
                return self._follow_link(self._choose_file(found, page), base.url("/"), address, page)

    def _choose_file(self, found: Sequence[str], page: int) -> str:
        """The link to the file of a page, among links that may have been fetched anew. Raises ReportGone if unknown."""
        known = self._rows_at.links if isinstance(self._rows_at, PolledLinks) else found
        # All pages of one file are at its link; of several files, each is a page.
        number = 0 if len(known) == 1 else page - 1
        if number >= len(known):
            raise ReportGone(f"the vendor names {len(known)} files, so there is no file for page {page}")
        if found == known or len(found) == len(known) == 1:
            return found[number]
        # The vendor may list its files in another order now.
        same = find_same_file(known[number], found)
        if same is None:
            raise ReportGone(f"the vendor now names {len(found)} files, and none is surely the one of page {page}")
        return same

    @property
    def first_url(self) -> str | None:
        """The URL of the first page, in the form links have; None if the first page is itself reached by a link."""
        if not isinstance(self._rows_at, OwnRequest):
            return None
        first = self._compose(self._rows_at.request, Address(), 1).url
        return self._exchange.api_link(first, at=first)

    def _values_of(self, page: int) -> Mapping[str, Any]:
        """What fills the placeholders of a page's request: of several files, `{link}` is the page's own."""
        return {**self._values, "link": self._files[page - 1]} if len(self._files) > 1 else self._values

    def _compose(self, request: Request, address: Address, page: int) -> WireRequest:
        """The declared request with what an address adds to it."""
        values = {**self._values_of(page), **address.values}
        base, query, form = self._exchange.base, address.query, address.form
        wire = compose(base, request, values, query=query, form=form, json_parts=address.json_parts)
        return WireRequest(wire.method, wire.url, {**PACKING, **wire.headers}, wire.body)

    def _resolve(self, declared: Request, address: Address, page: int) -> PageRequest:
        """Ask for the address of the rows, and for their count if the same answer has it."""
        request = compose(self._exchange.base, declared, self._values_of(page))
        answer = self._exchange.ask(request, allow=GONE if self._has_report else ())
        if answer.status in GONE:
            gone = ReportNotFound if answer.status == HTTPStatus.NOT_FOUND else ReportGone
            raise gone(f"{request.name}: {answer.status}: the vendor no longer has the report")
        refuse_one_of_several(self._read.link, answer.content, request.name)
        link = link_in(answer.content, self._read.link)
        if link is None and answer.status == HTTPStatus.ACCEPTED:
            raise not_ready(answer.name, answer.headers, now=self._exchange.clock())
        if link is None:
            places = " or ".join(self._read.link)
            raise FailJob(f"{request.name}: the answer has no link at {places}: {excerpt(answer.raw)}")
        found = self._follow_link(link, request.url, address, page)
        return PageRequest(found.request, found.kind, count_in(answer.content, self._read.total))

    def _follow_link(self, link: str, at: str, address: Address, page: int) -> PageRequest:
        if self._read.link_kind == "download":
            target = links.download_target(self._exchange.base, link, at=at).url
            if urlsplit(target).hostname not in self._exchange.connection.source.alias_hosts:
                return PageRequest(self._get(target, page), "download")
        host = links.other_host(self._exchange.base, link, at=at)
        try:
            url = self._exchange.api_link(link, at=at)
        except FailJob as outside:
            raise FailJob(f"{outside}{_hint_at_download(host)}") from None
        return PageRequest(self._get(with_query(url, address.query), page), named_host=host)

    def _get(self, url: str, page: int) -> WireRequest:
        headers = headers_of_get(self._asked, self._values_of(page)) if self._asked else {}
        return WireRequest("GET", url, PACKING | headers)
