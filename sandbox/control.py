"""The control API under /_sandbox: settings, faults, the requests received and the rows served."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from sandbox.dial import KINDS, BadRule
from sandbox.exchange import World
from sandbox.http.message import Answer, Request, as_json
from sandbox.settings import explain

PREFIX = "/_sandbox"


class Control:
    """Answers control requests: reads or changes a running sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._initial = world.settings
        self._acts: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "/settings"): lambda _body: world.settings.model_dump(),
            ("PUT", "/settings"): self.set,
            ("GET", "/faults"): lambda _body: world.dial.list_rules(),
            ("PUT", "/faults"): self.turn,
            ("POST", "/faults"): lambda body: self.turn(body, is_added=True),
            ("DELETE", "/faults"): lambda _body: self.turn([]),
            ("GET", "/requests"): lambda _body: world.journal.requests(),
            ("DELETE", "/requests"): lambda _body: world.journal.clear(),
            ("GET", "/counters"): lambda _body: world.journal.counters(),
            ("GET", "/kinds"): lambda _body: {name: kind.describe() for name, kind in KINDS.items()},
            ("POST", "/reset"): lambda _body: self.reset(),
        }

    def answer(self, request: Request) -> Answer:
        """Carry out a control request; 400 if it is not allowed, and then nothing has changed."""
        path = request.path.removeprefix(PREFIX)
        act = self._acts.get((request.method, path))
        if act is None:
            known = sorted({f"{method} {PREFIX}{known}" for method, known in self._acts})
            return as_json(404, {"error": f"there is no {request.method} {request.path}", "known": known})
        try:
            return as_json(200, act(json.loads(request.body) if request.body else None))
        # Before ValueError, which it is as well, because its own text has several lines.
        except ValidationError as errors:
            return as_json(400, {"error": explain(errors)})
        except (ValueError, TypeError) as reason:
            return as_json(400, {"error": str(reason)})

    def set(self, changes: Any) -> dict[str, Any]:
        """Change some settings; returns all in force."""
        if not isinstance(changes, dict):
            raise TypeError("settings are an object")
        self._world.settings = self._world.settings.changed(changes)
        self._world.journal.resize(self._world.settings.journal_requests)
        return self._world.settings.model_dump()

    def turn(self, rules: Any, *, is_added: bool = False) -> list[dict[str, Any]]:
        """Put rules in force, in addition to or instead of the present ones; returns all rules in force."""
        if not isinstance(rules, list):
            raise BadRule("faults are a list of rules")
        self._world.dial.turn(rules, is_added=is_added)
        return self._world.dial.list_rules()

    def reset(self) -> dict[str, Any]:
        """Restore the state at the start, except that requested reports remain; returns the settings."""
        self.turn([])
        self._world.journal.clear()
        return self.set(self._initial.model_dump())
