"""Posts the end of a job to a webhook. Its address comes from a caller and is checked as a vendor's link is."""

from __future__ import annotations

import base64
import hmac

from config.settings import WEBHOOK_SECRET_PREFIX, network_variables
from worker.errors import BadInput, FailJob, RetryLater
from worker.sources.base_urls import Base, base_of
from worker.sources.connections import Connection
from worker.transport import addresses, links
from worker.transport.http import Channel
from worker.transport.proxies import network_of
from worker.transport.request import WireRequest
from worker.vendor_errors import excerpt

SILENCE_SECONDS = 15.0
RETRY_STATUSES = (408, 425, 429)
EXCERPT_READ_BYTES = 1_024


def check_webhook(connection: Connection, url: str) -> str:
    """The address in the form it will be posted to. BadInput where it is malformed or plain http; nothing is sent."""
    try:
        return _target(_base(connection), url)
    except FailJob as reason:
        raise BadInput("webhook", url, f"an https address ({reason})") from None


def deliver(connection: Connection, url: str, body: bytes, *, key: str, secret: str = "", now: float) -> None:
    """Post a JSON body once. The receiver sees `key` in `webhook-id` and `Idempotency-Key`, always the same.

    With a secret it is signed as https://www.standardwebhooks.com says, at the time `now`.

    Hosts at private or loopback addresses are contacted only where the connection's own is one; redirects are not
    followed and nothing of ours is sent along. Raises RetryLater where it may work later, FailJob where it will not.
    """
    base = _base(connection)
    target = _target(base, url)
    kinds = addresses.permitted_kinds(base.host, base.port)
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, "webhook-id": key}
    headers |= {"webhook-timestamp": str(int(now)), **_signature(secret, key, int(now), body)}
    network = network_of(connection.proxy, network_variables())
    channel = Channel(silence_seconds=SILENCE_SECONDS, network=network)
    response = channel.send(WireRequest("POST", target, headers, body), kinds=kinds)
    if 200 <= response.status < 300:
        response.close()
        return
    said = f"{response.name}: {response.status}: {excerpt(response.start(EXCERPT_READ_BYTES))}"
    if response.status in RETRY_STATUSES or response.status >= 500:
        raise RetryLater(said)
    raise FailJob(said)


def _target(base: Base, url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise FailJob("it does not begin with https://")
    return links.download_target(base, url, at=url).url


def _base(connection: Connection) -> Base:
    return base_of(connection.base_url, allow_http=connection.allow_http)


def _signature(secret: str, key: str, now: int, body: bytes) -> dict[str, str]:
    if not secret:
        return {}
    # The settings have made sure that base64 stands behind the prefix; any other secret is its own key.
    is_encoded = secret.startswith(WEBHOOK_SECRET_PREFIX)
    signing_key = base64.b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX)) if is_encoded else secret.encode()
    signed = hmac.digest(signing_key, b"%s.%d.%s" % (key.encode(), now, body), "sha256")
    return {"webhook-signature": f"v1,{base64.b64encode(signed).decode()}"}
