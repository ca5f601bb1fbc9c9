"""Checks bearer tokens: some may use all of the API, others may only read."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from config.settings import Settings

_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


class Access:
    """The rights to read and to act. If no token is set, everybody who can reach the API has both."""

    def __init__(self, settings: Settings) -> None:
        self._full = _texts(settings.api_tokens)
        self._read_only = _texts(settings.api_read_tokens)
        self.is_open = not self._full and not self._read_only

    def may_look(self, credentials: _Credentials) -> None:
        """Accept any of our tokens. Raises 401."""
        if not self.is_open and not self._is_one_of(credentials, [*self._full, *self._read_only]):
            raise HTTPException(401, "a bearer token of MILLRACE_API_TOKENS is needed", {"WWW-Authenticate": "Bearer"})

    def may_act(self, request: Request, credentials: _Credentials) -> None:
        """Accept a token that may do more than read. Raises 401 or 403."""
        self.may_look(credentials)
        # Without tokens, another site's page could make a browser on this machine send a request.
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise HTTPException(403, "requests from pages of other sites are refused")
        if not self.is_open and not self._is_one_of(credentials, self._full):
            raise HTTPException(403, "this token may only read; it may not request reports or act on jobs")

    @staticmethod
    def _is_one_of(credentials: HTTPAuthorizationCredentials | None, tokens: Sequence[bytes]) -> bool:
        given = credentials.credentials.encode() if credentials else b""
        return any(hmac.compare_digest(given, token) for token in tokens)


def _texts(tokens: Sequence[SecretStr]) -> list[bytes]:
    return [token.get_secret_value().encode() for token in tokens]
