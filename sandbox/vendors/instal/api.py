"""Instal's Advertiser Report Export API: clients request an export, wait for it, and download it as CSV.

The vendor documents neither status codes nor error bodies. These are those of the framework its answers look like.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.dial import Place
from sandbox.exchange import Exchange
from sandbox.http.message import Answer, Request, as_json
from sandbox.vendors.instal.export import REPORT, plan, read_export
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import CREDENTIALS
from sandbox.vendors.vendor import Endpoint, Refusal, Vendor, csv_answer


@dataclass(slots=True)
class Export:
    """A requested export. `keys` counts its links so far; those in `dead_keys` no longer work."""

    id: str
    asked: dict[str, Any]
    rows: int
    polls: int = 0
    successes: int = 0
    keys: int = 0
    dead_keys: set[str] = field(default_factory=set)


class Instal(Vendor):
    """One Instal advertiser."""

    name = "instal"
    prefix = "/instal/advertiser/api/v1"

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._exports: dict[str, Export] = {}

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        """The address of a task may have a slash at its end or not."""
        return (
            Endpoint("POST", "/reports/exports/", "exports", "submit", self.submit),
            Endpoint("GET", "/reports/exports/{id}/?", "task", "status", self.poll),
            Endpoint("GET", "/reports/files/{id}.csv", "download", "csv", self.file),
        )

    def locate(self, place: Place, request: Request, parts: Mapping[str, str]) -> Place:
        return replace(place, names=("advertiser-export",))

    def admit(self, exchange: Exchange) -> None:
        if exchange.request.headers.get("authorization") != f"Token {CREDENTIALS['instal']['token']}":
            raise Refusal(401, "Invalid token.")

    def refuse(self, status: int, text: str) -> Answer:
        """A refusal in the form of the framework."""
        headers = {"WWW-Authenticate": "Token"} if status == 401 else {}
        return as_json(status, {"detail": text}, headers)

    def refuse_request(self, reason: BadRequest) -> Answer:
        return as_json(400, reason.problems)

    def submit(self, exchange: Exchange) -> Answer:
        """Take a request for an export; the answer has the id of its task."""
        asked = read_export(self.json_body(exchange, other_type=415))
        task_id = str(uuid.uuid4())
        if error := exchange.fault("create_error"):
            body = {"result": "ERROR", "task_id": task_id} if error["with_id"] else {"result": "ERROR"}
            return as_json(error["code"], body)
        rows = exchange.settings.rows_of("instal", "advertiser-export")
        with self._guard:
            self._exports[task_id] = Export(task_id, asked, rows)
        return as_json(200, {"result": "QUEUED", "task_id": task_id})

    def poll(self, exchange: Exchange) -> Answer:
        """The state of a task. An unknown one is PENDING for ever, as in Celery."""
        slash = exchange.fault("task_slash")
        if slash and not exchange.request.path.endswith("/"):
            if slash["answer"] == "404":
                raise Refusal(404, "Not found.")
            return Answer(301, headers={"Location": exchange.request.path + "/"})
        # Under the lock, so that two simultaneous polls are counted as two.
        with self._guard:
            export = self._exports.get(exchange.parts["id"])
            if export is None or exchange.has("never_ready"):
                return as_json(200, {"state": "PENDING", "result": None})
            export.polls += 1
            return as_json(200, _task_state(exchange, export))

    def file(self, exchange: Exchange) -> Answer:
        """The export as a file, from the API or from storage. Raises Refusal if the link no longer works."""
        with self._guard:
            export = self._exports.get(exchange.parts["id"])
        if export is None:
            raise Refusal(404, "Not found.")
        key = exchange.request.query.get("key", "")
        expired = exchange.fault("link_expires")
        if expired:
            export.dead_keys.add(key)
        # The link stays dead in later exchanges, even if the fault no longer falls on them.
        if key in export.dead_keys:
            raise Refusal(expired["code"] if expired else 403, "Request has expired")
        rows = plan(export.asked, exchange.rendering(REPORT, export.rows))
        return csv_answer(exchange, rows, header=export.asked["csv_headers"])


def _task_state(exchange: Exchange, export: Export) -> dict[str, Any]:
    """The answer to a poll of an export."""
    state = exchange.fault("task_state")
    if state and (state["polls"] is None or export.polls <= state["polls"]):
        return {"state": state["state"], "result": state["text"]}
    if export.polls <= exchange.settings.polls_until_ready:
        return {"state": "PENDING", "result": None}
    export.successes += 1
    null = exchange.fault("null_result")
    if null and (null["polls"] is None or export.successes <= null["polls"]):
        return {"state": "SUCCESS", "result": None}
    export.keys += 1
    path = f"{Instal.prefix}/reports/files/{export.id}.csv?key={export.keys}"
    links = {
        "storage": f"{exchange.world.storage_base}/instal/{export.id}.csv?key={export.keys}",
        "relative": path,
        "own": exchange.world.base + path,
    }
    return {"state": "SUCCESS", "result": links[exchange.value("download_link", "form", "storage")]}
