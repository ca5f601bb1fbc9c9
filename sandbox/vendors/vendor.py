"""What the simulated vendors share: endpoints, tokens, refusals, and files, their own and those in storage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from sandbox.dial import Place
from sandbox.exchange import Exchange
from sandbox.faults.kind import Role
from sandbox.http.message import Answer, Json, Request, as_json, streamed, whole
from sandbox.rows import RowPlan, csv_line
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import Tokens


class Refusal(Exception):
    """The vendor refuses a request with this status and text, in its own form."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(f"{status}: {text}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint: its method, its path below the vendor's prefix, and the function that answers.

    A name in braces matches one segment of the path. Of endpoints with the same path, the first whose `needs_query`
    is in the query answers.
    """

    method: str
    path: str
    name: str
    role: Role
    answer: Callable[[Exchange], Answer]
    needs_query: str | None = None

    def match(self, path: str, query: Mapping[str, str]) -> dict[str, str] | None:
        """The named segments of the path; None if the endpoint does not match."""
        if self.needs_query and self.needs_query not in query:
            return None
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path), path)
        return found.groupdict() if found else None


class Vendor:
    """A vendor with one account."""

    name: str
    prefix: str

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.endpoints = self.list_endpoints()

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints of this vendor."""
        raise NotImplementedError

    def locate(self, place: Place, request: Request, parts: Mapping[str, str]) -> Place:
        """Add to a place what only the vendor can read from the request: report, page and offset."""
        return place

    def admit(self, exchange: Exchange) -> None:
        """Raise Refusal if the credentials of a request are missing or wrong. Not called for token requests."""
        if not self.tokens.accepts(exchange.request):
            raise Refusal(401, "Authentication information is missing or invalid.")

    def refuse(self, status: int, text: str) -> Answer:
        """The answer that refuses a request. Most vendors do not document its body."""
        return as_json(status, {"message": text})

    def refuse_request(self, reason: BadRequest) -> Answer:
        """The answer that refuses a wrong request."""
        return self.refuse(400, str(reason))

    def json_body(self, exchange: Exchange, *, other_type: int = 400) -> Json:
        """The JSON in the body. Raises Refusal if it is invalid, or with `other_type` if the content type differs."""
        if exchange.request.media_type != "application/json":
            raise Refusal(other_type, f'Unsupported media type "{exchange.request.media_type}".')
        if (body := exchange.request.json()) is None:
            raise Refusal(400, "the body is not valid JSON")
        return body

    def file(self, exchange: Exchange) -> Answer:
        """The file that a link to storage leads to."""
        raise Refusal(404, "NoSuchKey")


class Storage(Vendor):
    """The storage host for the files of one vendor; rules for the vendor apply to it too."""

    def __init__(self, owner: Vendor) -> None:
        self._owner = owner
        self.name = owner.name
        self.prefix = f"/storage/{owner.name}"
        super().__init__()

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        return (Endpoint("GET", "/{id}.csv", "storage", "csv", self._owner.file),)

    def locate(self, place: Place, request: Request, parts: Mapping[str, str]) -> Place:
        return self._owner.locate(place, request, parts)

    def admit(self, exchange: Exchange) -> None:
        if "authorization" in exchange.request.headers and not exchange.has("storage_accepts_token"):
            raise Refusal(403, "Only one auth mechanism allowed")

    def refuse(self, status: int, text: str) -> Answer:
        """A refusal in the form of an object store."""
        text = f"<Error><Code>{status}</Code><Message>{text}</Message></Error>"
        return whole(status, text.encode(), "application/xml")


def csv_answer(exchange: Exchange, plan: RowPlan, *, header: bool = True) -> Answer:
    """The rows as a CSV file. States the length, unless a fault makes the file longer or shorter than planned."""
    plan = plan.rendered(form="csv", style="numbers", delimiter=exchange.delimiter)
    header = exchange.value("csv_header", "present", header)
    if empty := exchange.fault("csv_empty"):
        plan, header = plan.rendered(rows=0), empty["header"]
    line = csv_line([column.name for column in plan.columns], exchange.delimiter) if header else None
    body: Iterator[bytes] = exchange.lines(exchange.blocks(plan, header=line))
    if exchange.has("csv_bom"):
        body = chain((b"\xef\xbb\xbf",), body)
    # Computed before any row is made, so that even a large file can state its length.
    planned_bytes = plan.byte_count() + (len(line) + 1 if line else 0)
    return streamed(body, "text/csv; charset=utf-8", length=None if exchange.changes_length else planned_bytes)
