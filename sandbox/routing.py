"""Which function answers a request, and the faults on the way there and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from time import time

from sandbox.byte_edits import paced, spoil
from sandbox.error_bodies import error_answer
from sandbox.exchange import Exchange, World
from sandbox.fault_types import ROW_ROLES, Role
from sandbox.faults import Args, Place
from sandbox.line_edits import error_text, gateway_envelope
from sandbox.wire import Answer, Hangup, Refusal, Request, as_json, whole

_HTML = b"<!DOCTYPE html>\n<html><head><title>Service</title></head><body><h1>Sorry</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint: its method, the path below the vendor's mount, and what answers it.

    `place` refines where a request falls (report, page, offset, another role) from its query or body.
    """

    method: str
    pattern: re.Pattern[str]
    endpoint: str
    role: Role
    act: Callable[[Exchange], Answer]
    place: Callable[[Request, Place], Place] | None = None
    needs_query: str | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """A vendor's routes below a path prefix, and how that vendor words a refusal."""

    vendor: str
    prefix: str
    routes: tuple[Route, ...]
    refuse: Callable[[int, str], Answer]


def route(
    method: str,
    path: str,
    endpoint: str,
    role: Role,
    act: Callable[[Exchange], Answer],
    *,
    place: Callable[[Request, Place], Place] | None = None,
    needs_query: str | None = None,
) -> Route:
    """A route from a path such as `/reports/{id}`: a name in braces is one segment."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile(pattern), endpoint, role, act, place, needs_query)


def answer(world: World, mounts: tuple[Mount, ...], request: Request) -> Answer:
    """What a vendor answers to a request. Hangup ends the connection instead."""
    mount = next((mount for mount in mounts if _is_below(request.path, mount.prefix)), None)
    if mount is None:
        world.journal.note(request, "", "")
        return as_json(404, {"error": f"no vendor lives at {request.path}"})
    found = _find(mount, request)
    if isinstance(found, Answer):
        world.journal.note(request, mount.vendor, "")
        return found
    way, parts = found
    place = Place(mount.vendor, way.endpoint, way.role, request.path)
    place = way.place(request, place) if way.place else place
    world.journal.note(request, place.vendor, place.endpoint)
    faults = world.dial.falling_on(place)
    exchange = Exchange(world, request, place, faults, parts)
    return _on_the_way_back(exchange, _answered(exchange, mount, way))


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")


def _find(mount: Mount, request: Request) -> tuple[Route, dict[str, str]] | Answer:
    path = request.path[len(mount.prefix) :]
    methods: list[str] = []
    for way in mount.routes:
        match = way.pattern.fullmatch(path)
        if match is None or (way.needs_query and way.needs_query not in request.query):
            continue
        if way.method == request.method:
            return way, match.groupdict()
        methods.append(way.method)
    if not methods:
        return mount.refuse(404, f"no such path: {request.path}")
    refusal = mount.refuse(405, f"{request.method} is not allowed here")
    return replace(refusal, headers={**refusal.headers, "Allow": ", ".join(sorted(set(methods)))})


def _answered(exchange: Exchange, mount: Mount, way: Route) -> Answer:
    """The vendor's answer, or a fault's in its place."""
    for kind, act in _BEFORE.items():
        args = exchange.fault(kind)
        if args is not None and (made := act(exchange, mount, args)) is not None:
            return made
    try:
        made = way.act(exchange)
    except Refusal as refusal:
        return refusal.answer
    if exchange.fault("commit_then_drop") is not None:
        raise Hangup
    return made


def _on_the_way_back(exchange: Exchange, made: Answer) -> Answer:
    settings, stopping = exchange.settings, exchange.world.stopping
    if settings.latency_ms and exchange.place.role in ROW_ROLES and stopping.wait(settings.latency_ms / 1000):
        raise Hangup
    spoilt = spoil(made, exchange.faults, stopping) if exchange.faults else made
    if settings.bytes_per_second:
        spoilt = replace(spoilt, body=paced(iter(spoilt.body), settings.bytes_per_second, stopping))
    return spoilt


def _delay(exchange: Exchange, _mount: Mount, args: Args) -> Answer | None:
    if exchange.world.stopping.wait(args["seconds"]):
        raise Hangup
    return None


def _silence(exchange: Exchange, mount: Mount, args: Args) -> Answer | None:
    return _delay(exchange, mount, args) if args["after_bytes"] == 0 else None


def _reset(_exchange: Exchange, _mount: Mount, args: Args) -> Answer | None:
    if args["after_bytes"] == 0:
        raise Hangup(is_reset=True)
    return None


def _status(exchange: Exchange, mount: Mount, args: Args) -> Answer:
    made = error_answer(args["body"], args["code"], args["message"], mount.refuse)
    return replace(made, headers={**made.headers, **_retry_after(args["retry_after"], args["retry_after_form"])})


def _retry_after(seconds: float | None, form: str) -> dict[str, str]:
    if seconds is None:
        return {}
    is_date = form == "date"
    return {"Retry-After": formatdate(time() + seconds, usegmt=True) if is_date else f"{seconds:g}"}


def _gateway(_exchange: Exchange, _mount: Mount, args: Args) -> Answer:
    return as_json(args["status"], gateway_envelope(args["code"]), _retry_after(args["retry_after"], "seconds"))


def _error_body(exchange: Exchange, mount: Mount, args: Args) -> Answer:
    if exchange.place.vendor != "mediamath":
        return replace(mount.refuse(400, args["message"]), status=200)
    return whole(200, error_text(args) + b"\n", "application/json")


def _redirect(exchange: Exchange, _mount: Mount, args: Args) -> Answer:
    to = exchange.request.path if args["to"] == "self" else args["to"]
    return Answer(args["code"], headers={"Location": to})


_BEFORE: Mapping[str, Callable[[Exchange, Mount, Args], Answer | None]] = {
    "delay": _delay,
    "silence": _silence,
    "reset": _reset,
    "status": _status,
    "gateway": _gateway,
    "error_body": _error_body,
    "redirect": _redirect,
    "html": lambda _exchange, _mount, args: whole(args["status"], _HTML, "text/html; charset=utf-8"),
    "empty_body": lambda _exchange, _mount, _args: Answer(200, headers={"Content-Type": "application/json"}),
    "body": lambda _exchange, _mount, args: whole(args["status"], args["text"].encode(), args["content_type"]),
}
