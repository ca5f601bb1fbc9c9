"""The forms in which a refusal can be worded, beside the vendor's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.line_edits import gateway_envelope
from sandbox.wire import Answer, as_json, whole

_GATEWAY_CODES = {429: "rate-limit-exceeded", 503: "service-overloaded"}

_JSON_FORMS: dict[str, Callable[[str], Any]] = {
    "message": lambda text: {"message": text},
    "error": lambda text: {"error": text},
    "detail": lambda text: {"detail": text},
    "errors": lambda text: {"errors": [{"code": "Failed", "message": text}]},
    "list": lambda text: [text],
}


def error_answer(form: str, status: int, text: str, refuse: Callable[[int, str], Answer]) -> Answer:
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
