"""One request out, one answer's head in. Knows TLS, timeouts and addresses; nothing of credentials, quotas or links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from requests import PreparedRequest
from requests import Response as HeardResponse
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectTimeout, ReadTimeout, RequestException, SSLError
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from worker.errors import FailJob, RetryLater
from worker.transport.adapters import adapter
from worker.transport.addresses import AddressKind
from worker.transport.links import without_query
from worker.transport.response import Response

CONNECT_SECONDS = 10.0
USER_AGENT = "millrace"


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as it goes out. `url` is absolute and already judged."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def name(self) -> str:
        """Method and path, for messages; never the query."""
        return f"{self.method} {without_query(self.url)}"


class Channel:
    """Sends requests, each once. Safe to share between threads; connections are shared by the whole process."""

    def __init__(self, *, silence_seconds: float, connect_seconds: float = CONNECT_SECONDS) -> None:
        """`silence_seconds` bounds the wait for the answer's head and between any two pieces of its body."""
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds

    def send(self, request: WireRequest, *, kinds: frozenset[AddressKind] | None = None) -> Response:
        """Send a request, to hosts at `kinds` of address only where given, and wait for the head of its answer.

        Raises RetryLater where that failed (`is_unsent`: the request never left) and FailJob where it never can work.
        """
        chosen = adapter(kinds)
        try:
            heard = self._send(chosen, request)
        except ConnectTimeout:
            raise RetryLater(f"{request.name}: no connection in {self._connect_seconds:g} s", is_unsent=True) from None
        except ReadTimeout:
            raise RetryLater(f"{request.name}: no answer in time ({self._silence_seconds:g} s)") from None
        except SSLError as error:
            raise _tls_refusal(request, error) from None
        except RequestException as error:
            cause = _cause(error)
            raise RetryLater(f"{request.name}: {_spoken(cause)}", is_unsent=_is_unsent(cause)) from None
        except (ValueError, HTTPError):
            # What these say may hold a header's value or the URL's query, so it is not repeated.
            raise FailJob(f"{request.name}: the request cannot be sent as it is") from None
        if heard.headers.get("Transfer-Encoding", "chunked").strip().lower() not in ("chunked", "identity"):
            heard.close()
            raise FailJob(f"{request.name}: the answer's transfer encoding is not understood")
        return Response(request.name, heard, silence_seconds=self._silence_seconds)

    def _send(self, chosen: HTTPAdapter, request: WireRequest) -> HeardResponse:
        prepared = PreparedRequest()
        prepared.method, prepared.url, prepared.body = request.method, request.url, request.body
        prepared.headers = CaseInsensitiveDict({"User-Agent": USER_AGENT, "Accept": "*/*", **request.headers})
        if request.body is not None or request.method == "POST":
            prepared.headers["Content-Length"] = str(len(request.body or b""))
        timeout = (self._connect_seconds, self._silence_seconds)
        return chosen.send(prepared, stream=True, timeout=timeout, verify=True)


def _cause(error: BaseException) -> BaseException:
    """What went wrong below requests' own exception."""
    return error.args[0] if error.args and isinstance(error.args[0], BaseException) else error


def _is_unsent(cause: BaseException) -> bool:
    """Did no connection ever come about?"""
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError | ConnectTimeoutError)


def _spoken(cause: BaseException) -> str:
    """The innermost reason without the URL that urllib3 puts into its messages."""
    if isinstance(cause, MaxRetryError) and cause.reason is not None:
        return f"no connection: {str(cause.reason).rpartition(': ')[2]}"
    inner = cause.args[-1] if cause.args else cause
    return f"no answer: {inner}" if isinstance(inner, OSError) else f"no answer: {type(cause).__name__}"


def _tls_refusal(request: WireRequest, error: SSLError) -> FailJob | RetryLater:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        return FailJob(f"{request.name}: the host's certificate is not trusted")
    return RetryLater(f"{request.name}: the TLS connection failed")
