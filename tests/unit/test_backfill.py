"""A span of days asked for again: one job a window, few at a time, and the same ones when it is asked for again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import fakeredis
import pytest

from config.settings import Settings
from worker.errors import BadInput
from worker.schedule.backfill import Backfill, plan
from worker.services import Services

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    return Services(Settings(data_dir=tmp_path), fakeredis.FakeRedis(version=(7, 0)))


def planned(services: Services, size: str = "1d") -> Backfill:
    return plan(services, "instal.advertiser-export", {"interval": "daily"}, FIRST, LAST, size, None)


def end(services: Services, backfill: Backfill, state: str) -> None:
    """Every job there is ends so."""
    for window in backfill.windows:
        if window.job:
            services.redis.hset(f"millrace:job:{window.job.id}", mapping={"state": state})


@pytest.mark.parametrize(
    ("size", "windows", "last"), [("1d", 30, ("2026-11-30", "2026-11-30")), ("1w", 5, ("2026-11-29", "2026-11-30"))]
)
def test_windows_follow_one_another_to_the_last_day(
    services: Services, size: str, windows: int, last: tuple[str, str]
) -> None:
    found = [window.request.params for window in planned(services, size).windows]
    assert len(found) == windows
    assert (found[0]["start_date"], found[-1]["start_date"], found[-1]["stop_date"]) == ("2026-11-01", *last)
    assert not list(services.ledger.jobs())


def test_no_more_jobs_are_under_way_than_the_vendor_prepares_at_once(services: Services) -> None:
    backfill = planned(services)
    at_once = services.connections["instal"].limits.reports_at_once
    assert len(backfill.advance()) == at_once
    assert backfill.advance() == []
    end(services, backfill, "done")
    assert len(backfill.advance()) == min(at_once, 30 - at_once)


def test_asked_for_again_it_goes_on_where_it_stopped(services: Services) -> None:
    first = planned(services, "2w")
    first.advance()
    end(services, first, "done")
    services.redis.hset(f"millrace:job:{first.windows[1].job.id}", mapping={"state": "failed"})
    again = planned(services, "2w")
    assert [state for _, state in again.advance()] == ["queued"]
    assert [window.state for window in again.windows] == ["done", "queued", "done"]
    assert len(list(services.ledger.jobs())) == 3


@pytest.mark.parametrize("size", ["1h", "0d", "d", "1.5d"])
def test_a_window_that_is_no_number_of_days_is_refused(services: Services, size: str) -> None:
    with pytest.raises(BadInput, match="--window"):
        planned(services, size)
