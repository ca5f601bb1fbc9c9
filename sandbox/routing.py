"""Finds the vendor and the endpoint for a request, and applies the faults that fall on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sandbox.dial import WRAPS, Place
from sandbox.exchange import Exchange, World
from sandbox.faults.body import slow_down
from sandbox.faults.kind import ROW_ROLES
from sandbox.http.message import Answer, Request, as_json
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.vendor import Endpoint, Refusal, Vendor


def answer(world: World, vendors: Sequence[Vendor], request: Request) -> Answer:
    """The vendor's answer to a request. Raises Hangup to end the connection instead."""
    # With a slash after both, so that a prefix only matches whole segments.
    vendor = next((vendor for vendor in vendors if f"{request.path}/".startswith(f"{vendor.prefix}/")), None)
    if vendor is None:
        world.journal.note(request, "", "")
        return as_json(404, {"error": f"no vendor has the path {request.path}"})
    path, query = request.path[len(vendor.prefix) :], request.query
    found = [(endpoint, parts) for endpoint in vendor.endpoints if (parts := endpoint.match(path, query)) is not None]
    for endpoint, parts in found:
        if endpoint.method == request.method:
            return _answer_with_faults(world, vendor, endpoint, request, parts)
    world.journal.note(request, vendor.name, "")
    if not found:
        return vendor.refuse(404, f"no such path: {request.path}")
    refusal = vendor.refuse(405, f"{request.method} is not allowed here")
    allowed = ", ".join(sorted({endpoint.method for endpoint, _ in found}))
    return replace(refusal, headers={**refusal.headers, "Allow": allowed})


def _answer_with_faults(
    world: World, vendor: Vendor, endpoint: Endpoint, request: Request, parts: dict[str, str]
) -> Answer:
    place = vendor.locate(Place(vendor.name, endpoint.name, endpoint.role, request.path), request, parts)
    # Before any fault: the request has been received even if it is never answered.
    world.journal.note(request, place.vendor, place.endpoint)
    exchange = Exchange(world, vendor, request, place, world.dial.falling_on(place), parts)
    settings = world.settings
    if settings.latency_ms and place.role in ROW_ROLES:
        world.wait(settings.latency_ms / 1000)

    def ask() -> Answer:
        try:
            if place.role != "token":
                vendor.admit(exchange)
            return endpoint.answer(exchange)
        except Refusal as refusal:
            return vendor.refuse(refusal.status, refusal.text)
        except BadRequest as reason:
            return vendor.refuse_request(reason)

    # Each wraps those before it, like middleware: a later kind, such as a reset, acts on the answer of earlier ones.
    for kind, wrap in WRAPS.items():
        if kind in exchange.faults:
            ask = partial(wrap, ask, exchange, **exchange.faults[kind])
    made = ask()
    if settings.bytes_per_second:
        made = replace(made, body=slow_down(made.body, settings.bytes_per_second, world))
    return made
