"""The faults any exchange can have, whatever it carries.

A token exchange has them only where a rule names it.
"""

from __future__ import annotations

from sandbox.fault_types import EVERY_ROLE, Arg, Kind, choice, roles

_ALL = EVERY_ROLE
_CLEAN = Arg(bool, False)

ANSWER_KINDS: tuple[Kind, ...] = (
    Kind(
        "status",
        _ALL,
        "Answers with this status instead, before the vendor acts. `retry_after` seconds go into the header "
        "Retry-After, as seconds or as an HTTP date. `body`: `vendor` is the vendor's own error form, `gateway` "
        "MediaMath's envelope that begins with `meta`; `message` to `list` are the forms seen at Rokt's Query API.",
        {
            "code": Arg(int),
            "retry_after": Arg(float, None),
            "retry_after_form": choice("seconds", "date", default="seconds"),
            "body": choice(
                "vendor",
                "gateway",
                "html",
                "text",
                "empty",
                "message",
                "error",
                "detail",
                "errors",
                "list",
                default="vendor",
            ),
            "message": Arg(str, "made to fail"),
        },
    ),
    Kind("html", _ALL, "Answers 200 with an HTML page, as a proxy does.", {"status": Arg(int, 200)}),
    Kind("empty_body", _ALL, "Answers 200 with no body at all."),
    Kind(
        "body",
        _ALL,
        "Answers with exactly this body.",
        {"text": Arg(str), "status": Arg(int, 200), "content_type": Arg(str, "application/json")},
    ),
    Kind(
        "error_body",
        _ALL,
        "Answers 200 with nothing but an error in the vendor's form (in a stream: the first and only line). "
        "`partial` leaves all but the error code away.",
        {"code": Arg(str, "InternalError"), "message": Arg(str, "made to fail"), "partial": Arg(bool, False)},
    ),
    Kind(
        "gateway",
        _ALL,
        "Answers with the gateway's envelope that begins with `meta`; `status` may be 200.",
        {
            "status": Arg(int, 429),
            "code": choice(
                "rate-limit-exceeded",
                "too-many-concurrent-writes",
                "service-overloaded",
                default="rate-limit-exceeded",
            ),
            "retry_after": Arg(float, None),
        },
    ),
    Kind(
        "redirect",
        _ALL,
        "Answers with a redirect to this address; `self` is the address asked for.",
        {"to": Arg(str), "code": Arg(int, 302)},
    ),
    Kind("delay", _ALL, "Waits before it answers.", {"seconds": Arg(float)}),
    Kind(
        "silence",
        _ALL,
        "Says nothing for this long once `after_bytes` of the body are sent (0: before the first byte), then goes on.",
        {"seconds": Arg(float), "after_bytes": Arg(int, 0)},
    ),
    Kind(
        "reset",
        _ALL,
        "Resets the connection once `after_bytes` of the body are sent (0: before the first byte of the answer).",
        {"after_bytes": Arg(int, 0)},
    ),
    Kind(
        "cut",
        _ALL,
        "Ends the body after this many bytes. `clean` ends it as if it were whole, else the connection closes early.",
        {"after_bytes": Arg(int), "clean": _CLEAN},
    ),
    Kind("throttle", _ALL, "Sends the body no faster than this.", {"bytes_per_second": Arg(int)}),
    Kind("content_type", _ALL, "Names another content type.", {"value": Arg(str, "text/plain")}),
    Kind("wrong_length", _ALL, "Content-Length is off by this many bytes.", {"by": Arg(int, 100)}),
    Kind("until_close", _ALL, "Sends neither length nor chunks: the body ends where the connection does."),
    Kind(
        "compressed",
        _ALL,
        "Compresses the body and says so, as is allowed.",
        {"encoding": choice("gzip", "zstd", "deflate", default="gzip")},
    ),
    Kind(
        "broken_compression",
        _ALL,
        "Compresses the body and spoils the compressed bytes from this one on.",
        {"encoding": choice("gzip", "zstd", "deflate", default="gzip"), "after_bytes": Arg(int, 20)},
    ),
    Kind(
        "bomb",
        _ALL,
        "Compresses the body followed by this many megabytes of blanks.",
        {"megabytes": Arg(int, 200), "encoding": choice("gzip", "zstd", "deflate", default="gzip")},
    ),
    Kind(
        "commit_then_drop",
        roles("submit"),
        "Does what was asked, then drops the connection without an answer.",
    ),
    Kind(
        "token_expires",
        roles("token"),
        "The token is refused after this many requests, or after `seconds`, whatever `expires_in` says.",
        {"after_requests": Arg(int, None), "seconds": Arg(float, None)},
    ),
    Kind(
        "expires_in",
        roles("token"),
        "The token answer claims this lifetime; the token's real one is unchanged.",
        {"value": Arg(object)},
    ),
    Kind("one_token", roles("token"), "A new token revokes the ones before it."),
)
