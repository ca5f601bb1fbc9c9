"""A link in a response is text from outside and leads nowhere it should not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from worker.errors import FailJob, RetryLater
from worker.sources.base_urls import base_of
from worker.transport import addresses, links

BASE = base_of("https://api.vendor.example/v1", documented="https://datasharing.vendor.example/v1")
# Where a relative link starts from; its query is not inherited.
AT = "https://api.vendor.example/v1/reports?show_all=1"

HOSTILE = [
    "",
    " ",
    "https://user:password@api.vendor.example/v1/x",
    "https://api.vendor.example@evil.example/v1/x",
    "https://evil.example\\@api.vendor.example/v1/x",
    "https:\\\\api.vendor.example\\v1\\x",
    "\\\\evil.example\\v1\\x",
    "/v1/x\r\nAuthorization: Bearer stolen",
    "/v1/x\nHost: evil.example",
    "/v1/x\x00",
    "https://api.vendor example/v1/x",
    "https://api.vendor.example /v1/x",
    "/v1/x ",
    " https://api.vendor.example/v1/x",
    "\thttps://api.vendor.example/v1/x",
    "ht\ntps://api.vendor.example/v1/x",
    "ftp://api.vendor.example/v1/x",
    "file:///etc/passwd",
    "gopher://api.vendor.example/v1/x",
    "javascript:alert(1)",
    "data:text/plain,row",
    "redis://127.0.0.1/0",
    "https:/v1/x\\..",
    "https://api.vendor.example:0/v1/x",
    "https://api.vendor.example:99999/v1/x",
    "https://api.vendor.example:port/v1/x",
    "https://[::1/v1/x",
    "https://[fe80::1%25eth0]/v1/x",
    "https:///v1/x",
    "https://-/v1/x",
    "https://api.vendor.exa%6dple/v1/x",
    "https://vendor.example,evil.example/v1/x",
    "https://ａｐｉ.vendor.example/v1/x",
    "https://api。vendor.example/v1/x",
    "/v1/../admin",
    "/v1/%2e%2e/admin",
    "/v1/.%2E/admin",
    "/v1/%252e%252e/admin",
    "/v1/x%2f..%2f..%2fadmin",
    "/v1/x%5c..%5cadmin",
    "/v1/..;/admin",
    "/v1/..;jsessionid=1/admin",
    "/v1/./x/..",
    "x/%2e%2e/%2e%2e/admin",
    "https://api.vendor.example/v1/../../x",
    "/v1/" + "x" * links.LONGEST_LINK,
]


@pytest.mark.parametrize("link", HOSTILE)
def test_a_hostile_link_is_followed_neither_on_the_base_nor_elsewhere(link: str) -> None:
    with pytest.raises(FailJob):
        links.on_base(BASE, link, at=AT)
    with pytest.raises(FailJob):
        links.download_target(BASE, link, at=AT)


@pytest.mark.parametrize("link", [None, 7, True, ["/v1/x"], {"href": "/v1/x"}])
def test_a_value_that_is_not_text_is_not_a_link(link: object) -> None:
    with pytest.raises(FailJob):
        links.on_base(BASE, link, at=AT)


@pytest.mark.parametrize(
    "link", ["/admin", "/", "/v10/x", "/v1x", "https://evil.example/admin", "../x", "//evil.example/admin", "/V1/x"]
)
def test_a_link_outside_the_bases_path_is_not_followed(link: str) -> None:
    with pytest.raises(FailJob, match="outside"):
        links.on_base(BASE, link, at=AT)


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        (
            "https://dev.vendor.example/v1/completed-reports/a?limit=3&offset=3",
            "/v1/completed-reports/a?limit=3&offset=3",
        ),
        ("http://api.vendor.example/v1/x", "/v1/x"),
        ("http://169.254.169.254/v1/latest", "/v1/latest"),
        ("https://evil.example/v1/x", "/v1/x"),
        ("//evil.example/v1/x", "/v1/x"),
        ("https://API.VENDOR.EXAMPLE:443/v1/x", "/v1/x"),
        ("/v1/x?next=https://evil.example/", "/v1/x?next=https://evil.example/"),
        ("completed-reports/a", "/v1/completed-reports/a"),
        ("?offset=20", "/v1/reports?offset=20"),
        ("/v1/x#fragment", "/v1/x"),
        ("/v1/%7euser/%c3%a9?q=%e2%82%ac&d=2026%2D11%2d01", "/v1/%7euser/%c3%a9?q=%e2%82%ac&d=2026%2D11%2d01"),
        ("/v1/x?sig={a}|<b>", "/v1/x?sig={a}|<b>"),
        ("/%761/x%2Fy", "/v1/x%2Fy"),
        ("/v1/é", "/v1/%C3%A9"),
        ("/v1", "/v1"),
        ("/v1/a//b", "/v1/a//b"),
        ("/v1/x?redirect=../..", "/v1/x?redirect=../.."),
    ],
)
def test_a_link_lends_its_path_and_query_to_our_own_base(link: str, followed: str) -> None:
    assert links.on_base(BASE, link, at=AT) == f"https://api.vendor.example{followed}"


def test_the_path_of_the_vendors_documents_is_exchanged_for_the_bases() -> None:
    base = base_of("http://127.0.0.1:8080/kargo/v1", documented="https://datasharing.vendor.example/v1")
    at = "http://127.0.0.1:8080/kargo/v1/reports"
    assert links.on_base(base, "https://dev.example/v1/x?a=1", at=at) == "http://127.0.0.1:8080/kargo/v1/x?a=1"
    assert links.on_base(base, "https://dev.example/kargo/v1/x", at=at) == "http://127.0.0.1:8080/kargo/v1/x"
    with pytest.raises(FailJob):
        links.on_base(base, "https://dev.example/v2/x", at=at)


def test_a_link_has_one_form_so_that_a_circle_is_seen() -> None:
    spellings = ["/v1/x?a=%7E", "https://dev.example:443/v1/x?a=~", "https://api.vendor.example/v1/%78?a=%7e#top"]
    assert len({links.normal_form(links.on_base(BASE, spelling, at=AT)) for spelling in spellings}) == 1


def test_a_name_with_blanks_in_a_link_is_escaped() -> None:
    link = "https://storage.example/My report [1].csv?name=a b&sig=a%20b"
    assert links.download_target(BASE, link, at=AT).url == link.replace(" ", "%20")


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="abz019%-._~!$&'()*+,;=:@/?[]{}|^`\"<>", max_size=60))
def test_a_signed_address_is_sent_letter_by_letter_as_it_was_given(tail: str) -> None:
    link = f"https://storage.example/bucket/{tail}?X-Sig=a%2fb%2D&{tail}"
    try:
        target = links.download_target(BASE, link, at=AT)
    except FailJob:
        return  # it climbs
    assert target.url == link.partition("#")[0]
    assert links.redirect_target(BASE, link, "download", at=AT) == target


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80))
def test_a_link_to_any_host_is_requested_from_our_own_host(text: str) -> None:
    try:
        url = links.on_base(BASE, text, at=AT)
    except FailJob:
        return
    parsed = parse_url(url)
    assert (parsed.scheme, parsed.host, parsed.port, parsed.auth) == ("https", "api.vendor.example", None, None)
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url


@pytest.mark.parametrize(
    ("link", "url", "is_own"),
    [
        ("https://storage.example/bucket/x.csv?sig=a%2Bb", "https://storage.example/bucket/x.csv?sig=a%2Bb", False),
        ("https://api.vendor.example/files/x.csv", "https://api.vendor.example/files/x.csv", True),
        ("https://api.vendor.example:443/files/x.csv", "https://api.vendor.example/files/x.csv", True),
        ("https://api.vendor.example:8443/files/x.csv", "https://api.vendor.example:8443/files/x.csv", False),
        ("https://api.vendor.example./files/x.csv", "https://api.vendor.example/files/x.csv", True),
        ("https://api.vendor.example.evil.example/x", "https://api.vendor.example.evil.example/x", False),
        ("/files/x.csv", "https://api.vendor.example/files/x.csv", True),
        ("x.csv", "https://api.vendor.example/v1/x.csv", True),
    ],
)
def test_a_download_may_be_elsewhere_and_credentials_go_to_our_own_origin_only(
    link: str, url: str, is_own: bool
) -> None:
    assert links.download_target(BASE, link, at=AT) == links.Target(url, is_own)


def test_plain_http_is_spoken_elsewhere_only_by_a_connection_that_is_plain_http_on_loopback() -> None:
    with pytest.raises(FailJob, match="plain http"):
        links.download_target(BASE, "http://storage.example/x", at=AT)
    with pytest.raises(FailJob, match="plain http"):
        links.download_target(BASE, "http://api.vendor.example/x", at=AT)
    sandbox = base_of("http://127.0.0.1:8080/v1")
    assert links.download_target(sandbox, "http://127.0.0.1:9090/x", at="http://127.0.0.1:8080/v1/a").is_own is False
    allowed = base_of("http://vendor.internal/v1", allow_http=True)
    assert links.download_target(allowed, "/x", at="http://vendor.internal/v1/a").is_own is True
    with pytest.raises(FailJob, match="plain http"):
        links.download_target(allowed, "http://other.internal/x", at="http://vendor.internal/v1/a")


# ---------------------------------------------------------------- network addresses


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("93.184.216.34", "public"),
        ("2606:2800:220:1:248:1893:25c8:1946", "public"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::a00:1", "private"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("0.0.0.0", "reserved"),
        ("::", "reserved"),
        ("224.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("240.0.0.1", "reserved"),
        ("ff02::1", "reserved"),
        ("198.18.0.1", "private"),
    ],
)
def test_every_address_is_of_one_kind_however_it_is_wrapped(address: str, kind: str) -> None:
    assert addresses.kind_of(address) == kind


def names(**found: list[str]) -> addresses.Resolve:
    return lambda host, port: found[host.partition(".")[0]]


def test_one_private_address_among_public_ones_is_enough_to_stay_away() -> None:
    resolve = names(mixed=["93.184.216.34", "10.0.0.1"], public=["93.184.216.34"])
    beside = frozenset({"public"})
    with pytest.raises(FailJob, match=r"private address 10\.0\.0\.1"):
        addresses.resolve_permitted("mixed.example", 443, beside, resolve=resolve)
    assert addresses.resolve_permitted("public.example", 443, beside, resolve=resolve) == ["93.184.216.34"]


def test_a_connection_may_be_led_to_public_addresses_and_to_its_own_kind_only() -> None:
    resolve = names(sandbox=["127.0.0.1"], gateway=["10.1.2.3"], vendor=["93.184.216.34"], odd=["0.0.0.0"])
    assert addresses.permitted_kinds("sandbox", 80, resolve=resolve) == {"public", "loopback"}
    assert addresses.permitted_kinds("gateway", 443, resolve=resolve) == {"public", "private"}
    assert addresses.permitted_kinds("vendor", 443, resolve=resolve) == {"public"}
    assert addresses.permitted_kinds("odd", 443, resolve=resolve) == {"public"}


def test_a_name_that_cannot_be_resolved_is_tried_again_later() -> None:
    with pytest.raises(RetryLater) as caught:
        addresses.resolve("no-such-host.invalid", 443)
    assert caught.value.is_unsent


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_an_address_in_disguise_is_judged_by_where_it_leads(host: str) -> None:
    with pytest.raises((FailJob, RetryLater)):
        addresses.resolve_permitted(host, 443, frozenset({"public"}))
