"""The page for people at `/`: one file, served without a token because it holds no data."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

PAGE = Path(__file__).with_name("page.html")


def add_page(app: FastAPI) -> None:
    """Serve the page under a policy that lets it run its own script, call this API, and nothing else."""
    text = PAGE.read_text(encoding="utf-8")
    headers = {
        "Content-Security-Policy": _content_security_policy(text),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(text, headers=headers)


def _content_security_policy(text: str) -> str:
    allowed = {
        "default-src": "'none'",
        "script-src": _inline_hash(text, "script"),
        "style-src": _inline_hash(text, "style"),
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{directive} {what}" for directive, what in allowed.items())


def _inline_hash(text: str, element: str) -> str:
    (inside,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    return inline_digest(inside)


def inline_digest(inside: str) -> str:
    """The hash of an inline element, as a content security policy writes it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
