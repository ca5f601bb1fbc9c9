"""The whole sandbox: its servers, vendors and control API, started and stopped together."""

from __future__ import annotations

import json
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Self

from sandbox.control import Control
from sandbox.dial import Dial
from sandbox.exchange import World
from sandbox.http.message import Answer, Hangup, Request, as_json
from sandbox.http.server import Server
from sandbox.remote import Remote
from sandbox.routing import answer
from sandbox.settings import Settings
from sandbox.vendors.instal.api import Instal
from sandbox.vendors.kargo.api import Kargo
from sandbox.vendors.mediamath.api import MediaMath
from sandbox.vendors.rokt.api import Rokt
from sandbox.vendors.tokens import CREDENTIALS
from sandbox.vendors.vendor import Storage

ANY_HOST = "0.0.0.0"  # noqa: S104 - only compared with


class Sandbox:
    """The four vendors on one port, and storage on a second one. Use it in a `with`, or call `start` and `stop`.

    `announced_host` is the host in URLs and links, if clients use another name than `host`. `faults` are the rules in
    force at the start; every other argument is a setting.
    """

    credentials = CREDENTIALS

    def __init__(
        self,
        port: int = 0,
        *,
        storage_port: int = 0,
        host: str = "127.0.0.1",
        announced_host: str | None = None,
        faults: Sequence[dict[str, Any]] = (),
        **settings: Any,
    ) -> None:
        announced = announced_host or ("127.0.0.1" if host == ANY_HOST else host)
        self.world = World(Settings(**settings), Dial(faults))
        kargo, instal = Kargo(), Instal()
        self._vendors = (kargo, MediaMath(), Rokt(), instal, Storage(kargo), Storage(instal))
        self.control = Control(self.world)
        self._server = Server(host, port, self._respond)
        self._storage = Server(host, storage_port, self._respond, is_storage=True)
        self.port = self._server.port
        self.storage_port = self._storage.port
        self.world.base = f"http://{announced}:{self.port}"
        self.world.storage_base = f"http://{announced}:{self.storage_port}/storage"

    def start(self) -> Self:
        """Accept connections from now on."""
        self._server.start()
        self._storage.start()
        return self

    def stop(self) -> None:
        """Stop listening and close every connection at once. May be called twice."""
        self.world.stopping.set()
        self._server.stop()
        self._storage.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each vendor for a connection, and those of token endpoint, storage and control API."""
        base = self.world.base
        return {
            "kargo": f"{base}/kargo/v1",
            "mediamath": f"{base}/mediamath/reporting/v2",
            "mediamath_auth": f"{base}/mediamath/oauth/token",
            "rokt": f"{base}/rokt",
            "instal": f"{base}/instal/advertiser/api/v1",
            "storage": self.world.storage_base,
            "control": f"{base}/_sandbox",
        }

    @property
    def remote(self) -> Remote:
        """The control API, over HTTP."""
        return Remote(self.urls["control"])

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which clients use this sandbox, credentials included."""
        urls = self.urls
        known = {f"{vendor}_{name}": value for vendor, all_ in CREDENTIALS.items() for name, value in all_.items()}
        # A connection to MediaMath has either the token or the other four credentials.
        del known["mediamath_token"]
        addresses = {f"{vendor}_base_url": urls[vendor] for vendor in CREDENTIALS}
        found = {**addresses, "mediamath_auth_url": urls["mediamath_auth"], **known}
        return {name.upper(): value for name, value in sorted(found.items())}

    def announcement(self) -> str:
        """One line of JSON: addresses, credentials and environment variables."""
        ports = {"port": self.port, "storage_port": self.storage_port}
        return json.dumps({**ports, "urls": self.urls, "credentials": CREDENTIALS, "environment": self.environment})

    def exports(self) -> str:
        """The environment as lines to paste into a shell, and the URL of the control API."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return "\n".join([*lines, f"# faults, settings, requests: {self.urls['control']}"])

    def _respond(self, request: Request) -> Answer:
        try:
            if request.is_storage and not request.path.startswith("/storage/"):
                return as_json(404, {"error": "only /storage is on this port"})
            if request.path.startswith("/_sandbox"):
                return self.control.answer(request)
            return answer(self.world, self._vendors, request)
        except Hangup:
            raise
        except Exception:  # noqa: BLE001 - a bug of the sandbox must not look like a vendor's fault
            traceback.print_exc(file=sys.stderr)
            return as_json(500, {"sandbox": "a bug of the sandbox itself; see its stderr"})
