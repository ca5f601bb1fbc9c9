"""The credentials of the sandbox, obviously false, and the bearer tokens it issues."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
import time
from dataclasses import dataclass

from sandbox.exchange import Exchange
from sandbox.http.message import Answer, Request, as_json

CREDENTIALS: dict[str, dict[str, str]] = {
    "kargo": {"username": "sandbox@kargo.invalid", "password": "not-a-secret-kargo"},
    "mediamath": {
        "client_id": "sandbox-client",
        "client_secret": "not-a-secret-client",
        "username": "sandbox@mediamath.invalid",
        "password": "not-a-secret-mediamath",
        "token": "not-a-secret-static-token",
    },
    "rokt": {"app_id": "sandboxappid0000000000000a", "app_secret": "notasecret" + "0" * 42},
    "instal": {"token": "not-a-secret-instal"},
}


@dataclass(slots=True)
class _Token:
    ends: float
    requests_left: int | None


class Tokens:
    """The tokens that one vendor has issued."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._tokens: dict[str, _Token] = {}

    def issue(self, seconds: float, *, requests: int | None = None, revokes: bool = False) -> str:
        """Issue a token, valid for this time and this many requests. `revokes` ends all earlier ones."""
        text = f"sandbox-{secrets.token_urlsafe(24)}"
        with self._guard:
            now = time.monotonic()
            # Forget expired tokens, so that memory does not grow in a long run.
            alive = {} if revokes else {name: token for name, token in self._tokens.items() if token.ends > now}
            self._tokens = {**alive, text: _Token(now + seconds, requests)}
        return text

    def accepts(self, request: Request) -> bool:
        """Does the request have a valid token? Also counts the use."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        with self._guard:
            token = self._tokens.get(text)
            if scheme != "Bearer" or token is None or token.ends <= time.monotonic():
                return False
            if token.requests_left is not None:
                token.requests_left -= 1
                return token.requests_left >= 0
            return True


def basic(request: Request) -> tuple[str, str] | None:
    """User and password of a Basic authorization; None if there is none or it cannot be read."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme != "Basic":
        return None
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def token_answer(exchange: Exchange, tokens: Tokens, own_seconds: int, **more: str) -> Answer:
    """An answer with a new token, in the form that all vendors use; applies the faults of tokens."""
    claimed = exchange.settings.token_seconds or own_seconds
    fault = exchange.fault("token_expires") or {"after_requests": None, "seconds": None}
    lasts = claimed if fault["seconds"] is None else fault["seconds"]
    text = tokens.issue(lasts, requests=fault["after_requests"], revokes=exchange.has("one_token"))
    # The stated lifetime may be wrong; the real one was set above.
    claimed = exchange.value("expires_in", "value", claimed)
    return as_json(200, {"token_type": "Bearer", "expires_in": claimed, "access_token": text, **more})
