"""Faults of tokens, which `vendors/tokens.py` looks at when it gives one out."""

from __future__ import annotations

from typing import Any

from sandbox.faults.kind import Kinds

TOKENS = Kinds()
TOKENS.switch(
    "token_expires",
    {"token"},
    "The token is refused after this many requests, or after `seconds`, whatever `expires_in` says.",
    after_requests=(int | None, None),
    seconds=(float | None, None),
)
TOKENS.switch(
    "expires_in", {"token"}, "The token answer claims this lifetime; the token's real one is unchanged.", value=Any
)
TOKENS.switch("one_token", {"token"}, "A new token revokes the ones before it.")
