"""Instal's Advertiser Report Export API: an export is requested, waited for, and downloaded as CSV.

The vendor documents no status codes and error bodies; these are those of the framework that its answers look like.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.exchange import Exchange
from sandbox.faults.dial import Place
from sandbox.http.message import Answer, Refusal, Request, as_json
from sandbox.http.routing import Mount, route
from sandbox.rows import Rendering, RowPlan
from sandbox.vendors.csv_file import csv_answer
from sandbox.vendors.instal.export import plan, read_export
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import CREDENTIALS

PREFIX = "/instal/advertiser/api/v1"
REPORT = "instal.advertiser-export"


def refuse(status: int, text: str) -> Answer:
    """A refusal as the framework words it."""
    return as_json(status, {"detail": text})


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

    def plan(self, rendering: Rendering) -> RowPlan:
        """Its rows."""
        return plan(self.asked, rendering)


class Instal:
    """One Instal advertiser."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._exports: dict[str, Export] = {}

    def mount(self) -> Mount:
        """Its endpoints. The task's address is known with and without a slash at its end."""
        routes = (
            route("POST", "/reports/exports/", "exports", "submit", self._submit, place=name_report),
            route("GET", "/reports/exports/{id}/?", "task", "status", self._poll, place=name_report),
            route("GET", "/reports/files/{id}.csv", "download", "csv", self._download, place=name_report),
        )
        return Mount("instal", PREFIX, routes, refuse)

    def find(self, task_id: str) -> Export | None:
        """The export of this id, for storage."""
        with self._guard:
            return self._exports.get(task_id)

    def _submit(self, exchange: Exchange) -> Answer:
        _admit(exchange)
        if exchange.request.media_type != "application/json":
            raise Refusal(refuse(415, f'Unsupported media type "{exchange.request.media_type}" in request.'))
        try:
            asked = read_export(exchange.request.json())
        except BadRequest as reason:
            raise Refusal(as_json(400, reason.problems)) from None
        except ValueError as reason:
            raise Refusal(refuse(400, f"JSON parse error - {reason}")) from None
        task_id = str(uuid.uuid4())
        if error := exchange.fault("create_error"):
            told = {"result": "ERROR", "task_id": task_id} if error["with_id"] else {"result": "ERROR"}
            return as_json(error["code"], told)
        rows = exchange.settings.rows_of("instal", "advertiser-export")
        with self._guard:
            self._exports[task_id] = Export(task_id, asked, rows)
        return as_json(200, {"result": "QUEUED", "task_id": task_id})

    def _poll(self, exchange: Exchange) -> Answer:
        """A task's state. An unknown one is pending for ever, as in Celery."""
        _admit(exchange)
        slash = exchange.fault("task_slash")
        if slash and not exchange.request.path.endswith("/"):
            if slash["answer"] == "404":
                raise Refusal(refuse(404, "Not found."))
            return Answer(301, headers={"Location": exchange.request.path + "/"})
        export = self.find(exchange.parts["id"])
        if export is None or exchange.fault("never_ready") is not None:
            return as_json(200, {"state": "PENDING", "result": None})
        # Under the lock: two polls at once must not count as one.
        with self._guard:
            export.polls += 1
            return as_json(200, _task_state(exchange, export))

    def _download(self, exchange: Exchange) -> Answer:
        _admit(exchange)
        if export := self.find(exchange.parts["id"]):
            return self.file(exchange, export)
        raise Refusal(refuse(404, "Not found."))

    def file(self, exchange: Exchange, export: Export) -> Answer:
        """The export as a file, from here or from storage; refused if its link no longer works."""
        key = exchange.request.query.get("key", "")
        expired = exchange.fault("link_expires")
        if expired:
            export.dead_keys.add(key)
        if key in export.dead_keys:
            raise Refusal(refuse(expired["code"] if expired else 403, "Request has expired"))
        rendering = replace(exchange.rendering(REPORT, export.rows), form="csv", style="numbers")
        return csv_answer(exchange, REPORT, export.plan, rendering, header=export.asked["csv_headers"])


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
    fault = exchange.fault("download_link")
    form = fault["form"] if fault else "storage"
    path = f"{PREFIX}/reports/files/{export.id}.csv?key={export.keys}"
    links = {
        "storage": f"{exchange.world.storage_base}/instal/{export.id}.csv?key={export.keys}",
        "relative": path,
        "own": exchange.world.base + path,
    }
    return {"state": "SUCCESS", "result": links[form]}


def _admit(exchange: Exchange) -> None:
    if exchange.request.headers.get("authorization") != f"Token {CREDENTIALS['instal']['token']}":
        refusal = refuse(401, "Invalid token.")
        raise Refusal(replace(refusal, headers={**refusal.headers, "WWW-Authenticate": "Token"}))


def name_report(_request: Request, place: Place) -> Place:
    return replace(place, names=("advertiser-export",))
