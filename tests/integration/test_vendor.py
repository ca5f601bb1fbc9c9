"""The dialogue with each vendor over real HTTP: what it says is understood, and what goes wrong is named."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

import pytest
from redis import Redis

from config.settings import PACKAGED
from sandbox import Sandbox, expected_rows
from tests.fake_vendor import Answer, FakeVendor, Request
from worker.client.pages import Page
from worker.client.vendor import Gone, Prepared, Ready, ReportGone, Submission, Vendor, Waiting
from worker.errors import FailJob, RetryLater, StartOver
from worker.model import Row
from worker.sources.connections import Connection, load_connections
from worker.sources.loading import load_catalogue
from worker.sources.params import resolve
from worker.sources.schema import Limits
from worker.transport.exchange import Exchange

KARGO: dict[str, Any] = {
    "dimensions": ["publisher_name", "campaign_name"],
    "measures": ["clicks_sum"],
    "filters": [{"day_time_id": {"op": "between", "start": 2026110100, "end": 2026110123}}],
}
MEDIAMATH: dict[str, Any] = {
    "fields": ["campaign_id", "campaign_name", "impressions", "clicks", "total_spend"],
    "filters": [{"field": "organization_id", "value": 100048}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}
ROKT = {"accountId": "2712345678901234567", "dateStart": "2026-01-01", "dateEnd": "2026-01-02", "currency": "USD"}
PARAMS: dict[str, dict[str, Any]] = {
    "kargo.campaign-performance-metrics": KARGO,
    "mediamath.performance": MEDIAMATH,
    "rokt.account-campaigns-breakdown": {**ROKT, "timeZoneVariation": "UTC"},
    "instal.advertiser-export": {"start_date": "2026-01-01", "stop_date": "2026-01-02"},
}
K, M, R, I = PARAMS  # noqa: E741 - the four of them
CSV, PAGED = {"format": "csv"}, {"page_size": 100}
MOST_POLLS = 10


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    with Sandbox(polls_until_ready=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: Sandbox) -> Sandbox:
    started.remote.reset()
    started.remote.clear()
    return started


@pytest.fixture(scope="module")
def connections(started: Sandbox) -> dict[str, Connection]:
    return load_connections(PACKAGED / "connections.yaml", load_catalogue(), started.environment.get)


@pytest.fixture
def dialogue(sandbox: Sandbox, connections: dict[str, Connection]) -> Dialogue:
    unhurried = Limits(requests_per_second=100_000)
    return Dialogue(sandbox, {name: replace(each, limits=unhurried) for name, each in connections.items()})


@dataclass
class Dialogue:
    """A person in place of the steps: asks, polls at once, reads page after page."""

    sandbox: Sandbox
    connections: dict[str, Connection]
    redis: Redis | None = None

    def set(self, *faults: dict[str, Any], **settings: Any) -> None:
        self.sandbox.remote.set(**settings)
        self.sandbox.remote.turn(*faults)

    def vendor(self, name: str, more: dict[str, Any] | None = None, prepared: Prepared | None = None) -> Vendor:
        connection, _, report = name.partition(".")
        at = self.connections[connection]
        declared = at.source.reports[report]
        params = resolve(declared, {**PARAMS.get(name, {}), **(more or {})}, now=datetime.now(UTC), timezone="UTC")
        exchange = Exchange(
            at, self.redis, environment=self.sandbox.environment.get, sleep=lambda _: None, silence_seconds=3
        )
        return Vendor(declared, params.params, exchange, prepared or Prepared())

    def prepare(self, name: str, more: dict[str, Any] | None = None) -> tuple[Vendor, Ready]:
        """Ask for the report and poll until it is ready."""
        vendor = self.vendor(name, more)
        if not name.endswith(("metrics", "export")):
            return vendor, Ready()
        asked = vendor.submit()
        submitted_at = time.time()
        for _ in range(MOST_POLLS):
            status = vendor.status(asked.report_id, submitted_at=submitted_at, now=time.time())
            if isinstance(status, Ready):
                return self.vendor(name, more, Prepared(asked.report_id, status.links, None, status.expires_at)), status
        raise AssertionError(f"never ready: {status}")

    def rows(self, name: str, more: dict[str, Any] | None = None) -> list[Row]:
        """Every row of the report; what is not proven by its count is not given."""
        vendor, ready = self.prepare(name, more)
        planned, known = vendor.plan(ready.total), None
        rows: list[Row] = []
        links: dict[int, str | None] = {}
        for number in itertools.count(1):
            if number > planned:
                break
            vendor = self.vendor(name, more, replace(vendor.prepared, total=known))
            page = vendor.page(number, links.get(number))
            rows += rows_of(page)
            following = vendor.follow(number, page.facts, planned)
            if following.link in links.values() and following.link:
                raise FailJob(f"page {number} leads to a page that was read before")
            planned, links[number + 1], known = following.planned, following.link, page.facts.total
        assert known in (None, len(rows)) or known == 10_000 < len(rows), f"expected {known}, got {len(rows)}"
        return rows

    def asked(self, endpoint: str) -> list[dict[str, Any]]:
        return [heard for heard in self.sandbox.remote.requests() if heard["endpoint"] == endpoint]


def rows_of(page: Page) -> list[Row]:
    return list(chain.from_iterable(page.lists()))


def expected(name: str, rows: int, **how: Any) -> list[bytes]:
    return list(expected_rows(name, PARAMS[name], rows, typed=True, **how))


def fault(
    kind: str, vendor: str | None = None, times: int | None = None, match: dict[str, Any] | None = None, **args: Any
) -> dict[str, Any]:
    rule = {"kind": kind, "args": args, "vendor": vendor, "times": times, "match": match}
    return {name: value for name, value in rule.items() if value not in (None, {})}


# ---------------------------------------------------------------- whole reports


@pytest.mark.parametrize(("name", "more"), [(K, {}), (K, CSV), (M, {}), (M, PAGED), (R, {}), (I, {})])
@pytest.mark.parametrize("rows", [0, 1, 605])
def test_every_row_arrives_as_the_vendor_has_it(dialogue: Dialogue, name: str, more: dict[str, Any], rows: int) -> None:
    dialogue.set(rows=rows)
    assert dialogue.rows(name, more) == expected(name, rows)


def test_pages_are_addressed_in_advance_and_cover_the_report(dialogue: Dialogue) -> None:
    dialogue.set(rows=25_000)
    assert dialogue.rows(K) == expected(K, 25_000)
    assert [heard["query"]["offset"] for heard in dialogue.asked("completed-reports")] == ["0", "10000", "20000"]


@pytest.mark.parametrize("limit", [100, 250])
def test_kargo_is_asked_for_pages_of_as_many_rows_as_the_limit_says(dialogue: Dialogue, limit: int) -> None:
    dialogue.set(rows=250)
    assert dialogue.rows(K, {"limit": limit}) == expected(K, 250)
    asked = [(heard["query"]["offset"], heard["query"]["limit"]) for heard in dialogue.asked("completed-reports")]
    assert asked == [(str(offset), str(limit)) for offset in range(0, 250, limit)][: len(asked)]


def test_a_csv_of_kargo_at_another_host_is_fetched_without_our_credentials(
    dialogue: Dialogue, connections: dict[str, Connection]
) -> None:
    def vendor(request: Request) -> Answer:
        if request.is_storage:
            return Answer(b"publisher_name,campaign_name,clicks_sum\nA,B,7\n")
        if request.path == "/authenticate":
            return Answer({"access_token": "a token", "expires_in": 3600})
        return Answer({"data": {"total_rows": 1}, "csv_link": f"{request.storage}/r1.csv?signature=x%2Fy"})

    fake = FakeVendor(vendor)
    at = replace(connections["kargo"], base_url=fake.base)
    exchange = Exchange(at, None, environment=dialogue.sandbox.environment.get, silence_seconds=3)
    reading = Vendor(at.source.reports["campaign-performance-metrics"], {**KARGO, **CSV}, exchange, Prepared("r1"))
    assert rows_of(reading.page(1, None)) == [b'{"publisher_name":"A","campaign_name":"B","clicks_sum":7}']
    (fetched,) = [request for request in fake.heard if request.is_storage]
    assert fetched.target == "/r1.csv?signature=x%2Fy"
    assert "Authorization" not in fetched.headers
    fake.stop()


@pytest.mark.parametrize("rows", [9_999, 10_000, 10_001, 20_000, 20_500])
def test_a_count_at_its_cap_ends_nothing(dialogue: Dialogue, rows: int) -> None:
    dialogue.set(fault("capped_total", "kargo", at=10_000), rows=rows)
    assert dialogue.rows(K) == expected(K, rows)


def test_a_refusal_past_a_count_at_its_cap_is_no_end(dialogue: Dialogue) -> None:
    dialogue.set(fault("capped_total", "kargo", at=10_000), fault("past_end", "kargo", answer="400"), rows=12_500)
    with pytest.raises(FailJob, match="past the end"):
        dialogue.rows(K)


@pytest.mark.parametrize("size", [1, 100, 604, 605])
def test_a_vendor_that_clamps_the_limit_loses_no_row(dialogue: Dialogue, size: int) -> None:
    rows = 605 if size > 1 else 7
    dialogue.set(fault("short_page", "kargo", rows=size), rows=rows)
    assert dialogue.rows(K) == expected(K, rows)


@pytest.mark.parametrize("row", [1, 300, 604, 605])
@pytest.mark.parametrize("name", [K, M])
def test_a_row_the_vendor_lost_is_missed_and_not_replaced_by_another(dialogue: Dialogue, name: str, row: int) -> None:
    dialogue.set(fault("drop_row", row=row), rows=605)
    with pytest.raises(AssertionError, match="expected 605, got 604"):
        dialogue.rows(name)


def test_a_row_lost_under_a_capped_count_is_missed_too(dialogue: Dialogue) -> None:
    dialogue.set(fault("capped_total", "kargo", at=10_000), fault("drop_row", row=300), rows=10_000)
    with pytest.raises((StartOver, AssertionError)):
        dialogue.rows(K)


VARIANTS = [
    fault("rows_place", "kargo", place="rows"),
    fault("rows_place", "kargo", place="data"),
    fault("totals_last", "kargo"),
    fault("bare_links", "kargo"),
    fault("next_link", "kargo", leads="self"),
    fault("next_link", "kargo", leads="circle"),
    fault("next_link", "kargo", leads="nowhere"),
    fault("next_link", "kargo", host="other"),
    fault("status_word", "kargo", word=" Completed "),
    fault("ready_by_link", "kargo"),
    fault("ready_without_link", "kargo"),
    fault("late_listing", "kargo", polls=3),
    fault("foreign_row", "kargo"),
    fault("link_composition", "kargo", form="relative"),
    *(fault("status_shape", "kargo", shape=shape) for shape in "ABCD"),
    *(fault("compressed", encoding=encoding) for encoding in ("gzip", "zstd", "deflate")),
    fault("until_close"),
    fault("content_type", value="text/html"),
    fault("metadata_lines", "mediamath"),
    fault("named_total", "mediamath", value=-1),
    fault("envelope", "rokt", shape="items"),
    fault("envelope", "rokt", shape="bare"),
    fault("blank_rows", "rokt"),
    fault("download_link", "instal", form="own"),
    fault("download_link", "instal", form="relative"),
    fault("null_result", "instal", polls=3),
    fault("task_state", "instal", state="STARTED", polls=3),
    fault("task_slash", "instal", answer="301"),
    fault("task_slash", "instal", answer="404"),
    fault("link_expires", "instal", times=1),
    fault("csv_bom"),
    fault("csv_delimiter", text=";"),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_whatever_form_a_vendor_chooses_the_rows_are_the_same(dialogue: Dialogue, variant: dict[str, Any]) -> None:
    names = [name for name in PARAMS if name.startswith(variant.get("vendor", ""))]
    dialogue.set(variant, rows=120)
    for name in names:
        assert dialogue.rows(name) == expected(name, 120)


# ---------------------------------------------------------------- asking for a report


def test_a_report_asked_for_without_hearing_the_answer_is_found_again(dialogue: Dialogue) -> None:
    vendor, since = dialogue.vendor(K), time.time()
    dialogue.set(fault("commit_then_drop", "kargo", times=1), rows=50)
    with pytest.raises(RetryLater) as caught:
        vendor.submit()
    assert not caught.value.is_unsent
    found = vendor.find_submitted(since)
    assert isinstance(found, Submission)
    assert vendor.find_submitted(since) == found
    assert dialogue.vendor(K, {"measures": ["media_delivery_sum"]}).find_submitted(since) is None
    assert dialogue.vendor("kargo.report", {**KARGO, "report_definition_id": "other"}).find_submitted(since) is None
    assert vendor.find_submitted(time.time() + 60) is None
    assert len(dialogue.asked("reports")) == 1


def test_a_report_is_found_on_a_later_page_of_the_list(dialogue: Dialogue) -> None:
    vendor, since = dialogue.vendor(K), time.time()
    asked = vendor.submit()
    for _ in range(5):
        dialogue.vendor(K, {"measures": ["media_delivery_sum"]}).submit()
    for leads in ("next", "self", "circle"):
        dialogue.set(fault("short_page", "kargo", rows=2), fault("next_link", "kargo", leads=leads))
        assert vendor.find_submitted(since) in ([asked] if leads == "next" else [asked, None])


def test_a_request_turned_away_was_not_taken_and_one_that_failed_may_have_been(dialogue: Dialogue) -> None:
    for status in (429, 503):
        dialogue.set(fault("status", code=status, retry_after=1, match={"role": "submit"}))
        with pytest.raises(RetryLater) as caught:
            dialogue.vendor(I).submit()
        assert caught.value.is_unsent
    for status in (500, 502, 504):
        dialogue.set(fault("status", code=status, match={"role": "submit"}))
        with pytest.raises(RetryLater) as caught:
            dialogue.vendor(I).submit()
        assert not caught.value.is_unsent


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (K, fault("strict_names", answer="error_status")),
        (I, fault("create_error")),
        (I, fault("create_error", with_id=True)),
        (K, fault("body", text='{"id": null}', match={"role": "submit"})),
        (K, fault("body", text="[]", match={"role": "submit"})),
        (K, fault("html", match={"role": "submit"})),
        (K, fault("empty_body", match={"role": "submit"})),
        (K, fault("status", code=400, match={"role": "submit"})),
        (K, fault("status", code=403, match={"role": "submit"})),
    ],
    ids=str,
)
def test_a_report_the_vendor_does_not_take_fails(dialogue: Dialogue, name: str, wrong: dict[str, Any]) -> None:
    dialogue.set(wrong)
    vendor = dialogue.vendor(name, {"measures": ["no_such_measure"]} if name == K else {})
    with pytest.raises(FailJob, match="POST /"):
        vendor.submit()


# ---------------------------------------------------------------- waiting for a report


def test_a_report_not_listed_in_time_fails_and_one_unknown_never_passes_for_ours(dialogue: Dialogue) -> None:
    vendor = dialogue.vendor(K)
    asked = vendor.submit()
    dialogue.set(fault("foreign_row", "kargo", alone=True))
    assert vendor.status(asked.report_id, submitted_at=1_000, now=1_060) == Waiting("not listed yet")
    with pytest.raises(FailJob, match=asked.report_id):
        vendor.status(asked.report_id, submitted_at=1_000, now=1_061)


def test_a_report_that_failed_fails_with_the_vendors_words(dialogue: Dialogue) -> None:
    dialogue.set(fault("error_status", "kargo", text="no such dimension"))
    vendor = dialogue.vendor(K)
    asked = vendor.submit()
    with pytest.raises(FailJob, match="no such dimension") as caught:
        vendor.status(asked.report_id, submitted_at=0, now=0)
    assert caught.value.spoils_report
    dialogue.set(fault("task_state", "instal", state="FAILURE", text="worker lost"))
    vendor = dialogue.vendor(I)
    with pytest.raises(FailJob, match="worker lost"):
        vendor.status(vendor.submit().report_id, submitted_at=0, now=0)


@pytest.mark.parametrize("role", ["submit", "status", "list"])
def test_an_error_in_a_success_is_an_error_wherever_it_stands(dialogue: Dialogue, role: str) -> None:
    vendor = dialogue.vendor(K)
    asked = vendor.submit().report_id
    dialogue.set(fault("body", text='{"error": "E7", "message": "no more"}', match={"role": role}))
    asks: dict[str, Callable[[], object]] = {
        "submit": vendor.submit,
        "status": lambda: vendor.status(asked, submitted_at=0, now=0),
        "list": lambda: vendor.find_submitted(0),
    }
    with pytest.raises(FailJob, match="200: E7: no more"):
        asks[role]()


def test_ready_without_a_link_is_waited_for_and_then_fails(dialogue: Dialogue) -> None:
    dialogue.set(fault("null_result", "instal"))
    vendor = dialogue.vendor(I)
    asked = vendor.submit().report_id
    linkless = Waiting("ready without a link", is_linkless=True)
    assert vendor.status(asked, submitted_at=0, now=100) == linkless
    assert vendor.status(asked, submitted_at=0, now=160, linkless_since=100) == linkless
    with pytest.raises(FailJob, match="ready for 60 s and still no link"):
        vendor.status(asked, submitted_at=0, now=161, linkless_since=100)


def test_an_expired_report_is_told_apart(dialogue: Dialogue) -> None:
    vendor = dialogue.vendor(K)
    asked = vendor.submit().report_id
    ready = vendor.status(asked, submitted_at=0, now=time.time())
    assert isinstance(ready, Ready)
    for code in (404, 410):
        dialogue.set(fault("expired_report", "kargo", code=code))
        assert isinstance(vendor.status(asked, submitted_at=0, now=time.time()), Gone)
        for more in ({}, CSV):
            late = dialogue.vendor(K, more, Prepared(asked))
            with pytest.raises(ReportGone) as caught:
                rows_of(late.page(1, None))
            assert caught.value.spoils_report
    dialogue.set()
    past = dialogue.vendor(K, {}, Prepared(asked, expires_at=time.time() - 1))
    with pytest.raises(ReportGone, match="expired"):
        rows_of(past.page(1, None))


@pytest.mark.parametrize("status", [404, 410])
def test_a_download_address_that_stays_dead_means_the_report_is_gone(dialogue: Dialogue, status: int) -> None:
    vendor, _ = dialogue.prepare(I)
    dialogue.set(fault("status", code=status, match={"role": "csv"}))
    with pytest.raises(ReportGone):
        rows_of(vendor.page(1, None))


def test_storage_that_refuses_an_address_given_anew_fails_the_job_in_its_own_words(dialogue: Dialogue) -> None:
    vendor, _ = dialogue.prepare(I)
    dialogue.set(fault("status", code=403, match={"role": "csv"}))
    with pytest.raises(FailJob, match="403") as caught:
        rows_of(vendor.page(1, None))
    assert not isinstance(caught.value, ReportGone)


# ---------------------------------------------------------------- reading


BROKEN = [
    (fault("cut_in_row", row=60), RetryLater),
    (fault("cut_after_row", row=60), RetryLater),
    (fault("reset", after_bytes=500, match={"role": "page"}), RetryLater),
    (fault("status", code=500, match={"role": "page"}), RetryLater),
    (fault("status", code=403, match={"role": "page"}), FailJob),
    (fault("html", match={"role": "page"}), FailJob),
    (fault("empty_body", match={"role": "page"}), FailJob),
    (fault("error_body", match={"role": "page"}), FailJob),
    (fault("wrong_length", by=50, match={"role": "page"}), RetryLater),
    (fault("wrong_length", by=-50, match={"role": "page"}), RetryLater),
    (fault("silence", seconds=60, after_bytes=300, match={"role": "page"}), RetryLater),
    (fault("redirect", to="https://evil.example/x", match={"role": "page"}), FailJob),
    (fault("redirect", to="self", match={"role": "page"}), FailJob),
]


@pytest.mark.parametrize(("wrong", "outcome"), BROKEN, ids=str)
def test_a_page_that_breaks_is_never_taken_for_whole(
    dialogue: Dialogue, wrong: dict[str, Any], outcome: type[Exception]
) -> None:
    dialogue.set(rows=120)
    vendor, _ = dialogue.prepare(K)
    dialogue.sandbox.remote.turn(wrong)
    with pytest.raises(outcome):
        rows_of(vendor.page(1, None))


def test_a_token_refused_in_the_middle_is_renewed_once_and_reading_goes_on(dialogue: Dialogue, redis: Redis) -> None:
    dialogue.redis = redis
    dialogue.set(fault("token_expires", "kargo", after_requests=3, times=1), rows=25_000)
    assert dialogue.rows(K) == expected(K, 25_000)
    assert len(dialogue.asked("authenticate")) == 2


def test_a_total_that_changes_between_pages_starts_over(dialogue: Dialogue) -> None:
    vendor, _ = dialogue.prepare(M, PAGED)
    later = dialogue.vendor(M, PAGED, Prepared(total=605))
    dialogue.set(fault("drifting_total", "mediamath"), rows=605)
    page = vendor.page(1, None)
    assert len(rows_of(page)) == 100
    assert page.facts.total == 605
    with pytest.raises(StartOver, match="counted 605 rows in all, now 606"):
        rows_of(later.page(2, None))


def test_reading_that_stops_early_hangs_up(dialogue: Dialogue) -> None:
    dialogue.set(rows=200_000)
    vendor = dialogue.vendor(M)
    rows = vendor.page(1, None).lists()
    assert list(islice(chain.from_iterable(rows), 3)) == list(islice(expected_rows(M, MEDIAMATH, 200_000), 3))
    rows.close()
    assert dialogue.sandbox.remote.counters()["rows"][M] < 200_000


def test_one_token_and_one_pause_are_shared_through_redis(dialogue: Dialogue, redis: Redis) -> None:
    dialogue.redis = redis
    dialogue.set(rows=10)
    for _ in range(3):
        assert dialogue.rows(K) == expected(K, 10)
    assert len(dialogue.asked("authenticate")) == 1
    dialogue.set(fault("status", code=429, retry_after=30, times=1, match={"role": "status"}))
    vendor = dialogue.vendor(K)
    asked = vendor.submit()
    for _ in range(2):
        with pytest.raises(RetryLater) as caught:
            vendor.status(asked.report_id, submitted_at=0, now=0)
        assert not caught.value.is_attempt
    assert len(dialogue.asked("status")) == 3 + 1


# ---------------------------------------------------------------- lists by link


def test_a_list_is_read_by_its_links_on_our_own_base(dialogue: Dialogue) -> None:
    ids = [dialogue.vendor(K).submit().report_id for _ in range(5)]
    dialogue.set(fault("short_page", "kargo", rows=2), fault("next_link", "kargo", host="other"))
    rows = dialogue.rows("kargo.reports")
    assert all(any(report_id.encode() in row for row in rows if isinstance(row, bytes)) for report_id in ids)


@pytest.mark.parametrize("leads", ["self", "circle"])
def test_a_list_that_leads_in_a_circle_fails(dialogue: Dialogue, leads: str) -> None:
    for _ in range(5):
        dialogue.vendor(K).submit()
    dialogue.set(fault("short_page", "kargo", rows=2), fault("next_link", "kargo", leads=leads))
    with pytest.raises(FailJob, match=r"leads back to the first|read before"):
        dialogue.rows("kargo.reports")


@pytest.mark.parametrize("end", ["empty", "null", "absent", "null_text"])
def test_every_way_to_say_that_there_is_no_next_is_an_end(dialogue: Dialogue, end: str) -> None:
    for _ in range(3):
        dialogue.vendor(K).submit()
    dialogue.set(fault("short_page", "kargo", rows=2), fault("next_link", "kargo", end=end))
    assert len(dialogue.rows("kargo.reports")) >= 3
