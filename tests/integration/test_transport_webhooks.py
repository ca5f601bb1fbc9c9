"""Webhooks: an address from a caller reaches nothing inside the network, and each delivery is recorded."""

from __future__ import annotations

import pytest

from tests.scripted_vendor import Script, Start
from tests.wire import source
from worker.errors import BadInput, FailJob, RetryLater
from worker.sources.connections import Connection
from worker.transport.webhooks import check_webhook, deliver

ON_LOOPBACK = Connection("acme", source(), "http://127.0.0.1:1/v1")
PUBLIC = Connection("acme", source(), "https://93.184.216.34/v1")


def answer(status: int, more: str = "") -> Script:
    return lambda heard: f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n{more}\r\nno".encode()


def test_webhooks_are_sent_under_a_key_that_stays_the_same(vendor: Start) -> None:
    heard = vendor(answer(204))
    for _ in range(2):
        deliver(ON_LOOPBACK, f"{heard.url}/done?x=1", b'{"job":"j1"}', key="j1", now=0)
    assert heard.targets() == ["POST /done?x=1"] * 2
    assert {(each.body, each.headers["idempotency-key"]) for each in heard.heard} == {(b'{"job":"j1"}', "j1")}
    assert "authorization" not in heard.heard[0].headers


def test_the_signature_is_that_of_the_libraries_of_standard_webhooks(vendor: Start) -> None:
    heard = vendor(answer(204))
    key, secret = "msg_p5jXN8AQM9LWM0D4loKWxJek", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    deliver(ON_LOOPBACK, f"{heard.url}/x", b'{"test": 2432232314}', key=key, secret=secret, now=1614265330.7)
    headers = heard.heard[0].headers
    signed = {name: headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signed == {"id": key, "timestamp": "1614265330", "signature": signature}


@pytest.mark.parametrize("status", [401, 404, 408, 429, 500, 503])
def test_a_receiver_that_does_not_accept_a_notice_is_tried_again_later(vendor: Start, status: int) -> None:
    with pytest.raises(RetryLater, match=f"POST /x: {status}: no"):
        deliver(ON_LOOPBACK, f"{vendor(answer(status)).url}/x", b"{}", key="j1", now=0)


def test_a_receiver_that_is_gone_for_good_is_not_tried_again(vendor: Start) -> None:
    with pytest.raises(FailJob, match="POST /x: 410: no"):
        deliver(ON_LOOPBACK, f"{vendor(answer(410)).url}/x", b"{}", key="j1", now=0)


@pytest.mark.parametrize("status", [301, 307])
def test_a_receiver_that_redirects_is_not_followed(vendor: Start, status: int) -> None:
    other = vendor(answer(200))
    pointing = vendor(answer(status, f"Location: {other.url}/y\r\n"))
    with pytest.raises(RetryLater, match=f"POST /x: {status}"):
        deliver(ON_LOOPBACK, f"{pointing.url}/x", b"{}", key="j1", now=0)
    assert other.heard == []


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1/x", "https://10.0.0.1/x", "https://169.254.169.254/x", "https://[::1]/x"]
)
def test_a_webhook_into_a_private_network_is_not_sent(url: str) -> None:
    assert check_webhook(PUBLIC, url) == url
    with pytest.raises(FailJob, match="not contacted"):
        deliver(PUBLIC, url, b"{}", key="j1", now=0)


@pytest.mark.parametrize(
    "url", ["http://receiver.example/x", "ftp://receiver.example/x", "/x", "https://u:p@r.example/", ""]
)
def test_a_webhook_that_can_never_be_sent_is_refused_when_it_is_named(url: str) -> None:
    with pytest.raises(BadInput, match="webhook"):
        check_webhook(PUBLIC, url)
