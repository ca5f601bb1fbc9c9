"""Errors, named for what the caller does next.

MillraceError
├── BadInput      the operator's input is wrong: say where and what is allowed, send nothing (exit 2, HTTP 422)
├── RetryLater    do the same step again after a while
│   ├── SinkFull      the sink has no room: wait for it, or give the page back
│   ├── RateLimited   no worker may use this connection for a while
│   └── LoginExpired  the token is no longer accepted: log in again first
├── FailJob       the job cannot succeed: fail it with this reason
│   ├── ReportGone    the vendor no longer has the prepared report: ask for a new one
│   └── NoMorePages   there is no such page and none after it: the end of a report's pages, else a failure
├── StartOver     what is read is not what was published: void the generation and read everything again
├── SkipRow       set this row aside as a dead letter with this reason
├── LeaseLost     another worker has this work: stop at once, publish nothing more
└── RecordClosed  the sink record takes no more rows of this generation: what to do depends on its state
"""

from __future__ import annotations

from typing import Literal

from worker.model import WaitsOn

READ_AT_MOST = 3
"""How often bytes that arrive broken are read, in case they broke on the way."""


class MillraceError(Exception):
    """Everything Millrace raises on purpose. Messages never hold a secret."""


class BadInput(MillraceError):
    """What the operator gave cannot be used; nothing was sent to anybody."""

    def __init__(self, where: str, given: object, allowed: str) -> None:
        """`where` names the field or file, `given` is what stood there, `allowed` says what may stand there."""
        self.where = where
        self.given = given
        self.allowed = allowed
        super().__init__(f"{where}: {given!r} is not allowed; expected {allowed}")


class MissingInput(BadInput):
    """Something that must be given was not."""

    def __init__(self, where: str, allowed: str) -> None:
        super().__init__(where, None, allowed)
        # Instead of BadInput's message, which would say that None is not allowed.
        self.args = (f"{where} is missing; expected {allowed}",)


class UnreadableFile(BadInput):
    """A file that must be read cannot be."""

    def __init__(self, where: str, problem: str, form: str) -> None:
        """`where` is the path, with the line where that is known; `form` says what the file should be."""
        super().__init__(where, problem, form)
        self.args = (f"{where}: cannot be read as {form}: {problem}",)


class RetryLater(MillraceError):
    """The step may succeed later.

    `wait_seconds` is how long to wait (None: exponential, with jitter). `is_attempt` is False if nothing went wrong and
    the work is only given back: shutdown, quota, pause, a full sink. `at_most` is the number of attempts after which
    the job fails (None: the usual number; few for broken bytes). `is_unsent`: the vendor certainly did not act on the
    request, because it was never sent or was refused. `is_refused`: the vendor was asked and refused, so asking again
    at once would be one request too many. `waits_on` tells people what is waited for.
    """

    def __init__(
        self,
        reason: str,
        *,
        wait_seconds: float | None = None,
        is_attempt: bool = True,
        at_most: int | None = None,
        is_unsent: bool = False,
        is_refused: bool = False,
        waits_on: WaitsOn = "retry",
    ) -> None:
        self.reason = reason
        self.wait_seconds = wait_seconds
        self.is_attempt = is_attempt
        self.at_most = at_most
        self.is_unsent = is_unsent
        self.is_refused = is_refused
        self.waits_on = waits_on
        super().__init__(reason)


class SinkFull(RetryLater):
    """The sink has no room and kept nothing of the batch; the reason says how full it is. Not counted as an attempt."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, is_attempt=False, waits_on="sink")


class RateLimited(RetryLater):
    """The vendor says in a body that it was asked too often, and did not act on the request."""

    def __init__(self, reason: str, *, wait_seconds: float | None = None) -> None:
        """Without `wait_seconds` the wait is ours to choose, and each try counts as an attempt."""
        super().__init__(
            reason, wait_seconds=wait_seconds, is_attempt=wait_seconds is None, is_unsent=True, is_refused=True
        )


class LoginExpired(RetryLater):
    """The vendor says in a body that it no longer accepts our token. One new token is tried, not more."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, wait_seconds=0, at_most=2, is_unsent=True)


class FailJob(MillraceError):
    """The job cannot succeed; the reason is for the person who reads the receipt.

    `spoils_report`: the vendor's prepared report is itself the cause, so a retry asks for a new one.
    """

    def __init__(self, reason: str, *, spoils_report: bool = False) -> None:
        self.spoils_report = spoils_report
        super().__init__(reason)


class ReportGone(FailJob):
    """The vendor no longer has the prepared report; a new request may help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, spoils_report=True)


class NoMorePages(FailJob):
    """An answer that the source file declares to be the end of paging. Where no pages are read, it fails the job."""


class StartOver(MillraceError):
    """This reading differs from what was published, so the report is read again under a new generation."""


class SkipRow(MillraceError):
    """One row does not fit what was declared; it becomes a dead letter with this reason."""


class LeaseLost(MillraceError):
    """The lease ended or went to another worker; this worker's writes are refused from now on."""


RecordState = Literal["ended", "void", "superseded", "missing"]


class RecordClosed(MillraceError):
    """The sink record refused a write, and nothing was written.

    `state` is why: the end is written, the record is void for good, another generation is open, or there is no record.
    """

    def __init__(self, state: RecordState) -> None:
        self.state = state
        super().__init__(f"the sink record is {state}")
