"""The URL of a Redis: read once, refused in one line, never shown with its password."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.broker import broker_settings
from worker.errors import BadInput
from worker.redis_client import connect
from worker.redis_url import read_redis_url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://localhost", "redis://localhost:6379/0"),
        ("redis://:secret@10.0.0.1:7000/3", "redis://10.0.0.1:7000/3"),
        ("redis://user:[secret]@[::1]:7000?db=2", "redis://[::1]:7000/2"),
        ("rediss://user:se%2Fcret@redis.example/1", "rediss://redis.example:6379/1"),
        ("unix:///run/redis/redis.sock?db=4", "unix:///run/redis/redis.sock?db=4"),
        ("sentinel://:secret@a:1,b,[::1]:3/main/5", "sentinel://a:1,b:26379,[::1]:3/main/5"),
    ],
)
def test_every_form_is_read_and_shown_without_its_password(text: str, shown: str) -> None:
    url = read_redis_url(text)
    assert url.display_name == shown
    assert "cret" not in repr(url)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "redis://HOST:PORT/0"),
        ("secret", "redis://HOST:PORT/0"),
        ("amqp://user:secret@host", "redis://HOST:PORT/0"),
        ("redis://:secret", "HOST or HOST:PORT"),
        ("redis://user:secret@", "HOST or HOST:PORT"),
        ("redis://:secret@host:99999", "from 1 to 65535"),
        ("redis://:secret@host:0", "from 1 to 65535"),
        ("redis://:se/cret@host/0", "%2F"),
        ("redis://:se#cret@host/0", "%23"),
        ("redis://:se?cret@host/0", "%3F"),
        ("redis://:secret@host/main", "the number of a Redis database"),
        ("redis://:secret@a,b/0", "several are for sentinel://"),
        ("redis://:secret@host/0?ssl_cert_reqs=none", "TLS is rediss://"),
        ("redis://:secret@host/0?socket_timeout=3", "one of db"),
        ("rediss://:secret@host/0?ssl_cert_reqs=perhaps", "one of required, none"),
        ("rediss://:secret@host/0?ssl_ca_certs=/nowhere/ca.pem", "a file this user can read"),
        ("unix://:secret@", "unix:///PATH/OF/SOCKET"),
        ("sentinel://:secret@a:1", "the name of the service"),
        ("sentinel://:secret@a:1/main?ssl_cert_reqs=none", "ssl=true"),
    ],
)
def test_what_cannot_be_read_is_refused_without_showing_a_password(text: str, says: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read_redis_url(text)
    assert says in str(refusal.value)
    assert "MILLRACE_REDIS_URL" in str(refusal.value)
    assert "cret" not in str(refusal.value)


def test_a_separate_password_is_used_if_the_url_has_none() -> None:
    assert read_redis_url("redis://host", password="secret").login == {"password": "secret"}
    assert read_redis_url("redis://:other@host", password="secret").login == {"password": "other"}


def test_over_tls_the_certificate_is_verified_for_ledger_and_broker_unless_the_url_says_otherwise(
    tmp_path: Path,
) -> None:
    verified = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    unverified = {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    ca = tmp_path / "ca.pem"
    ca.touch()
    for text, tls in {
        "rediss://host": verified,
        "rediss://host?ssl_cert_reqs=none": unverified,
        f"rediss://host?ssl_ca_certs={ca}": {**verified, "ssl_ca_certs": str(ca)},
    }.items():
        assert broker_settings(text)["broker_use_ssl"] == tls
        assert connect(text).connection_pool.connection_kwargs.items() >= tls.items()


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("redis://user:pass@host/3", "redis://user:pass@host:6379/3"),
        ("redis://[::1]:7000/1", "redis://[::1]:7000/1"),
        ("unix:///run/a b.sock?db=2", "redis+socket:///run/a%20b.sock?virtual_host=2"),
        ("sentinel://:p%40ss@a,b:2/main/1", "sentinel://:p%40ss@a:26379/1;sentinel://:p%40ss@b:2/1"),
    ],
)
def test_the_broker_is_spelt_as_celery_and_flower_read_it(text: str, spelt: str) -> None:
    found = broker_settings(text)
    assert (found["broker_url"], found["broker_use_ssl"]) == (spelt, False)
    assert found["broker_transport_options"]["global_keyprefix"] == "millrace:broker:"
    assert found["broker_transport_options"].get("master_name") == (read_redis_url(text).service or None)


@pytest.mark.parametrize(("option", "checks"), [("", None), ("?ssl=true", "required")])
def test_sentinels_are_asked_over_tls_if_the_server_is(option: str, checks: str | None) -> None:
    text = f"sentinel://a:1,b/main/0{option}"
    for_broker = broker_settings(text)["broker_transport_options"]["sentinel_kwargs"]
    assert (for_broker.get("ssl", False), for_broker.get("ssl_cert_reqs")) == (bool(checks), checks)
    for sentinel in connect(text).connection_pool.sentinel_manager.sentinels:
        assert sentinel.connection_pool.connection_kwargs.get("ssl_cert_reqs") == checks
