"""A visitor who believes nothing and shows each answer as it came, for trying things out."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.process import SandboxProcess
from sandbox.running import Sandbox

_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came: nothing unpacked, nothing decoded, no redirect followed."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def lines(self) -> list[bytes]:
        """The body's lines."""
        return self.body.splitlines()


class Visitor:
    """Speaks with one sandbox, with the right credentials.

    What breaks off raises as http.client has it.
    """

    def __init__(self, sandbox: Sandbox | SandboxProcess) -> None:
        self.urls = sandbox.urls
        self.credentials = sandbox.credentials
        self._tokens: dict[str, str] = {}

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Reply:
        """One exchange on a connection of its own.

        A body that is neither bytes nor None goes as JSON.
        """
        where = urlsplit(url)
        sent = {"Content-Type": "application/json", **(headers or {})} if body is not None else dict(headers or {})
        text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(where.netloc, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(method, where.path + (f"?{where.query}" if where.query else ""), text, sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers.items()), answer.read())
        finally:
            connection.close()

    def log_in(self, vendor: str) -> Reply:
        """A new token, kept for what is asked next; the answer as it came."""
        known = self.credentials[vendor]
        if vendor == "kargo":
            reply = self.ask("POST", f"{self.urls['kargo']}/authenticate", basic(known["username"], known["password"]))
        elif vendor == "rokt":
            headers = basic(known["app_id"], known["app_secret"])
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            url = f"{self.urls['rokt']}/auth/oauth2/token"
            reply = self.ask("POST", url, headers, b"grant_type=client_credentials")
        else:
            form = {"grant_type": "password", "audience": "https://api.mediamath.com/", **known}
            reply = self.ask("POST", self.urls["mediamath_auth"], body=form)
        if reply.status == 200:
            self._tokens[vendor] = str(reply.json()["access_token"])
        return reply

    def authorization(self, vendor: str) -> dict[str, str]:
        """The header that opens a vendor; a token is fetched where there is none."""
        if vendor == "instal":
            return {"Authorization": f"Token {self.credentials['instal']['token']}"}
        if vendor not in self._tokens:
            self.log_in(vendor)
        return {"Authorization": f"Bearer {self._tokens[vendor]}"}

    def get(self, vendor: str, path: str, **query: Any) -> Reply:
        """A GET below the vendor's base URL, authorized."""
        url = f"{self.urls[vendor]}{path}" + (f"?{urlencode(query)}" if query else "")
        return self.ask("GET", url, self.authorization(vendor))

    def post(self, vendor: str, path: str, body: Any) -> Reply:
        """A POST of JSON below the vendor's base URL, authorized."""
        return self.ask("POST", f"{self.urls[vendor]}{path}", self.authorization(vendor), body)

    def kargo_report(self, asked: Mapping[str, Any], *, polls: int = 3) -> str:
        """Ask Kargo for a report and poll so often; its id."""
        order = {"report_definition_id": "campaign-performance-metrics", "parameters": dict(asked)}
        report_id = str(self.post("kargo", "/reports", order).json()["id"])
        for _ in range(polls):
            self.get("kargo", "/reports", show_all=1, report_id=report_id)
        return report_id

    def instal_task(self, asked: Mapping[str, Any], *, polls: int = 2) -> str:
        """Ask Instal for an export and poll so often; its task's id."""
        task_id = str(self.post("instal", "/reports/exports/", dict(asked)).json()["task_id"])
        for _ in range(polls):
            self.get("instal", f"/reports/exports/{task_id}")
        return task_id


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authorization."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
