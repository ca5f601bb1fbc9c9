"""Reads the answer to a poll: the report is not ready, ready, gone (and to be requested again), or failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from worker.client.selectors import describe_selectors, parse_time, refuse_one_of_several, select
from worker.errors import FailJob, RetryLater
from worker.json_path import count, find, find_all, is_same, is_value, links
from worker.sources.schema import Poll, Selector, status_word
from worker.transport.exchange import Answer
from worker.transport.refusals import retry_after
from worker.vendor_errors import excerpt

WHOLE_BODY_CHARACTERS = 2_000

# Common words for a report in preparation. Any other word that the source file does not know is logged as a warning,
# because it may mean that the report failed.
ORDINARY_WAITS = frozenset(
    "accepted created in_progress in-progress new pending preparing processing queued received retry running "
    "scheduled started submitted waiting working".split()
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not ready. `is_known` is False if neither the source file nor we know the vendor's word.

    `is_missing`: the vendor does not know the report, or says ready but not where the rows are; that is waited for only
    for a grace. `wait_seconds` is how long the vendor asks us to wait, None if it does not ask.
    """

    word: str
    is_known: bool = True
    is_missing: bool = False
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """Prepared. `total` is the vendor's count of rows, `links` where they are, `expires_at` how long it is kept."""

    total: int | None = None
    links: tuple[str, ...] = ()
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The vendor has no such report, but a new request may make one. `reason` is for people."""

    reason: str


Status = Waiting | Ready | Gone


@dataclass(frozen=True, slots=True)
class Prepared:
    """What earlier steps learned: the vendor's id of the report, where its rows are, how many, and until when.

    `links` are where the poll said the rows are: several if the report comes in several files, page N in file N.
    `total` is the count of rows that the pages so far stated, `polled_total` the count that the poll stated; it is used
    only if no page states one. `poll_link` is the address to poll, if the vendor gave one.
    """

    report_id: str | None = None
    links: tuple[str, ...] = ()
    total: int | None = None
    expires_at: float | None = None
    poll_link: str | None = None
    polled_total: int | None = None


def read_status(
    poll: Poll, answer: Answer, report_id: str, *, needs_link: bool, now: float, refuse_error: Callable[[Answer], None]
) -> Status | None:
    """The status of our report in an answer; None if the vendor does not know the report.

    `refuse_error` raises if the answer is an error; it is called only if the source file does not say what the answer's
    status word means. Raises RetryLater for an answer that cannot be understood, such as a page of HTML, and FailJob
    with the vendor's words if the vendor could not prepare the report.
    """
    wait_seconds = retry_after(answer.headers, now=now)
    is_empty = not answer.raw.strip()
    if answer.status in poll.waits_on or (answer.is_success and is_empty and "empty" in poll.waits_on):
        return Waiting(f"{answer.status}{' (empty)' if is_empty else ''}", wait_seconds=wait_seconds)
    is_done = answer.status in poll.done_on
    if answer.status == 410 and not is_done:
        return Gone(f"{answer.name}: 410: the report expired at the vendor before it was read")
    ours = our_report_in(poll, answer.content, report_id) if answer.is_success else answer.content
    if answer.status == 404 and not is_done:
        return None
    is_html = answer.raw.lstrip().startswith(b"<") and "html" in answer.headers.get("Content-Type", "").lower()
    if not is_done and answer.content is None and (is_html or body_matters(poll)):
        raise RetryLater(f"{answer.name}: {answer.status}: this is not an answer to a poll: {excerpt(answer.raw)}")
    if ours is None and answer.content is not None:
        return None
    word = next(filter(None, map(status_word, select(poll.status, ours, answer.headers))), "")
    if word in poll.failed or word in poll.ask_anew:
        # If the answer is a list, only our own entry is shown: the others may be somebody else's reports.
        is_whole = poll.reports is None
        shown = answer.raw if is_whole else json.dumps(ours, ensure_ascii=False, separators=(",", ":")).encode()
        words = excerpt(shown, WHOLE_BODY_CHARACTERS)
        if word in poll.failed:
            raise FailJob(f"the vendor could not prepare the report ({word}): {words}", spoils_report=True)
        return Gone(f"the vendor says {word!r}: {words}")
    refuse_error(answer)
    is_done = is_done or word in poll.done or not (poll.status or poll.ready_when_set)
    if not is_done and not (poll.ready_when_set and _is_set(find(ours, poll.ready_when_set))):
        is_known = not poll.status or word in ORDINARY_WAITS or word.rstrip("%").isdecimal()
        return Waiting(word or _without_word(poll, ours), is_known, wait_seconds=wait_seconds)
    status = _read_ready(poll, ours, answer, needs_link=needs_link, now=now)
    # As long as the vendor does not say done, the count may still grow.
    return Ready(None, status.links, status.expires_at) if isinstance(status, Ready) and not is_done else status


def our_report_in(poll: Poll, content: Any, report_id: str) -> Any | None:
    """The part of an answer that is about our report: in a list, the entry with our id; None if it is not listed."""
    if poll.reports is None:
        return content
    listed = find(content, poll.reports)
    if listed is None and _is_null(content, poll.reports):
        # Some programs write null for an empty list. A status beside it is not that of a report.
        return None
    if isinstance(listed, dict) and listed is not content:
        # Converters from XML write the only member of a list without the list.
        listed = [listed]
    if isinstance(listed, list):
        # Never simply the first: if the vendor ignored the id, that would be another report.
        return next((report for report in listed if _id(poll, report) == report_id), None)
    return content if _id(poll, content) in (None, report_id) else None


def _read_ready(poll: Poll, ours: Any, answer: Answer, *, needs_link: bool, now: float) -> Status:
    """Where the rows of a report that is ready are, and how many."""
    expires_at = parse_time(find(ours, poll.expires_at)) if poll.expires_at else None
    if expires_at is not None and expires_at <= now:
        return Gone("the prepared report has expired")
    total = count(select(poll.total, ours, answer.headers))
    found = links(select(poll.link, ours, answer.headers))
    if len(set(found)) < len(found):
        raise FailJob(f"{answer.name}: the vendor names one file twice: {excerpt(answer.raw)}", spoils_report=True)
    if needs_link:
        refuse_one_of_several(poll.link, ours, answer.name)
    if needs_link and not poll.no_link_is_no_rows and _is_part_without_link(poll, ours):
        return Waiting("ready, but not every file has a link", is_missing=True)
    if needs_link and not found:
        if poll.no_link_is_no_rows and not total:
            return Ready(total, (), expires_at)
        return Waiting(f"ready without a link at {describe_selectors(poll.link)}", is_missing=True)
    return Ready(total, found, expires_at)


def _is_part_without_link(poll: Poll, ours: Any) -> bool:
    """Does the first path that leads to links lead to a list in which some member has none?

    A pattern chooses among the members, so those without it may be meant to be left out.
    """
    for selector in poll.link:
        path = selector if isinstance(selector, str) else selector.path or ""
        if isinstance(selector, Selector) and selector.pattern is not None:
            continue
        before, _, after = path.partition("*")
        parts = find(ours, before.removesuffix("."))
        if isinstance(parts, list):
            each = [links([find_all(part, after.removeprefix("."))]) for part in parts]
            if any(each):
                return not all(each)
    return False


def body_matters(poll: Poll) -> bool:
    """Does the source file look for anything in the body of a poll? If not, the body may be the report itself."""
    in_body = any_in_body([*poll.status, *poll.link, *poll.total])
    return bool(in_body or poll.reports is not None or poll.ready_when_set or poll.expires_at)


def any_in_body(selectors: Iterable[str | Selector]) -> bool:
    """Does any of them lead to a value in the body, not in a header?"""
    return any(not (isinstance(selector, Selector) and selector.header) for selector in selectors)


def _without_word(poll: Poll, ours: Any) -> str:
    """What to say of an answer without a status word: where a value was looked for, and what is there instead."""
    if not poll.status:
        return f"nothing at {poll.ready_when_set}"
    fields = ", ".join(sorted(map(str, ours)))[:200] if isinstance(ours, dict) else ""
    return f"no status at {describe_selectors(poll.status)}; the answer has: {fields or 'nothing'}"


def _is_set(found: Any) -> bool:
    """Is this a value that only a report that is ready has? Not null, empty, false or 0."""
    return is_value(found) and not any(is_same(found, unset) for unset in (False, 0, "null", ""))


def _is_null(content: Any, path: str) -> bool:
    """Does the content have null at this path, rather than nothing?"""
    before, _, name = path.rpartition(".")
    around = find(content, before)
    return isinstance(around, dict) and around.get(name, ...) is None


def _id(poll: Poll, report: Any) -> str | None:
    found = find(report, poll.id)
    return str(found) if isinstance(found, str | int) and found != "" else None
