"""How vendors are reached: credentials, redirects, signed links, queries, dates and proxies of their own."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
from base64 import b64decode
from urllib.parse import unquote_plus, urlsplit

from tests.cases.case import Cases, ids
from tests.fake_vendor import Answer, Request, Vendor

CASES = Cases()

NOBODY = "http://127.0.0.1:9"
OAUTH = {"client_id": "abc", "client_secret": "s"}


@CASES.add("download-redirects-to-storage", rows=50, credentials={"token": "secret-token"}, at_most=4)
def download_redirects_to_storage(request: Request) -> Answer:
    if request.is_storage:
        if "Authorization" in request.headers:
            return _storage_error("InvalidArgument", "Only one auth mechanism allowed", status=400)
        return Answer(gzip.compress(json.dumps(ids(0, 50)).encode()))
    if request.headers.get("Authorization") != "Bearer secret-token":
        return Answer({"message": "no"}, status=401)
    if request.path.endswith("/download"):
        return Answer(status=307, headers={"Location": f"{request.storage}/bucket/r.json.gz?X-Amz-Signature=a%2fb"})
    return Answer({"reportId": "r1", "status": "SUCCESS"}, status=202 if request.method == "POST" else 200)


def _signature(text: str) -> str:
    return hmac.new(b"k", text.encode(), hashlib.sha256).hexdigest()[:16]


def _storage_error(code: str, message: str, status: int = 403) -> Answer:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message><Key>x</Key></Error>"
    return Answer(text.encode(), status=status, headers={"Content-Type": "application/xml"})


@CASES.add("link-signed-letter-by-letter", rows=10, at_most=3)
def link_signed_letter_by_letter(request: Request) -> Answer:
    if request.is_storage:
        bare, _, signature = request.target.partition("&Signature=")
        if signature != _signature(bare):
            return _storage_error("SignatureDoesNotMatch", "The signature we calculated does not match")
        return Answer("".join(f'{{"id": {number}}}\n' for number in range(10)).encode())
    if request.method == "POST":
        return Answer({"id": 9})
    bare = "/report%2D2026%5F11%7ea.ndjson?Expires=1764100000&d={a|b}&e=%c3%A9"
    return Answer({"status": "done", "url": f"{request.storage}{bare}&Signature={_signature(bare)}"})


@CASES.add_anew("link-expires-once", rows=10, at_most=5)
def link_expires_once() -> Vendor:
    given: list[str] = []

    def respond(request: Request) -> Answer:
        if request.is_storage:
            if request.path != given[-1] or len(given) < 2:
                return _storage_error("AccessDenied", "Request has expired")
            return Answer("".join(f'{{"id": {number}}}\n' for number in range(10)).encode())
        if request.method == "POST":
            return Answer({"id": 9})
        given.append(f"/{len(given)}")
        return Answer({"status": "done", "url": f"{request.storage}{given[-1]}"})

    return respond


@CASES.add("storage-refuses", fails=("403", "AccessDenied: Access to this bucket was withdrawn"))
def storage_refuses(request: Request) -> Answer:
    if request.is_storage:
        return _storage_error("AccessDenied", "Access to this bucket was withdrawn")
    return Answer({"id": 9}) if request.method == "POST" else Answer({"status": "done", "url": f"{request.storage}/x"})


@CASES.add("redirects-to-another-host", fails=("GET /rows: 302: it redirects to another host, 127.0.0.1:",), at_most=1)
def redirects_to_another_host(request: Request) -> Answer:
    return Answer(status=302, headers={"Location": f"{request.storage}/rows?sig=1"})


@CASES.add("query-with-a-grammar", rows=1, at_most=1)
def query_with_a_grammar(request: Request) -> Answer:
    query = urlsplit(request.target).query
    if query != "q=analytics&dateRange=(start:(year:2026,month:11,day:4))&accounts=List(urn%3Ali%3Aaccount%3A7)":
        return Answer({"message": "the query cannot be read", "got": query}, status=400)
    return Answer({"elements": ids(0, 1)})


@CASES.add("dates-without-hyphens", rows=1, params={"from": "2026-11-24"}, at_most=1)
def dates_without_hyphens(request: Request) -> Answer:
    if (request.query, request.json) != ({"reportDate": "20261124"}, {"until": "24.11.2026 00:00"}):
        return Answer({"details": f"{request.target} {request.body!r}"}, status=400)
    return Answer({"data": ids(0, 1)})


@CASES.add("token-in-a-header-of-its-own", rows=10, credentials={"username": "u", "password": "p"}, at_most=2)
def token_in_a_header_of_its_own(request: Request) -> Answer:
    if request.path == "/v3/authentication":
        return Answer({"Token": "tok-123"} if request.json == {"Login": "u", "Password": "p"} else {})
    if request.headers.get("X-Auth") != "tok-123" or "Authorization" in request.headers:
        return Answer({"Message": "no valid X-Auth header"}, status=401)
    return Answer({"Result": ids(0, 10)})


@CASES.add("token-and-developers-key", rows=10, credentials={**OAUTH, "developer_token": "dev-1"}, at_most=2)
def token_and_developers_key(request: Request) -> Answer:
    if request.path == "/oauth/token":
        return Answer({"access_token": "at", "expires_in": 3600})
    if (request.headers.get("Authorization"), request.headers.get("developer-token")) != ("Bearer at", "dev-1"):
        return Answer({"error": "no key or no token"}, status=401)
    return Answer({"data": ids(0, 10)})


@CASES.add("secret-read-as-rfc-6749-says", rows=10, credentials={"client_id": "app:1", "client_secret": "a+b%2Fc/é"})
def secret_read_as_rfc_6749_says(request: Request) -> Answer:
    if request.path != "/oauth/token":
        return Answer({"data": ids(0, 10)})
    client_id, _, secret = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
    if (unquote_plus(client_id), unquote_plus(secret)) != ("app:1", "a+b%2Fc/é"):
        return Answer({"error": "invalid_client"}, status=401)
    return Answer({"access_token": "at", "expires_in": 3600})


@CASES.add_anew("refresh-token-changes-at-each-use", rows=25, credentials={**OAUTH, "refresh_token": "first"})
def refresh_token_changes_at_each_use() -> Vendor:
    logins: list[str] = ["first"]

    def respond(request: Request) -> Answer:
        if request.path == "/token":
            if f"refresh_token={logins[-1]}&" not in request.body.decode():
                words = {"error": "invalid_grant", "error_description": "this refresh token was used before"}
                return Answer(words, status=400)
            logins.append(f"next{len(logins)}")
            return Answer({"access_token": f"at{len(logins)}", "expires_in": "3600", "refresh_token": logins[-1]})
        page = int(request.query["page"])
        if request.headers["Authorization"] != f"Bearer at{max(2, page + 1)}":
            return Answer({"error": "the token is over"}, status=401)
        return Answer({"data": ids(page * 10 - 10, min(page * 10, 25))})

    return respond


@CASES.add(
    "consent-withdrawn",
    fails=("POST /token: 400 Bad Request: invalid_grant: Token has been expired or revoked.",),
    credentials={**OAUTH, "refresh_token": "first"},
    at_most=1,
)
def consent_withdrawn(request: Request) -> Answer:
    return Answer({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, status=400)


@CASES.add("reached-through-a-proxy-only", rows=10, connection={"base_url": NOBODY, "proxy": "{base}"}, at_most=1)
def reached_through_a_proxy_only(request: Request) -> Answer:
    return Answer({"data": ids(0, 10)}) if request.target == f"{NOBODY}/rows" else Answer(status=400)
