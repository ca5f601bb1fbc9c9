"""Scenarios: links, pages and the end of paging."""

from __future__ import annotations

from tests.requests import KARGO, PAGES
from tests.scenarios.outcome import Outcome
from tests.scenarios.runner import VendorSet
from tests.scenarios.scenario import Behaviour, Scenario, done, failed, fault, instal, kargo, mediamath_pages, whole
from worker.model import Json


def make_three_reports(vendors: VendorSet) -> None:
    """Give Kargo's list three reports, which are three pages if a page has one."""
    for _ in range(3):
        vendors.outcome(vendors.ask(PAGES))
    vendors.sandbox.remote.clear()


def listed(*faults: Json) -> Scenario:
    """The list of three reports, one on each page."""
    return Scenario(
        "kargo.reports",
        (fault("short_page", rows=1), *faults),
        params={},
        rows=10,
        is_alone=True,
        before=make_three_reports,
        settings={"polls_until_ready": 0},
    )


def was_followed_on_our_host(outcome: Outcome) -> None:
    assert [one["query"].get("offset") for one in outcome.asked("list")] == [None, "1", "2"]


def was_asked_for_pages_of_1000(outcome: Outcome) -> None:
    asked = {(one["query"]["offset"], one["query"]["limit"]) for one in outcome.asked("completed-reports")}
    assert asked == {(str(offset), "1000") for offset in (0, 1000, 2000)}


def was_asked_by_offset(outcome: Outcome) -> None:
    queries = [one["query"] for one in outcome.asked("completed-reports")]
    assert sorted(query["offset"] for query in queries)[:2] == ["0", "10000"]
    assert all("limit" in query for query in queries)


def stopped_early(outcome: Outcome) -> None:
    assert len(outcome.asked("list")) <= 3


def kept_the_token_to_the_vendor(outcome: Outcome) -> None:
    assert all("authorization" not in one["headers"] for one in outcome.asked("storage"))
    assert all("authorization" in one["headers"] for one in outcome.asked("download"))
    assert len(outcome.asked("storage") + outcome.asked("download")) == 1


LINKS = (
    Behaviour(
        "gives a next link on another host, a relative one, or one in another field; ends with the text `null`",
        "its path and query are requested from the host of the connection",
        done(3, receipt={"pages": 3}, also=was_followed_on_our_host),
        {
            "other host": listed(fault("next_link", host="other")),
            "relative, links.next": listed(fault("next_link", host="relative", place="links.next")),
            "the text null, data.link.next": listed(fault("next_link", end="null_text", place="data.link.next")),
        },
    ),
    Behaviour(
        "links its pages in a circle",
        "the job fails",
        failed("page", also=stopped_early),
        {"in a circle": listed(fault("next_link", leads="circle"))},
    ),
    Behaviour(
        "links pages that are read by offset in a circle, or only if the request had a limit",
        "the links are not used",
        whole(10_500, receipt={"pages": 2}, also=was_asked_by_offset),
        {
            "in a circle": kargo(fault("next_link", leads="circle", host="other"), rows=10_500),
            "only where a limit was sent": kargo(fault("bare_links"), rows=10_500),
        },
    ),
    Behaviour(
        "gives a link to the report that already has a query, or is relative",
        "both are followed",
        whole(),
        {form: kargo(fault("link_composition", form=form)) for form in ("query", "relative")},
    ),
    Behaviour(
        "links downloads to itself or to storage, which may accept the token",
        "the token is sent only to the vendor",
        whole(also=kept_the_token_to_the_vendor),
        {
            **{form: instal(fault("download_link", form=form)) for form in ("own", "relative", "storage")},
            "storage that accepts the token": instal(fault("storage_accepts_token")),
        },
    ),
)

ENDS = (
    Behaviour(
        "sends pages as short as requested, or shorter",
        "pages are requested until all rows are there",
        whole(),
        {
            "kargo, fewer requested": (
                kargo(params={**KARGO, "limit": 1000}),
                whole(receipt={"pages": 3}, also=was_asked_for_pages_of_1000),
            ),
            "kargo": kargo(fault("short_page", rows=900)),
            "kargo, no count": kargo(fault("short_page", rows=900), fault("named_total", value=None)),
            "mediamath": mediamath_pages(fault("short_page", rows=300)),
        },
    ),
    Behaviour(
        "has exactly one full page, and sends an empty one after it",
        "this is the end",
        whole(10_000, also=was_asked_by_offset),
        {"empty": kargo(rows=10_000)},
    ),
    Behaviour(
        "has exactly one full page, and refuses the next",
        "the job fails: a refusal is not an end unless the source file says so",
        failed("400 Bad Request", "past the end"),
        {"refused": kargo(fault("past_end", answer="400"), rows=10_000)},
    ),
    Behaviour(
        "has as many pages as it states",
        "no further page is requested",
        whole(2000, asked={"page": 2}),
        {
            "exactly two": mediamath_pages(fault("past_end", answer="400"), rows=2000),
            "no count of rows": mediamath_pages(fault("named_total", value=-1), rows=2000),
            "none": (mediamath_pages(rows=0), whole(0, asked={"page": 1})),
        },
    ),
)
