"""Runs the sandbox in a process of its own, and controls a running sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

_ROOT = Path(__file__).parents[1]
_PATIENCE_SECONDS = 30


class Remote:
    """The control API of a running sandbox, reached by its URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def set(self, **settings: Any) -> Any:
        """Change settings. Raises urllib's HTTPError if one is not allowed."""
        return self._call("PUT", "/settings", settings)

    def turn(self, *rules: dict[str, Any]) -> Any:
        """Put these rules in force instead of the present ones."""
        return self._call("PUT", "/faults", list(rules))

    def add(self, *rules: dict[str, Any]) -> Any:
        """Put these rules in force in addition to the present ones."""
        return self._call("POST", "/faults", list(rules))

    def faults(self) -> Any:
        """The rules in force, with their counts."""
        return self._call("GET", "/faults")

    def requests(self, vendor: str | None = None, endpoint: str | None = None) -> list[dict[str, Any]]:
        """The requests received, oldest first; only those of one vendor or endpoint, if given."""
        every = self._call("GET", "/requests")
        return [line for line in every if vendor in (None, line["vendor"]) and endpoint in (None, line["endpoint"])]

    def clear(self) -> None:
        """Forget the requests and set the counters to zero."""
        self._call("DELETE", "/requests")

    def counters(self) -> Any:
        """Rows served and readings begun, by `vendor.report`."""
        return self._call("GET", "/counters")

    def reset(self) -> None:
        """Restore settings, faults, requests and counters of the start."""
        self._call("POST", "/reset")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, sent, method=method), timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
            return json.load(answer)


class SandboxProcess:
    """Runs `python -m sandbox` with these options as a child process during the `with`.

    `urls`, `credentials`, `environment`, `port` and `storage_port` are those it announced; `remote` is its control API.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "sandbox", "--json"]
        for name, value in self._options.items():
            command += [f"--{name.replace('_', '-')}", value if isinstance(value, str) else json.dumps(value)]
        # So that `sandbox` can be imported from any working directory.
        where = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, env=where)
        # It prints its first line when it accepts connections; without a line, it did not start.
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            self._end()
            raise RuntimeError("the sandbox did not start; its stderr says why")
        announced = json.loads(line)
        self.pid = self._process.pid
        self.port: int = announced["port"]
        self.storage_port: int = announced["storage_port"]
        self.urls: dict[str, str] = announced["urls"]
        self.credentials: dict[str, dict[str, str]] = announced["credentials"]
        self.environment: dict[str, str] = announced["environment"]
        self.remote = Remote(self.urls["control"])
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE_SECONDS)
            if self._process.stdout:
                self._process.stdout.close()
