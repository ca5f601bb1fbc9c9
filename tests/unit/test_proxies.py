"""Which requests go through a proxy, by which variables, and which never do."""

from __future__ import annotations

import pytest

from worker.errors import BadInput, FailJob, RetryLater
from worker.transport import addresses
from worker.transport.proxies import Proxies, network_of


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_direct"),
    [
        ("*", "https://vendor.example/x", True),
        ("example", "https://vendor.example/x", True),
        (".vendor.example, other", "https://vendor.example/x", True),
        (".vendor.example", "https://api.Vendor.Example/x", True),
        ("*.vendor.example", "https://api.vendor.example/x", True),
        ("other vendor.example", "https://vendor.example/x", True),
        ("vendor.example", "https://notvendor.example/x", False),
        ("vendor.example:8443", "https://vendor.example/x", False),
        ("vendor.example:443", "https://vendor.example/x", True),
        ("10.0.0.0/8", "https://10.1.2.3/x", True),
        ("10.0.0.0/8", "https://11.1.2.3/x", False),
        ("10.0.0.0/8", "https://vendor.example/x", False),
        ("::1", "https://[::1]/x", True),
        ("[::1]:8443", "https://[::1]:8443/x", True),
        ("", "http://127.0.0.1/x", False),
        (None, "http://127.0.0.1/x", True),
        (None, "https://vendor.example/x", False),
    ],
)
def test_no_proxy_names_what_is_reached_directly(no_proxy: str | None, url: str, is_direct: bool) -> None:
    variables = {"http_proxy": "proxy:1", "https_proxy": "proxy:2"}
    if no_proxy is not None:
        variables["NO_PROXY"] = no_proxy
    proxy = network_of(None, variables).proxies.proxy_for(url)
    expected = f"http://proxy:{2 if url.startswith('https') else 1}"
    assert proxy == (None if is_direct else expected)


def test_small_letters_override_capitals_and_one_proxy_may_be_for_all() -> None:
    proxies = network_of(None, {"https_proxy": "http://small:1", "HTTPS_PROXY": "http://large:1", "ALL_PROXY": "a:1"})
    assert proxies.proxies.proxy_for("https://vendor.example/") == "http://small:1"
    assert proxies.proxies.proxy_for("http://vendor.example/") == "http://a:1"
    assert "small" not in repr(proxies)
    assert Proxies().proxy_for("https://vendor.example/") is None


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTPS_PROXY": "socks5://me:hush@proxy:1080"},
        {"HTTPS_PROXY": "http://me:hush@:80"},
        {"HTTPS_PROXY": "http://me:hush@proxy:port"},
        {"HTTPS_PROXY": "http://me:hush@proxy/path"},
        {"REQUESTS_CA_BUNDLE": "/no/such/file.pem"},
    ],
)
def test_an_invalid_variable_is_refused_and_named(variables: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        network_of(None, variables)
    assert caught.value.where == next(iter(variables))
    assert "hush" not in str(caught.value)


def names(**found: list[str]) -> addresses.Resolve:
    def resolve(host: str, port: int) -> list[str]:
        if host not in found:
            raise RetryLater(f"the host {host!r} cannot be resolved", is_unsent=True)
        return found[host]

    return resolve


def test_a_name_only_the_proxy_can_resolve_is_its_to_judge_unless_it_means_something_inside() -> None:
    public = frozenset({"public"})
    resolve = names(vendor=["93.184.216.34"], private=["10.0.0.1"])
    addresses.check_behind_proxy("vendor", 443, public, resolve=resolve)
    addresses.check_behind_proxy("storage.example", 443, public, resolve=resolve)
    with pytest.raises(FailJob, match="private address"):
        addresses.check_behind_proxy("private", 443, public, resolve=resolve)
    for host in ("intranet", "db.internal", "printer.LOCAL", "x.corp", "router.home.arpa", "a.localhost", "b.lan."):
        with pytest.raises(FailJob, match="inside a network"):
            addresses.check_behind_proxy(host, 443, public, resolve=resolve)
    assert addresses.permitted_kinds_behind_proxy("unknown.example", 443, resolve=resolve) == public
    assert addresses.permitted_kinds_behind_proxy("private", 443, resolve=resolve) == {"public", "private"}
