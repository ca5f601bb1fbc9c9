"""Signs the end of a job and posts it to a webhook, whose address is checked like a vendor's link: a caller gave it."""

from __future__ import annotations

import base64
import hmac

from config.settings import WEBHOOK_SECRET_PREFIX, network_variables
from worker.errors import BadInput, FailJob, RetryLater
from worker.observe import mask_credentials
from worker.sources.base_urls import Base, base_of
from worker.sources.connections import Connection
from worker.transport import addresses, links
from worker.transport.http import Channel
from worker.transport.proxies import network_of
from worker.transport.request import WireRequest
from worker.vendor_errors import excerpt

SILENCE_SECONDS = 15.0
GONE = 410
"""The only status by which a receiver refuses for good. Others may come from what stands before it: while it is
replaced, a gateway answers 404, and with a new password 401."""
EXCERPT_READ_BYTES = 1_024


def check_webhook(connection: Connection, url: str) -> str:
    """The address as it will be used. Raises BadInput if it is malformed or plain http; sends nothing."""
    try:
        return _target(_base(connection), url)
    except FailJob as reason:
        raise BadInput("webhook", mask_credentials(url), f"an https address ({reason})") from None


def deliver(connection: Connection, url: str, body: bytes, *, key: str, secret: str = "", now: float) -> None:
    """Post a JSON body once, with `key` in the headers `webhook-id` and `Idempotency-Key`.

    With a secret it is signed at the time `now`, as https://www.standardwebhooks.com says. A private or loopback
    address is contacted only if the connection's own host has one. Redirects are not followed, and no credentials are
    sent. Raises RetryLater if it may work later, FailJob if it will not.
    """
    base = _base(connection)
    target = _target(base, url)
    kinds = addresses.permitted_kinds(base.host, base.port)
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, "webhook-id": key}
    headers["webhook-timestamp"] = timestamp = str(int(now))
    if secret:
        # After the prefix comes base64, which the settings have checked; a secret without the prefix is used as it is.
        is_encoded = secret.startswith(WEBHOOK_SECRET_PREFIX)
        signing_key = base64.b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX)) if is_encoded else secret.encode()
        signature = hmac.digest(signing_key, b".".join((key.encode(), timestamp.encode(), body)), "sha256")
        headers["webhook-signature"] = f"v1,{base64.b64encode(signature).decode()}"
    network = network_of(connection.proxy, network_variables())
    channel = Channel(silence_seconds=SILENCE_SECONDS, network=network)
    response = channel.send(WireRequest("POST", target, headers, body), kinds=kinds)
    if 200 <= response.status < 300:
        response.close()
        return
    reason = f"{response.name}: {response.status}: {excerpt(response.start(EXCERPT_READ_BYTES))}"
    raise FailJob(reason) if response.status == GONE else RetryLater(reason)


def _target(base: Base, url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise FailJob("it does not begin with https://")
    return links.download_target(base, url, at=url).url


def _base(connection: Connection) -> Base:
    return base_of(connection.base_url, allow_http=connection.allow_http)
