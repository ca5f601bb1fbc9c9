"""Faults of any exchange, made before the vendor answers; of a token exchange only if a rule names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any

from sandbox.faults.kind import EVERY_ROLE, Arg, Args, Kinds, Refuse, choice, roles
from sandbox.faults.lines import error_text, gateway_envelope
from sandbox.http.message import Answer, Hangup, as_json, whole

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

ANSWERS = Kinds()
_ALL = EVERY_ROLE
_HTML = b"<!DOCTYPE html>\n<html><head><title>Service</title></head><body><h1>Sorry</h1></body></html>\n"
_GATEWAY_CODES = {429: "rate-limit-exceeded", 503: "service-overloaded"}

_JSON_FORMS: dict[str, Callable[[str], Any]] = {
    "message": lambda text: {"message": text},
    "error": lambda text: {"error": text},
    "detail": lambda text: {"detail": text},
    "errors": lambda text: {"errors": [{"code": "Failed", "message": text}]},
    "list": lambda text: [text],
}


def _refusal(form: str, status: int, text: str, refuse: Refuse) -> Answer:
    """A refusal of this status in this form; `vendor` is the vendor's own, made by `refuse`."""
    if form in _JSON_FORMS:
        return as_json(status, _JSON_FORMS[form](text))
    if form == "gateway":
        return as_json(status, gateway_envelope(_GATEWAY_CODES.get(status, "service-overloaded")))
    if form == "html":
        return whole(status, f"<html><body><h1>{status}</h1><p>{text}</p></body></html>".encode(), "text/html")
    if form == "text":
        return whole(status, text.encode(), "text/plain")
    if form == "empty":
        return Answer(status)
    return refuse(status, text)


def _retry_after(seconds: float | None, form: str = "seconds") -> dict[str, str]:
    if seconds is None:
        return {}
    return {"Retry-After": formatdate(time() + seconds, usegmt=True) if form == "date" else f"{seconds:g}"}


@ANSWERS.act(_ALL, seconds=Arg(float))
def delay(exchange: Exchange, _refuse: Refuse, args: Args) -> Answer | None:
    """Waits before it answers."""
    if exchange.world.stopping.wait(args["seconds"]):
        raise Hangup
    return None


# After the first byte of the body, silence and reset are made by `body.py`.
@ANSWERS.act(_ALL, seconds=Arg(float), after_bytes=Arg(int, 0))
def silence(exchange: Exchange, refuse: Refuse, args: Args) -> Answer | None:
    """Says nothing for this long once `after_bytes` of the body are sent (0: before the first byte), then goes on."""
    return delay(exchange, refuse, args) if args["after_bytes"] == 0 else None


@ANSWERS.act(_ALL, after_bytes=Arg(int, 0))
def reset(_exchange: Exchange, _refuse: Refuse, args: Args) -> Answer | None:
    """Resets the connection once `after_bytes` of the body are sent (0: before the first byte of the answer)."""
    if args["after_bytes"] == 0:
        raise Hangup(is_reset=True)
    return None


@ANSWERS.act(
    _ALL,
    code=Arg(int),
    retry_after=Arg(float, None),
    retry_after_form=choice("seconds", "date", default="seconds"),
    body=choice(
        "vendor", "gateway", "html", "text", "empty", "message", "error", "detail", "errors", "list", default="vendor"
    ),
    message=Arg(str, "made to fail"),
)
def status(_exchange: Exchange, refuse: Refuse, args: Args) -> Answer:
    """Answers with this status instead, before the vendor acts. `retry_after` seconds go into the header
    Retry-After, as seconds or as an HTTP date. `body`: `vendor` is the vendor's own error form, `gateway`
    MediaMath's envelope that begins with `meta`; `message` to `list` are the forms seen at Rokt's Query API."""
    made = _refusal(args["body"], args["code"], args["message"], refuse)
    return replace(made, headers={**made.headers, **_retry_after(args["retry_after"], args["retry_after_form"])})


@ANSWERS.act(
    _ALL,
    status=Arg(int, 429),
    code=choice(
        "rate-limit-exceeded", "too-many-concurrent-writes", "service-overloaded", default="rate-limit-exceeded"
    ),
    retry_after=Arg(float, None),
)
def gateway(_exchange: Exchange, _refuse: Refuse, args: Args) -> Answer:
    """Answers with the gateway's envelope that begins with `meta`; `status` may be 200."""
    return as_json(args["status"], gateway_envelope(args["code"]), _retry_after(args["retry_after"]))


@ANSWERS.act(_ALL, code=Arg(str, "InternalError"), message=Arg(str, "made to fail"), partial=Arg(bool, False))
def error_body(exchange: Exchange, refuse: Refuse, args: Args) -> Answer:
    """Answers 200 with nothing but an error in the vendor's form (in a stream: the first and only line).
    `partial` leaves all but the error code away."""
    if exchange.place.vendor != "mediamath":
        return replace(refuse(400, args["message"]), status=200)
    return whole(200, error_text(args) + b"\n", "application/json")


@ANSWERS.act(_ALL, to=Arg(str), code=Arg(int, 302))
def redirect(exchange: Exchange, _refuse: Refuse, args: Args) -> Answer:
    """Answers with a redirect to this address; `self` is the address asked for."""
    to = exchange.request.path if args["to"] == "self" else args["to"]
    return Answer(args["code"], headers={"Location": to})


@ANSWERS.act(_ALL, status=Arg(int, 200))
def html(_exchange: Exchange, _refuse: Refuse, args: Args) -> Answer:
    """Answers 200 with an HTML page, as a proxy does."""
    return whole(args["status"], _HTML, "text/html; charset=utf-8")


@ANSWERS.act(_ALL)
def empty_body(_exchange: Exchange, _refuse: Refuse, _args: Args) -> Answer:
    """Answers 200 with no body at all."""
    return Answer(200, headers={"Content-Type": "application/json"})


@ANSWERS.act(_ALL, text=Arg(str), status=Arg(int, 200), content_type=Arg(str, "application/json"))
def body(_exchange: Exchange, _refuse: Refuse, args: Args) -> Answer:
    """Answers with exactly this body."""
    return whole(args["status"], args["text"].encode(), args["content_type"])


TOKENS = Kinds()
TOKENS.switch("commit_then_drop", roles("submit"), "Does what was asked, then drops the connection without an answer.")
TOKENS.switch(
    "token_expires",
    roles("token"),
    "The token is refused after this many requests, or after `seconds`, whatever `expires_in` says.",
    after_requests=Arg(int, None),
    seconds=Arg(float, None),
)
TOKENS.switch(
    "expires_in",
    roles("token"),
    "The token answer claims this lifetime; the token's real one is unchanged.",
    value=Arg(object),
)
TOKENS.switch("one_token", roles("token"), "A new token revokes the ones before it.")
