"""What the answer to a poll means: still waiting, ready, expired, or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from worker.client.moments import moment
from worker.errors import FailJob
from worker.json_path import count_in, find, first, link_in, links_in
from worker.sources.schema import Poll
from worker.vendor_errors import excerpt

WHOLE_BODY_CHARACTERS = 2_000

ORDINARY_WAITS = frozenset(
    "accepted created in_progress in-progress new pending preparing processing queued received retry running "
    "scheduled started submitted waiting working".split()
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not ready. `is_known` is False where the vendor used a word nobody expected.

    `is_linkless`: the vendor says ready but not where the rows are; `missing_link_grace_seconds` counts from the first.
    """

    word: str
    is_known: bool = True
    is_linkless: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """Prepared. `total` is the vendor's count of rows, `links` where they are, `expires_at` how long it is kept."""

    total: int | None = None
    links: tuple[str, ...] = ()
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Expired:
    """Prepared once, but the vendor keeps it no longer."""


Status = Waiting | Ready | Expired


def ours_in(poll: Poll, content: Any, report_id: str) -> Any | None:
    """What the answer says of our report: the one of our id where it lists reports, else all of it; None if unlisted.

    Row 0 of a list is no answer: a vendor that ignored the id would show somebody else's report there.
    """
    if poll.reports is None:
        return content
    listed = find(content, poll.reports)
    if isinstance(listed, list):
        return next((report for report in listed if _id(poll, report) == report_id), None)
    return content if _id(poll, content) in (None, report_id) else None


def judged(poll: Poll, ours: Any, raw: bytes, *, needs_link: bool, now: float) -> Status:
    """The status of our report. FailJob with the vendor's whole answer, bounded, where it says failed."""
    said = first(ours, poll.status)
    word = str(said).strip().lower() if isinstance(said, str | int | float) else ""
    if word in _words(poll.failed):
        answer = excerpt(raw, WHOLE_BODY_CHARACTERS)
        raise FailJob(f"the vendor could not prepare the report ({word}): {answer}", spoils_report=True)
    is_done = word in _words(poll.done)
    if not is_done and not (poll.ready_when_set and link_in(ours, [poll.ready_when_set])):
        return Waiting(word or "no status", is_known=word in ORDINARY_WAITS)
    expires_at = moment(find(ours, poll.expires_at)) if poll.expires_at else None
    if expires_at is not None and expires_at <= now:
        return Expired()
    links = links_in(ours, poll.link)
    if needs_link and not links:
        return Waiting(f"{word} without a link", is_linkless=True)
    # Until the word says done, the count may still grow.
    return Ready(count_in(ours, poll.total) if is_done else None, links, expires_at)


def _id(poll: Poll, report: Any) -> str | None:
    found = find(report, poll.id)
    return str(found) if isinstance(found, str | int) and found != "" else None


def _words(listed: list[str]) -> set[str]:
    return {word.strip().lower() for word in listed}
