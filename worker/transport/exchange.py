"""Exchanges requests and answers with a vendor: quota, credentials, redirects by our own rules, errors by status.

    wait for quota -> add credentials -> send -> (renew the token once) -> (follow redirects) -> success or an error

A request is repeated here only if the vendor certainly did not act on it. Other retries are made by the steps.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from redis import Redis

from worker.errors import READ_AT_MOST, BadInput, FailJob, LoginExpired, MillraceError, RateLimited, RetryLater
from worker.json_path import find
from worker.metrics import count
from worker.observe import Event, log
from worker.sources.credentials import needs_durable_tokens
from worker.sources.schema import ErrorShape
from worker.transport import addresses, links
from worker.transport.account import Account
from worker.transport.auth import Auth
from worker.transport.http import Channel
from worker.transport.links import LinkKind, Target
from worker.transport.login import LoginRequest
from worker.transport.quota import PATIENCE_SECONDS, OwnQuota, Quota, SharedQuota
from worker.transport.redaction import Redactor
from worker.transport.refusals import PAUSING, parse_json, rate_limit_wait, refusal, refusal_wait
from worker.transport.request import WireRequest
from worker.transport.response import Response
from worker.transport.tokens import OwnTokens, SharedTokens, Tokens
from worker.vendor_errors import error_in, error_in_body

SMALL_ANSWER_BYTES = 16 * 1024 * 1024
SILENCE_SECONDS = 120.0
LOGIN_SILENCE_SECONDS = 30.0

T = TypeVar("T")

MOST_REDIRECTS = 5
SAME_REQUEST = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)
REDIRECTS = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, *SAME_REQUEST)

_SENT_TO_ANY_HOST = ("accept", "accept-encoding")
"""The only headers that are sent to another host; any other may contain a key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A small answer, read whole. `content` is its JSON; None if the body is empty or is not JSON."""

    name: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None
    raw: bytes = b""
    request_id: str | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Exchange:
    """Exchanges with one account. Cheap to make, safe to share between threads.

    What workers share (tokens, quota, pauses) is in Redis, or without Redis in this object. Messages of errors never
    contain a credential, a token or a query.
    """

    def __init__(
        self,
        account: Account,
        redis: Redis | None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.connection = connection = account.connection
        self.base = account.base
        self.clock = clock
        self.redactor = Redactor()
        self._account = account
        self._sleep = sleep
        self._channel = Channel(silence_seconds=silence_seconds, network=account.network)
        login_silence_seconds = min(silence_seconds, LOGIN_SILENCE_SECONDS)
        self._login_channel = Channel(silence_seconds=login_silence_seconds, network=account.network)
        self._redis = redis
        self._quota: Quota
        if redis is None:
            self._quota = OwnQuota(connection.name, connection.limits, sleep=sleep, clock=clock)
        else:
            self._quota = SharedQuota(redis, connection.name, connection.limits, sleep=sleep)
        self._auth: Auth | None = None
        self._renewed_for: LoginExpired | None = None
        self._auth_lock = threading.Lock()

    def auth(self) -> Auth:
        """How this account authenticates. Raises BadInput, naming what to set, if credentials are missing."""
        with self._auth_lock:
            if self._auth is None:
                self._auth = Auth(
                    self._account, self.redactor, tokens=self._open_tokens, clock=self.clock, sleep=self._sleep
                )
            return self._auth

    def log_in(self) -> bool:
        """Fetch a token unless there is a good one. False if this connection needs none."""
        login = self.auth().login
        if login is None:
            return False
        with self.handling_errors():
            self._run_flow(login.token())
        return True

    def send(
        self,
        request: WireRequest,
        *,
        kind: LinkKind = "api",
        shapes: Collection[ErrorShape] = (),
        allow: Collection[int] = (),
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Response:
        """Send a request and return its answer: a success, or a status in `allow`.

        `request.url` must be on the base, or for the kind `download` come from `links.download_target`. Raises
        RetryLater or FailJob with method, path, status and the vendor's words, found by `shapes` and the source file's.
        """
        target = Target(request.url, links.download_target(self.base, request.url, at=request.url).is_own)
        seen = {links.normal_form(request.url)}
        with self.handling_errors():
            for _ in range(MOST_REDIRECTS + 1):
                response = self._send_once(request, target, patience_seconds)
                if response.status not in REDIRECTS or response.status in allow:
                    return self._check_status(response, target, (*shapes, *self.connection.source.errors), allow)
                response.close()
                request, target = self._follow_redirect(request, response, kind)
                form = links.normal_form(target.url)
                if form in seen:
                    raise FailJob(f"{response.name}: {response.status}: the redirects lead in a circle")
                seen.add(form)
            raise FailJob(f"{request.name}: more than {MOST_REDIRECTS} redirects")

    @contextmanager
    def handling_errors(self) -> Iterator[None]:
        """Mask secrets in every error raised in the block; pause the connection on a rate limit, renew a refused token.

        All errors pass through here, whether they were in a refusal, in a small answer or in a page of rows.
        """
        try:
            yield
        except MillraceError as error:
            self.redactor.clean_error(error)
            if isinstance(error, RateLimited) and error.wait_seconds is not None:
                self._pause(error.wait_seconds)
            if isinstance(error, LoginExpired) and error is not self._renewed_for:
                # Remembered, because the same error passes here again when it leaves an outer block.
                self._renewed_for = error
                login = self.auth().login
                if login is not None and login.last is not None:
                    self._run_flow(login.token(login.last.version))
            raise

    def _pause(self, seconds: float) -> None:
        if self._quota.pause(seconds):
            log.warning(Event.CONNECTION_PAUSED, connection=self.connection.name, seconds=round(seconds, 1))

    def _follow_redirect(self, request: WireRequest, response: Response, kind: LinkKind) -> tuple[WireRequest, Target]:
        """The request that follows a redirect. Raises FailJob if that would drop the body or send it to another host.

        After 301 and 302, clients turn a POST into a GET (RFC 9110, 15.4.2 and 15.4.3), which would drop the body.
        307 and 308 repeat the request unchanged.
        """
        name, status = f"{response.name}: {response.status}", response.status
        location = response.headers.get("Location", "").strip()
        if not location:
            raise FailJob(f"{name}: a redirect without an address in `Location`")
        try:
            target = links.redirect_target(self.base, location, kind, at=request.url)
        except FailJob as refusal:
            raise FailJob(f"{name}: {refusal}") from None
        if request.method == "GET":
            return replace(request, url=target.url), target
        # 303 names an address to GET the answer from (RFC 9110, 15.4.4); vendors use 302 like that for their storage.
        if status == HTTPStatus.SEE_OTHER or (status == HTTPStatus.FOUND and not target.is_own):
            kept = {key: value for key, value in request.headers.items() if key.lower() != "content-type"}
            return WireRequest("GET", target.url, kept), target
        if status not in SAME_REQUEST:
            raise FailJob(f"{name}: a redirect that would drop the request's body is not followed")
        if not target.is_own:
            raise FailJob(f"{name}: it redirects to another host, to which the request's body is not sent")
        return replace(request, url=target.url), target

    def ask(self, request: WireRequest, *, shapes: Collection[ErrorShape] = (), allow: Collection[int] = ()) -> Answer:
        """Send a request whose answer is small JSON, and return it. Raises as `send` does.

        Raises FailJob also if a success is not JSON, unless it is an empty 202 or 204, and the error that a success
        reports in its body.
        """
        answer = self.fetch(request, shapes=shapes, allow=allow)
        if answer.is_success:
            may_be_empty = answer.status in (HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT)
            if answer.content is None and not (may_be_empty and not answer.raw.strip()):
                with self.handling_errors():
                    parse_json(answer.raw, answer.name)
            self.refuse_error(answer, shapes)
        return answer

    def fetch(
        self,
        request: WireRequest,
        *,
        kind: LinkKind = "api",
        shapes: Collection[ErrorShape] = (),
        allow: Collection[int] = (),
    ) -> Answer:
        """Send a request and read its small answer, which may be an error or not JSON. Raises as `send` does."""
        response = self.send(request, kind=kind, shapes=shapes, allow=allow)
        with self.handling_errors():
            raw = response.body(SMALL_ANSWER_BYTES)
        try:
            content = parse_json(raw, response.name)
        except FailJob:
            content = None
        return Answer(response.name, response.status, response.headers, content, raw, response.request_id)

    def refuse_error(self, answer: Answer, shapes: Collection[ErrorShape] = ()) -> None:
        """Raise the error in an answer if it matches one of the shapes or one of the source file's."""
        shapes = (*shapes, *self.connection.source.errors)
        error = (
            error_in_body(answer.raw, shapes)
            if answer.content is None
            else error_in(partial(find, answer.content), shapes)
        )
        if error:
            failure = error.failure(f"{answer.name}: {answer.status}: {error.words}")
            with self.handling_errors():
                raise self.with_wait(failure, answer.headers) if isinstance(failure, RateLimited) else failure

    def with_wait(self, limited: RateLimited, headers: Mapping[str, str]) -> RateLimited:
        """The rate limit with the wait that the headers state, if the body names none."""
        wait = limited.wait_seconds or rate_limit_wait(headers, now=self.clock())
        return RateLimited(limited.reason, wait_seconds=wait)

    def api_link(self, link: str, *, at: str) -> str:
        """A link from a response as a URL on our own base, without the key that some vendors repeat in their links."""
        url = links.on_base(self.base, link, at=at)
        return self.auth().remove_keys(url)

    def _send_once(self, request: WireRequest, target: Target, patience_seconds: float) -> Response:
        """Send one request: to our own host with quota and credentials, to any other host without."""
        if target.is_own:
            auth = self.auth()
            token_key = auth.login.token_key if auth.login else None
            token = self._quota.wait_turn(patience_seconds=patience_seconds, token_key=token_key)
            response = self._run_flow(auth.flow(request, token))
            if self._redis is not None:
                count(self._redis, "millrace_vendor_answers_total", self.connection.name, str(response.status))
            return response
        # Another host: no credentials, no quota, and only addresses that a link may lead to.
        harmless = {name: value for name, value in request.headers.items() if name.lower() in _SENT_TO_ANY_HOST}
        is_proxied = self._account.network.proxies.proxy_for(self.base.url("/")) is not None
        find_kinds = addresses.permitted_kinds_behind_proxy if is_proxied else addresses.permitted_kinds
        kinds = find_kinds(self.base.host, self.base.port)
        return self._channel.send(WireRequest(request.method, request.url, harmless, request.body), kinds=kinds)

    def _run_flow(self, flow: Generator[WireRequest, Response, T]) -> T:
        """Send every request that an authentication flow yields, and return its result."""
        try:
            request = next(flow)
            while True:
                channel = self._login_channel if isinstance(request, LoginRequest) else self._channel
                try:
                    response = channel.send(request)
                except MillraceError as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(response)
        except StopIteration as end:
            result: T = end.value
            return result

    def _check_status(
        self, response: Response, target: Target, shapes: Collection[ErrorShape], allow: Collection[int]
    ) -> Response:
        """The answer if it is a success or allowed. Raises the error that any other status means."""
        # We never request a range. Some servers answer 206 with the whole; a real part would look like a short report.
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            span = re.fullmatch(r"bytes 0-(\d+)/(\d+)", response.headers.get("Content-Range", "").strip())
            if span is None or int(span[1]) + 1 != int(span[2]):
                response.close()
                raise RetryLater(f"{response.name}: 206: only a part, which was not asked for", at_most=READ_AT_MOST)
        if 200 <= response.status < 300 or response.status in allow:
            return response
        raise self.refusal(response, response.start(), shapes, is_own=target.is_own)

    def refusal(self, response: Response, raw: bytes, shapes: Collection[ErrorShape], *, is_own: bool) -> MillraceError:
        """The error that a refusal means; pauses the connection if it asks to. `raw` is the start of its body."""
        now, statuses = self.clock(), self.connection.source.retry_statuses
        wait = refusal_wait(response, now=now)
        if wait is not None and is_own and response.status in PAUSING:
            self._pause(wait)
        error = refusal(response, raw, list(shapes), self.redactor, retry_statuses=statuses, now=now)
        if response.status == HTTPStatus.UNAUTHORIZED and is_own and type(error) is FailJob:
            return FailJob(f"{error}; check {self.auth().to_check}")
        return error

    def _open_tokens(self, account: str) -> Tokens:
        if self._redis is None:
            if needs_durable_tokens(self.connection):
                wanted = "a Redis, to keep the refresh token with which the vendor may replace ours"
                raise BadInput(f"connection {self.connection.name}", "no Redis", wanted)
            return OwnTokens(clock=self.clock)
        return SharedTokens(self._redis, self.connection.name, account)
