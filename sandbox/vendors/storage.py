"""The files of a vendor on another host, for which a link is enough; requests with credentials are refused."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.exchange import Exchange
from sandbox.faults.dial import Place
from sandbox.http.message import Answer, Request, whole
from sandbox.vendors.vendor import Endpoint, Refusal, Vendor


class Storage(Vendor):
    """The files of one vendor, so that rules for the vendor apply to its files too."""

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
        """A refusal as an object store words it."""
        text = f"<Error><Code>{status}</Code><Message>{text}</Message></Error>"
        return whole(status, text.encode(), "application/xml")
