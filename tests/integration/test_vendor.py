"""What the client says to a vendor between two steps of a job; whole jobs are in the table of `tests/scenarios/`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

import pytest

from config.settings import PACKAGED
from sandbox import Sandbox
from tests.fake_vendor import Answer, FakeVendor, Request
from tests.requests import CSV, KARGO, PAGES, PARAMS
from tests.scenarios.scenario import at, fault
from worker.client.status import Prepared
from worker.client.vendor import Vendor
from worker.errors import FailJob, ReportGone
from worker.model import Json
from worker.sources.connections import load_connections
from worker.sources.loading import load_catalogue
from worker.sources.params import resolve
from worker.sources.schema import Limits
from worker.transport.account import Account
from worker.transport.exchange import Exchange

Talk = Callable[..., Vendor]
OTHER_MEASURES = {**KARGO, "measures": ["media_delivery_sum"]}


@pytest.fixture(scope="module")
def vendors() -> Iterator[Sandbox]:
    with Sandbox(polls_until_ready=0) as started:
        yield started


@pytest.fixture
def sandbox(vendors: Sandbox) -> Sandbox:
    vendors.remote.reset()
    vendors.remote.clear()
    return vendors


@pytest.fixture
def talk(sandbox: Sandbox) -> Talk:
    """Makes our side of the dialogue about one report."""
    known = load_connections(PACKAGED / "connections.yaml", load_catalogue(), sandbox.environment.get)

    def begin(
        name: str = PAGES, params: Json | None = None, prepared: Prepared | None = None, base_url: str | None = None
    ) -> Vendor:
        connection, _, report = name.partition(".")
        account = known[connection]
        unhurried = replace(account, limits=Limits(requests_per_second=100_000), base_url=base_url or account.base_url)
        exchange = Exchange(Account(unhurried, environment=sandbox.environment.get), None, sleep=lambda _: None)
        declared = account.source.reports[report]
        asked = resolve(declared, params or PARAMS[name], now=datetime.now(UTC), timezone="UTC")
        return Vendor(declared, asked.params, exchange, prepared or Prepared())

    return begin


def test_a_report_is_looked_for_on_later_pages_of_the_list_which_may_lead_in_a_circle(
    sandbox: Sandbox, talk: Talk
) -> None:
    vendor, since = talk(), time.time()
    asked = vendor.submit()
    for _ in range(5):
        talk(params=OTHER_MEASURES).submit()
    for leads in ("next", "self", "circle"):
        sandbox.remote.turn(fault("short_page", rows=2), fault("next_link", leads=leads))
        assert vendor.find_submitted(since) in ([asked] if leads == "next" else [asked, None])


@pytest.mark.parametrize("answer", ['{"id": null}', "[]"])
def test_an_answer_without_an_id_is_not_a_report(sandbox: Sandbox, talk: Talk, answer: str) -> None:
    sandbox.remote.turn(fault("body", text=answer, match=at("submit")))
    with pytest.raises(FailJob, match="POST /"):
        talk().submit()


def test_an_expired_report_is_not_requested(sandbox: Sandbox, talk: Talk) -> None:
    prepared = Prepared(talk().submit().report_id, expires_at=time.time() - 1)
    with pytest.raises(ReportGone, match="expired") as caught:
        list(talk(prepared=prepared).page(1, None).blocks())
    assert caught.value.spoils_report
    assert sandbox.remote.requests(endpoint="completed-reports") == []


def test_a_csv_of_kargo_at_another_host_is_fetched_without_our_credentials(talk: Talk) -> None:
    def vendor(request: Request) -> Answer:
        if request.is_storage:
            return Answer(b"publisher_name,campaign_name,clicks_sum\nA,B,7\n")
        if request.path == "/authenticate":
            return Answer({"access_token": "a token", "expires_in": 3600})
        return Answer({"data": {"total_rows": 1}, "csv_link": f"{request.storage}/r1.csv?signature=x%2Fy"})

    with FakeVendor(vendor) as fake:
        page = talk(params=CSV, prepared=Prepared("r1"), base_url=fake.base).page(1, None)
        rows = list(chain.from_iterable(page.blocks()))
    assert rows == [b'{"publisher_name":"A","campaign_name":"B","clicks_sum":7}']
    (fetched,) = [request for request in fake.heard if request.is_storage]
    assert fetched.target == "/r1.csv?signature=x%2Fy"
    assert "Authorization" not in fetched.headers
