"""All errors that Millrace raises on purpose, named for what the caller does next.

MillraceError
├── BadInput      the operator's input is wrong: the message says where and what is allowed (exit 2, HTTP 422)
├── RetryLater    do the same step again after a while
│   ├── SinkFull      the sink has no room: wait for it, or give the page back
│   ├── RateLimited   no worker may use this connection for a while
│   └── LoginExpired  the token is no longer accepted: log in again first
├── FailJob       the job cannot succeed: fail it with this reason
│   ├── ReportGone    the vendor no longer has the prepared report: ask for a new one
│   │   └── ReportNotFound    unless it has only just become ready: then it may not be there yet
│   ├── NoMorePages   the page does not exist: the end of a report's pages; anywhere else it fails the job
│   └── MorePages     the vendor speaks of pages that the source file does not declare
├── StartOver     this reading differs from what was published: void the generation and read everything again
├── SkipRow       set this row aside as a dead letter with this reason
├── LeaseLost     another worker has this work: stop at once, publish nothing more
└── RecordClosed  the sink record accepts no more rows of this generation: what to do depends on its state
"""

from __future__ import annotations

from typing import Literal

from worker.model import WaitsOn

READ_AT_MOST = 3
"""How many times a response that arrives broken is read, in case it was damaged on the way."""


class MillraceError(Exception):
    """The base of all errors below. Messages never contain a secret."""


class BadInput(MillraceError):
    """The operator's input cannot be used; no request was sent."""

    def __init__(self, where: str, given: object, allowed: str) -> None:
        """`where` names the field or file, `given` is the value there, `allowed` says which values are allowed."""
        self.where = where
        self.given = given
        self.allowed = allowed
        super().__init__(f"{where}: {given!r} is not allowed; expected {allowed}")


class MissingInput(BadInput):
    """A required input is missing."""

    def __init__(self, where: str, allowed: str) -> None:
        super().__init__(where, None, allowed)
        # Instead of BadInput's message, which would say that None is not allowed.
        self.args = (f"{where} is missing; expected {allowed}",)


class MissingLibrary(BadInput):
    """What was given is right, but needs a library that is not installed here."""


class UnreadableFile(BadInput):
    """A file cannot be read or parsed."""

    def __init__(self, where: str, problem: str, form: str) -> None:
        """`where` is the path, with the line if it is known; `form` says what the file should be."""
        super().__init__(where, problem, form)
        self.args = (f"{where}: cannot be read as {form}: {problem}",)


class RetryLater(MillraceError):
    """The step may succeed later.

    `wait_seconds` is how long to wait (None: exponential, with jitter). `is_attempt` is False if nothing went wrong and
    the work is only given back: shutdown, quota, pause, a full sink. `at_most` is the number of attempts after which
    the job fails (None: the usual number; few for broken bytes). `is_unsent`: the vendor certainly did not act on the
    request, because it was never sent or was refused. `is_refused`: the vendor refused the request, so it must not be
    repeated at once. `waits_on` tells people what the work waits for.
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
    """The sink has no room and wrote nothing of the batch. The reason says how full it is. It is not an attempt."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, is_attempt=False, waits_on="sink")


class RateLimited(RetryLater):
    """The vendor says that it got too many requests; it did not act on this one."""

    def __init__(self, reason: str, *, wait_seconds: float | None = None) -> None:
        """Without `wait_seconds`, we choose how long to wait: longer after each try, and until the deadline."""
        super().__init__(
            reason, wait_seconds=wait_seconds, is_attempt=wait_seconds is None, is_unsent=True, is_refused=True
        )


class LoginExpired(RetryLater):
    """The vendor says in a body that it no longer accepts our token. Only one new token is tried."""

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


class ReportNotFound(ReportGone):
    """The vendor or its storage answers 404 to a request for the rows of a prepared report."""


class NoMorePages(FailJob):
    """The answer is what the source file declares as the end of paging. Anywhere else it fails the job."""


class MorePages(FailJob):
    """The answer is not the whole report, as the source file would have it. `said` is what the vendor says."""

    def __init__(self, said: str, remedy: str) -> None:
        self.said = said
        super().__init__(f"{said}, but no paging is declared: {remedy}")


class StartOver(MillraceError):
    """This reading differs from what was published, so the report is read again under a new generation."""


class SkipRow(MillraceError):
    """A row has a value that does not fit its declared type; it becomes a dead letter with this reason."""


class LeaseLost(MillraceError):
    """The lease has expired or another worker has it; writes of this worker are refused from now on."""


RecordState = Literal["ended", "void", "superseded", "missing"]


class RecordClosed(MillraceError):
    """The sink record refused a write, and nothing was written.

    `state` is why: the end is written, the record is void for good, another generation is open, or there is no record.
    """

    def __init__(self, state: RecordState) -> None:
        self.state = state
        super().__init__(f"the sink record is {state}")
