"""Faults of any exchange: answers that replace the vendor's. Token exchanges are hit only if a rule names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any, Literal

from sandbox.faults.kind import Kinds
from sandbox.faults.lines import error_text, gateway_envelope
from sandbox.http.message import Answer, Hangup, as_json, whole

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

Ask = Callable[[], Answer]
"""Returns the answer of the vendor, changed by the faults that were applied before."""

_HTML = b"<!DOCTYPE html>\n<html><head><title>Service</title></head><body><h1>Sorry</h1></body></html>\n"
_GATEWAY_CODES = {429: "rate-limit-exceeded", 503: "service-overloaded"}
_BODIES: dict[str, Callable[[Exchange, int, str], Answer]] = {
    "vendor": lambda exchange, code, text: exchange.vendor.refuse(code, text),
    "gateway": lambda _, code, text: as_json(code, gateway_envelope(_GATEWAY_CODES.get(code, "service-overloaded"))),
    "html": lambda _, code, text: whole(
        code, f"<html><body><h1>{code}</h1><p>{text}</p></body></html>".encode(), "text/html"
    ),
    "text": lambda _, code, text: whole(code, text.encode(), "text/plain"),
    "empty": lambda _, code, text: Answer(code),
    "message": lambda _, code, text: as_json(code, {"message": text}),
    "error": lambda _, code, text: as_json(code, {"error": text}),
    "detail": lambda _, code, text: as_json(code, {"detail": text}),
    "errors": lambda _, code, text: as_json(code, {"errors": [{"code": "Failed", "message": text}]}),
    "list": lambda _, code, text: as_json(code, [text]),
}

TOKENS = Kinds()
SUBMITS = Kinds()
ANSWERS = Kinds()

TOKENS.switch(
    "token_expires",
    {"token"},
    "The token is refused after this many requests, or after `seconds`, even if `expires_in` says otherwise.",
    after_requests=(int | None, None),
    seconds=(float | None, None),
)
TOKENS.switch(
    "expires_in", {"token"}, "The answer with the token states this lifetime; the real one is unchanged.", value=Any
)
TOKENS.switch("one_token", {"token"}, "A new token revokes all earlier ones.")


@SUBMITS.wrap({"submit"})
def commit_then_drop(ask: Ask, _exchange: Exchange) -> Answer:
    """Carries out the request, then closes the connection without an answer."""
    ask()
    raise Hangup


@ANSWERS.wrap()
def body(
    _ask: Ask, _exchange: Exchange, *, text: str, status: int = 200, content_type: str = "application/json"
) -> Answer:
    """Answers with exactly this body."""
    return whole(status, text.encode(), content_type)


@ANSWERS.wrap()
def empty_body(_ask: Ask, _exchange: Exchange) -> Answer:
    """Answers 200 with an empty body."""
    return Answer(200, headers={"Content-Type": "application/json"})


@ANSWERS.wrap()
def html(_ask: Ask, _exchange: Exchange, *, status: int = 200) -> Answer:
    """Answers 200 with an HTML page, as a proxy does."""
    return whole(status, _HTML, "text/html; charset=utf-8")


@ANSWERS.wrap()
def redirect(_ask: Ask, exchange: Exchange, *, to: str, code: int = 302) -> Answer:
    """Answers with a redirect to this address; `self` is the requested address."""
    return Answer(code, headers={"Location": exchange.request.path if to == "self" else to})


@ANSWERS.wrap()
def error_body(
    _ask: Ask, exchange: Exchange, *, code: str = "InternalError", message: str = "made to fail", partial: bool = False
) -> Answer:
    """Answers 200 with only an error in the vendor's form (in a stream: as the first and only line).
    `partial` leaves out everything except the error code."""
    if exchange.place.vendor != "mediamath":
        return replace(exchange.vendor.refuse(400, message), status=200)
    return whole(200, error_text(code, message, is_partial=partial) + b"\n", "application/json")


@ANSWERS.wrap()
def gateway(
    _ask: Ask,
    _exchange: Exchange,
    *,
    status: int = 429,
    code: Literal["rate-limit-exceeded", "too-many-concurrent-writes", "service-overloaded"] = "rate-limit-exceeded",
    retry_after: float | None = None,
) -> Answer:
    """Answers with the gateway's envelope, which begins with `meta`; `status` may be 200."""
    return _with_retry_after(as_json(status, gateway_envelope(code)), retry_after)


@ANSWERS.wrap()
def status(
    _ask: Ask,
    exchange: Exchange,
    *,
    code: int,
    retry_after: float | None = None,
    retry_after_form: Literal["seconds", "date"] = "seconds",
    body: Literal[
        "vendor", "gateway", "html", "text", "empty", "message", "error", "detail", "errors", "list"
    ] = "vendor",
    message: str = "made to fail",
) -> Answer:
    """Answers with this status, and the vendor does nothing. `retry_after` seconds are sent in the header
    Retry-After, as seconds or as an HTTP date. `body`: `vendor` is the vendor's own form of errors, `gateway`
    MediaMath's envelope that begins with `meta`; `message` to `list` are forms that Rokt's Query API uses."""
    return _with_retry_after(_BODIES[body](exchange, code, message), retry_after, is_date=retry_after_form == "date")


def _with_retry_after(answer: Answer, seconds: float | None, *, is_date: bool = False) -> Answer:
    if seconds is None:
        return answer
    text = formatdate(time() + seconds, usegmt=True) if is_date else f"{seconds:g}"
    return replace(answer, headers={**answer.headers, "Retry-After": text})


@ANSWERS.wrap()
def delay(ask: Ask, exchange: Exchange, *, seconds: float) -> Answer:
    """Waits before it answers."""
    exchange.world.wait(seconds)
    return ask()
