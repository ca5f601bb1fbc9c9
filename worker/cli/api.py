"""`millrace api`: serve the HTTP API."""

from __future__ import annotations

import click

from config.settings import settings
from worker.cli.parent import end_with_parent, with_parent_option
from worker.cli.ports import require_free_port
from worker.errors import BadInput
from worker.sources.base_urls import is_loopback

END_SECONDS = 3
"""How long answers may still take when this process is to end: streams of events would never end by themselves."""


@click.command(help="Serve the HTTP API.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, show_default=True)
@with_parent_option
def api(host: str, port: int, with_parent: bool) -> None:
    """Listen; beyond this machine only if tokens are set."""
    import uvicorn

    from worker.api.app import make_app

    if not (settings().api_tokens or settings().api_read_tokens) and not is_loopback(host):
        raise BadInput("--host", host, "a loopback address, or tokens in MILLRACE_API_TOKENS")
    require_free_port(host, port)
    if with_parent:
        end_with_parent()
    uvicorn.run(
        make_app(), host=host, port=port, log_level="info", server_header=False, timeout_graceful_shutdown=END_SECONDS
    )
