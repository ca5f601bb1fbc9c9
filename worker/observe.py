"""Logging: every log event, declared with its meaning; the format of log lines; masking of secrets.

A log line is an event with fields. `job` (and `page`) are bound once, when a step begins.
"""

from __future__ import annotations

import logging
import re
import sys
from enum import StrEnum
from typing import Literal

import structlog


class Event(StrEnum):
    """The names of all log events."""

    SUBMITTED = "report.submitted"  # the vendor accepted the request; its report id is known
    ADOPTED = "report.adopted"  # an interrupted request had reached the vendor; its report is ours
    ORPHAN = "report.possible_orphan"  # requested again after an interrupted request that cannot be looked up
    NOT_READY = "report.not_ready"  # polled; the vendor is still preparing
    UNKNOWN_STATUS = "report.unknown_status"  # the vendor used a status word no source file knows
    READY = "report.ready"  # the vendor has the report; rows can be read
    ASKED_ANEW = "report.asked_anew"  # the vendor no longer has the report, or could not prepare it: requested again
    DISCARDED = "report.discarded"  # the report was cancelled or deleted at the vendor
    NOT_DISCARDED = "report.not_discarded"  # that failed; the report stays there until the vendor drops it
    PLANNED = "report.planned"  # pages are planned
    PAGE_CLOSED = "page.closed"  # every row of the page is in the sink
    TAKEN_OVER = "page.taken_over"  # the sink has rows of this page already; they are read again, checked and skipped
    PAGE_GIVEN_BACK = "page.given_back"  # the page waits for another worker; nothing is lost
    NOT_VOIDED = "sink.not_voided"  # a job ended, but its sink did not accept the void; readers see no end there
    SINK_FULL = "sink.full"  # no room in the sink; reading stops until there is
    START_OVER = "report.start_over"  # this reading differs from what was published; a new generation begins
    STEP_RETRIES = "step.retries"  # the step failed and will be tried again
    LEASE_LOST = "lease.lost"  # another worker holds the work; this one stops
    NOTHING_TO_DO = "step.nothing_to_do"  # the nudge was not needed: the work is done, or another worker has it
    NUDGE_LOST = "nudge.lost"  # the broker did not take a nudge; the sweep will send it again
    NUDGE_UNKNOWN = "nudge.unknown"  # only another version of Millrace knows this task; the sweep sends it again
    STOOD_IN = "beat.stood_in"  # beat does not send this task, so this control worker does its work; said now and then
    REDIS_AWAY = "redis.away"  # Redis cannot serve now; the work waits until it can
    SWEPT = "sweep.nudged"  # unfinished work without a worker was nudged
    SCHEDULED = "schedule.served"  # an entry of the schedule was due; its jobs are created
    SCHEDULE_REFUSED = "schedule.refused"  # the schedule, or one entry, cannot be used; it is tried again
    SCHEDULE_ALARM = "schedule.alarm"  # a report is late or missing, failed, or has too few rows
    SCHEDULE_ALARM_OVER = "schedule.alarm_over"  # the reason of the alarm is gone
    COLUMNS_CHANGED = "report.columns_changed"  # columns are new or gone since the same report was last done
    DONE = "report.done"  # proven complete
    FAILED = "report.failed"  # given up, with the reason
    CANCELLED = "report.cancelled"  # cancelled by a user or a program
    NOTICE_DELIVERED = "webhook.delivered"  # the receiver knows that the job has ended
    NOTICE_LATER = "webhook.later"  # the receiver did not answer, or answered with an error; it is sent again
    NOTICE_REFUSED = "webhook.refused"  # the receiver refuses it, or too many attempts failed
    FILE_REFUSED = "files.refused"  # a mistake in a file of sources or connections; whoever needs that part has to wait
    FILES_IGNORED = "files.ignored"  # these entries of MILLRACE_SOURCES are not source files
    WRONG_CLOCK = "clock.wrong"  # the clock of this machine differs from that of Redis
    UNKNOWN_VARIABLE = "settings.unknown"  # an environment variable is named like a setting, but is not one
    NO_TRACES = "traces.off"  # OpenTelemetry's variables ask for traces, but it cannot be used
    TOKEN_RENEWED = "token.renewed"  # noqa: S105 - a new access token is in use
    CONNECTION_PAUSED = "connection.paused"  # the vendor asked to wait; no worker sends requests until then


_CREDENTIALS = re.compile(
    r"(?P<before>://)[^\s/@\"']+@"  # user and password in a URL
    r"|(?P<asked>\?)[^\s\"'<>]+"  # a query: it may hold a key, or the signature of a link
    r"|(?P<header>(?:authorization|cookie|[\w-]*(?:token|key|secret))['\"]?\s*[:=]\s*)"
    r"['\"]?[^\s'\",}]+(?: [^\s'\",}]+)?",
    re.IGNORECASE,
)


def mask_secrets(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask possible secrets in the log lines of libraries, which print whole requests, and in every traceback.

    Our own events contain no secrets, so their text is left as it is.
    """
    is_ours = event.get("_from_structlog")
    for name in ("exception",) if is_ours else ("event", "exception"):
        if isinstance(text := event.get(name), str):
            event[name] = mask_credentials(text)
    return event


def mask_credentials(text: str) -> str:
    """The text with everything that looks like a credential replaced by stars."""

    def mask(found: re.Match[str]) -> str:
        kept = found["before"] or found["asked"] or found["header"]
        return f"{kept}***" + ("@" if found["before"] else "")

    return _CREDENTIALS.sub(mask, text)


def configure_logging(style: Literal["text", "json"], level: str) -> None:
    """Send every log line of this process to stderr, as text or as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    lines = logging.StreamHandler()
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.processors.format_exc_info,
                mask_secrets,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    # Celery logs every message and every task; the events of our steps say more.
    for noisy in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    root = logging.getLogger()
    root.handlers = [lines]
    root.setLevel(level.upper())


log: structlog.stdlib.BoundLogger = structlog.get_logger("millrace")
