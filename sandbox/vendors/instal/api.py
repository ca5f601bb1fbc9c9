"""Instal's Advertiser Report Export API: an export is requested, waited for, and downloaded as CSV.

The vendor documents no status codes and error bodies; these are those of the framework that its answers look like.
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
    """An export that was requested. `keys` counts the links given out, `dead_keys` are those that no longer work."""

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
        """The task's address is known with and without a slash at its end."""
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
        """A refusal as the framework words it."""
        headers = {"WWW-Authenticate": "Token"} if status == 401 else {}
        return as_json(status, {"detail": text}, headers)

    def refuse_request(self, reason: BadRequest) -> Answer:
        return as_json(400, reason.problems)

    def submit(self, exchange: Exchange) -> Answer:
        """A request for an export; the answer is the id of its task."""
        asked = read_export(self.json_body(exchange, other_type=415))
        task_id = str(uuid.uuid4())
        if error := exchange.fault("create_error"):
            told = {"result": "ERROR", "task_id": task_id} if error["with_id"] else {"result": "ERROR"}
            return as_json(error["code"], told)
        rows = exchange.settings.rows_of("instal", "advertiser-export")
        with self._guard:
            self._exports[task_id] = Export(task_id, asked, rows)
        return as_json(200, {"result": "QUEUED", "task_id": task_id})

    def poll(self, exchange: Exchange) -> Answer:
        """A task's state. An unknown one is pending for ever, as in Celery."""
        slash = exchange.fault("task_slash")
        if slash and not exchange.request.path.endswith("/"):
            if slash["answer"] == "404":
                raise Refusal(404, "Not found.")
            return Answer(301, headers={"Location": exchange.request.path + "/"})
        # Under the lock: two polls at once must not count as one.
        with self._guard:
            export = self._exports.get(exchange.parts["id"])
            if export is None or exchange.has("never_ready"):
                return as_json(200, {"state": "PENDING", "result": None})
            export.polls += 1
            return as_json(200, _task_state(exchange, export))

    def file(self, exchange: Exchange) -> Answer:
        """The export as a file, from here or from storage; refused if its link no longer works."""
        with self._guard:
            export = self._exports.get(exchange.parts["id"])
        if export is None:
            raise Refusal(404, "Not found.")
        key = exchange.request.query.get("key", "")
        expired = exchange.fault("link_expires")
        if expired:
            export.dead_keys.add(key)
        # Also in later exchanges, on which the fault no longer falls.
        if key in export.dead_keys:
            raise Refusal(expired["code"] if expired else 403, "Request has expired")
        rows = plan(export.asked, exchange.rendering(REPORT, export.rows))
        return csv_answer(exchange, rows, header=export.asked["csv_headers"])


def _task_state(exchange: Exchange, export: Export) -> dict[str, Any]:
    """What the task's address says about an export."""
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
