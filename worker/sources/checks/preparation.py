"""Checks how a report is prepared: fields of submit, poll and discard that contradict others or have no effect."""

from __future__ import annotations

from collections.abc import Iterator

from worker.sources.checks.mistake import Mistake, below
from worker.sources.placeholders import names_in
from worker.sources.schema import Poll, Report, SinglePage, Submit
from worker.sources.templates import templates_of


def mistakes_in_preparation(report: Report) -> Iterator[Mistake]:
    """A submit without a poll, and what is wrong within each of them."""
    submit, poll = report.submit, report.poll
    if (submit is None) != (poll is None):
        alone, other = ("submit", "poll") if submit else ("poll", "submit")
        yield Mistake((alone,), f"a `{other}` beside `{alone}`", f"{alone} without {other}")
    if report.discard and not submit:
        yield Mistake(("discard",), "a `submit` beside it: nothing else is prepared")
    if submit and poll:
        yield from _mistakes_in_submit(submit)
        if not submit.report_id:
            for place, template, _ in templates_of(report):
                if "report_id" in names_in(template):
                    yield Mistake(place, "a `report_id` in the submit")
        reads_link = any(read.needs_link for read in report.read)
        yield from below(("poll",), _mistakes_in_poll_request(submit, poll))
        yield from below(("poll",), _mistakes_in_statuses(poll))
        yield from below(("poll",), _mistakes_in_link(report, submit, poll, reads_link=reads_link))


def _mistakes_in_submit(submit: Submit) -> Iterator[Mistake]:
    if submit.is_repeatable and submit.adopt:
        yield Mistake(("submit", "adopt"), "no `adopt` where asking again does no harm (`is_repeatable`)")
    if "grace_seconds" in submit.model_fields_set and (submit.is_repeatable or submit.adopt):
        allowed = "no `grace_seconds` beside `is_repeatable` or `adopt`, which has its own"
        yield Mistake(("submit", "grace_seconds"), allowed)
    if not (submit.report_id or submit.poll_link):
        yield Mistake(("submit",), "`report_id` or `poll_link`: where its answer says which report it made")


def _mistakes_in_poll_request(submit: Submit, poll: Poll) -> Iterator[Mistake]:
    if bool(submit.poll_link) == (poll.request is not None):
        yield Mistake(("request",), "either a `request` here or a `poll_link` in the submit")
    # Where the submit is repeated until it is answered with the rows, the whole request names the report.
    is_submit_again = submit.is_repeatable and poll.request == submit.request
    names_report = poll.request is None or "report_id" in names_in(poll.request.model_dump())
    if not (names_report or poll.reports is not None or is_submit_again):
        allowed = (
            "`{report_id}` in it, or `reports`, the list to find ours in: its answer might be about another report"
        )
        yield Mistake(("request",), allowed)
    if "id" in poll.model_fields_set and poll.reports is None:
        yield Mistake(("id",), "`reports`, a list of reports, beside it")


def _mistakes_in_statuses(poll: Poll) -> Iterator[Mistake]:
    words = {"done": poll.done, "failed": poll.failed, "ask_anew": poll.ask_anew}
    if not poll.status:
        yield from (
            Mistake((name,), "`status` beside it, the place of the word") for name, listed in words.items() if listed
        )
        if not (poll.waits_on or poll.ready_when_set):
            allowed = "`status`, `waits_on` or `ready_when_set`: something that tells ready from not ready"
            yield Mistake((), allowed, "no status")
    elif not (poll.done or poll.done_on or poll.ready_when_set):
        yield Mistake(("status",), "`done` beside it")
    listed_once = [word for listed in words.values() for word in set(listed)]
    if len(set(listed_once)) < len(listed_once):
        yield Mistake(("status",), "each word in only one of `done`, `failed` and `ask_anew`")
    if set(poll.waits_on) & set(poll.done_on):
        yield Mistake(("waits_on",), "no status that is in `done_on` too")


def _mistakes_in_link(report: Report, submit: Submit, poll: Poll, *, reads_link: bool) -> Iterator[Mistake]:
    if poll.link and not reads_link:
        allowed = "a `read` without `request` and `resolve`, which reads at the link, or with `{link}` in its request"
        yield Mistake(("link",), allowed)
    has_pages = any(
        read.needs_link and (read.request or read.resolve) and not isinstance(read.paging, SinglePage)
        for read in report.read
    )
    if has_pages and any("*" in str(link) for link in poll.link):
        allowed = "a path to one value, without `*`, since several files cannot have a `paging` of their own"
        yield Mistake(("link",), allowed)
    if poll.no_link_is_no_rows and not poll.link:
        yield Mistake(("no_link_is_no_rows",), "`link` beside it")
    if poll.holds_rows and (poll.link or not submit.poll_link or not reads_link):
        allowed = "a `poll_link` in the submit, no `link`, and a `read` without `request` and `resolve`"
        yield Mistake(("holds_rows",), allowed)
