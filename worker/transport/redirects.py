"""Where a redirect leads. It is a link like any other, and judged like one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from worker.errors import FailJob
from worker.transport import links
from worker.transport.links import Base, Target
from worker.transport.request import WireRequest
from worker.transport.response import Response

LinkKind = Literal["api", "download"]

MOST_REDIRECTS = 5
KEEP_METHOD = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)
REDIRECTS = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, *KEEP_METHOD)


def redirected(base: Base, request: WireRequest, response: Response, kind: LinkKind, *, at: str) -> Target:
    """The address a redirect names. FailJob where following it would lose a body, give it away, or lead nowhere new."""
    name = f"{response.name}: {response.status}"
    if request.method != "GET" and response.status not in KEEP_METHOD:
        raise FailJob(f"{name}: a redirect that would drop the request's body is not followed")
    location = response.headers.get("Location", "")
    if kind == "download":
        led = links.elsewhere(base, location, at=at)
    else:
        led = Target(links.on_base(base, location, at=at), is_own=True)
    if led.url == at:
        raise FailJob(f"{name}: it redirects to itself")
    if not led.is_own and request.method != "GET":
        raise FailJob(f"{name}: what was meant for the vendor is not sent on to another host")
    return led
