"""Where the rows of a report are: at a request of our own, or at an address the vendor gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.client.prepared import Prepared
from worker.errors import FailJob, ReportGone
from worker.json_path import count_in, link_in
from worker.paging import Address
from worker.sources.placeholders import fill
from worker.sources.schema import Read
from worker.transport import links
from worker.transport.exchange import Exchange
from worker.transport.links import LinkKind
from worker.transport.request import WireRequest, compose, with_query
from worker.vendor_errors import excerpt

PACKING = {"Accept-Encoding": "gzip, zstd"}
GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Located:
    """One request for rows, how far its address is trusted, and the number of rows where that was told with it."""

    request: WireRequest
    kind: LinkKind = "api"
    total: int | None = None


class Whereabouts:
    """Turns the addresses of a pager into requests."""

    def __init__(self, read: Read, values: Mapping[str, Any], exchange: Exchange, prepared: Prepared) -> None:
        self._read = read
        self._values = values
        self._exchange = exchange
        self._prepared = prepared

    def located(self, address: Address, page: int) -> Located:
        """The request of one address on a page. May ask the vendor; raises as `Exchange.ask` does, and ReportGone."""
        base = self._exchange.base
        if address.link is not None:
            return Located(self._get(self._exchange.api_link(address.link, at=base.url(""))))
        if self._read.request is not None:
            return Located(self.asked(address), self._read.link_kind)
        if self._read.resolve is not None:
            return self._resolved(address)
        return self.linked(self._prepared.links, address, page)

    def linked(self, links: Sequence[str], address: Address, page: int) -> Located:
        """The request of an address that the poll's answer gave: of several, page N is at the N-th."""
        if not links:
            raise ReportGone("the vendor said ready and gave no address of the rows")
        if 1 < len(links) < page:
            raise ReportGone(f"the vendor now gives {len(links)} files, and page {page} was one of them")
        return self._linked(links[0 if len(links) == 1 else page - 1], self._exchange.base.url("/"), address)

    def asked(self, address: Address) -> WireRequest:
        """The declared request with what an address adds to it."""
        assert self._read.request is not None  # noqa: S101 - the caller saw it
        request = compose(
            self._exchange.base,
            self._read.request,
            {**self._values, **address.values},
            query=address.query,
            json_parts=address.json_parts,
        )
        return WireRequest(request.method, request.url, {**PACKING, **request.headers}, request.body)

    def _resolved(self, address: Address) -> Located:
        """Ask for the address of the rows, and hear their number where it is told."""
        assert self._read.resolve is not None  # noqa: S101 - the caller saw it
        request = compose(self._exchange.base, self._read.resolve, self._values)
        answer = self._exchange.ask(request, allow=GONE if self._prepared.report_id else ())
        if answer.status in GONE:
            raise ReportGone(f"{request.name}: {answer.status}: the vendor no longer has the report")
        link = link_in(answer.content, self._read.link)
        if link is None:
            places = " or ".join(self._read.link)
            raise FailJob(f"{request.name}: the answer has no link at {places}: {excerpt(answer.raw)}")
        found = self._linked(link, request.url, address)
        return Located(found.request, found.kind, count_in(answer.content, self._read.total))

    def _linked(self, link: str, at: str, address: Address) -> Located:
        if self._read.link_kind == "download":
            return Located(self._get(links.elsewhere(self._exchange.base, link, at=at).url), "download")
        return Located(self._get(with_query(self._exchange.api_link(link, at=at), address.query)))

    def _get(self, url: str) -> WireRequest:
        declared = self._read.request or self._read.resolve
        headers = (fill(declared.headers, self._values) or {}) if declared else {}
        return WireRequest("GET", url, PACKING | {name: str(value) for name, value in headers.items()})
