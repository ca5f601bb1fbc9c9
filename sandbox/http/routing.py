"""Finds the function that answers a request, and applies faults before and after."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.exchange import Exchange, World
from sandbox.faults.body import apply_body_faults, throttle
from sandbox.faults.dial import Place
from sandbox.faults.kind import ROW_ROLES, Refuse, Role
from sandbox.http.message import Answer, Hangup, Refusal, Request, as_json
from sandbox.kinds import ACTS


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
    refuse: Refuse


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
    # With a slash on both sides, so that a prefix is only found at the end of a segment.
    mount = next((mount for mount in mounts if f"{request.path}/".startswith(f"{mount.prefix}/")), None)
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
    # Noted before any fault: a request that is never answered was received nevertheless.
    world.journal.note(request, place.vendor, place.endpoint)
    faults = world.dial.falling_on(place)
    exchange = Exchange(world, request, place, faults, parts)
    return _apply_faults(exchange, _ask_vendor(exchange, mount, way))


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


def _ask_vendor(exchange: Exchange, mount: Mount, way: Route) -> Answer:
    """The vendor's answer, or that of a fault."""
    for kind, act in ACTS.items():
        args = exchange.fault(kind)
        if args is not None and (made := act(exchange, mount.refuse, args)) is not None:
            return made
    try:
        made = way.act(exchange)
    except Refusal as refusal:
        return refusal.answer
    if exchange.fault("commit_then_drop") is not None:
        raise Hangup
    return made


def _apply_faults(exchange: Exchange, made: Answer) -> Answer:
    settings, stopping = exchange.settings, exchange.world.stopping
    if settings.latency_ms and exchange.place.role in ROW_ROLES and stopping.wait(settings.latency_ms / 1000):
        raise Hangup
    answer = apply_body_faults(made, exchange.faults, stopping) if exchange.faults else made
    if settings.bytes_per_second:
        answer = replace(answer, body=throttle(iter(answer.body), settings.bytes_per_second, stopping))
    return answer
