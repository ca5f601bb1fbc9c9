"""Files on another host, for which a link is enough; requests with credentials are refused."""

from __future__ import annotations

from dataclasses import replace

from sandbox.exchange import Exchange
from sandbox.faults.dial import Place
from sandbox.http.message import Answer, Refusal, Request, whole
from sandbox.http.routing import Mount, route
from sandbox.vendors.instal.api import Instal, name_report
from sandbox.vendors.kargo.api import Kargo

PREFIX = "/storage"


def refuse(status: int, text: str) -> Answer:
    """A refusal as an object store words it."""
    return whole(status, f"<Error><Code>{status}</Code><Message>{text}</Message></Error>".encode(), "application/xml")


class Storage:
    """The files of those vendors that hand out links to them."""

    def __init__(self, kargo: Kargo, instal: Instal) -> None:
        self._kargo = kargo
        self._instal = instal

    def mounts(self) -> tuple[Mount, ...]:
        """One mount for each vendor, so that rules for a vendor apply to its files too."""
        kargo = route("GET", "/{id}.csv", "storage", "csv", self._kargo_file, place=self._name_kargo_report)
        instal = route("GET", "/{id}.csv", "storage", "csv", self._instal_file, place=name_report)
        return (
            Mount("kargo", f"{PREFIX}/kargo", (kargo,), refuse),
            Mount("instal", f"{PREFIX}/instal", (instal,), refuse),
        )

    def _kargo_file(self, exchange: Exchange) -> Answer:
        _refuse_credentials(exchange)
        report = self._kargo.find(exchange.parts["id"])
        if report is None or report.ready_at is None:
            raise Refusal(refuse(404, "NoSuchKey"))
        gone = exchange.fault("expired_report") or exchange.fault("link_expires")
        if gone or report.is_expired:
            raise Refusal(refuse(gone["code"] if gone else 403, "Request has expired"))
        return self._kargo.file(exchange, report)

    def _instal_file(self, exchange: Exchange) -> Answer:
        _refuse_credentials(exchange)
        export = self._instal.find(exchange.parts["id"])
        if export is None:
            raise Refusal(refuse(404, "NoSuchKey"))
        return self._instal.file(exchange, export)

    def _name_kargo_report(self, request: Request, place: Place) -> Place:
        report_id = request.path.rpartition("/")[2].removesuffix(".csv")
        report = self._kargo.find(report_id)
        return replace(place, names=(report_id, report.order.definition) if report else (report_id,))


def _refuse_credentials(exchange: Exchange) -> None:
    if "authorization" in exchange.request.headers and exchange.fault("storage_accepts_token") is None:
        raise Refusal(refuse(403, "Only one auth mechanism allowed"))
