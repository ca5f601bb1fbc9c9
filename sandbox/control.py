"""The control API under /_sandbox: settings, faults, what was requested, how many rows were served."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from sandbox.exchange import World
from sandbox.faults.dial import BadRule
from sandbox.http.message import Answer, Request, as_json
from sandbox.kinds import KINDS

PREFIX = "/_sandbox"


class Control:
    """What can be asked of and done to a running sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._initial = world.settings
        self._acts: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "/settings"): lambda _body: world.settings.model_dump(),
            ("PUT", "/settings"): self._set,
            ("GET", "/faults"): lambda _body: world.dial.shown(),
            ("PUT", "/faults"): lambda body: self._turn(body, is_added=False),
            ("POST", "/faults"): lambda body: self._turn(body, is_added=True),
            ("DELETE", "/faults"): lambda _body: self._turn([], is_added=False),
            ("GET", "/requests"): lambda _body: world.journal.requests(),
            ("DELETE", "/requests"): lambda _body: world.journal.clear(),
            ("GET", "/counters"): lambda _body: world.journal.counters(),
            ("GET", "/kinds"): lambda _body: {name: kind.describe() for name, kind in KINDS.items()},
            ("POST", "/reset"): self._reset,
        }

    def answer(self, request: Request) -> Answer:
        """Do what a control request asks; 400 if it is not allowed, and then nothing is changed."""
        path = request.path.removeprefix(PREFIX)
        act = self._acts.get((request.method, path))
        if act is None:
            known = sorted({f"{method} {PREFIX}{known}" for method, known in self._acts})
            return as_json(404, {"error": f"no {request.method} {request.path}", "known": known})
        try:
            body = json.loads(request.body) if request.body else None
            return as_json(200, act(body))
        except (BadRule, ValidationError, ValueError, TypeError) as reason:
            return as_json(400, {"error": str(reason)})

    def _set(self, changes: Any) -> Any:
        if not isinstance(changes, dict):
            raise TypeError("settings are an object")
        self._world.settings = self._world.settings.changed(changes)
        self._world.journal.resize(self._world.settings.journal_requests)
        return self._world.settings.model_dump()

    def _turn(self, rules: Any, *, is_added: bool) -> Any:
        if not isinstance(rules, list):
            raise BadRule("faults are a list of rules")
        self._world.dial.turn(rules, is_added=is_added)
        return self._world.dial.shown()

    def _reset(self, _body: Any) -> Any:
        """Everything as it was at the start, except for the reports that were asked for."""
        self._turn([], is_added=False)
        self._world.journal.clear()
        return self._set(self._initial.model_dump())
