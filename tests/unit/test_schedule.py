"""Which jobs are due, over clock changes, absences and many servers at once, with the test's own clock."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import fakeredis
import pytest

from config.settings import Settings
from worker.errors import BadInput
from worker.model import Job
from worker.schedule.backfill import Backfill, plan
from worker.schedule.due import serve, statuses
from worker.schedule.entries import Entry, load_schedule
from worker.services import Services

BERLIN = ZoneInfo("Europe/Berlin")
# Half a minute past the hour: beat is never on time.
MONDAY = datetime(2026, 11, 2, 0, 0, 30, tzinfo=UTC)

INSTAL = """
- name: installs
  connection: instal
  report: advertiser-export
  params: {start_date: "{yesterday}", stop_date: "{yesterday}"}
"""


class Installation:
    """One schedule on one Redis."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "schedule.yaml"
        server = fakeredis.FakeServer(version=(7, 0))
        made = Settings(data_dir=directory, schedule=self.path)
        self.beats = [Services(made, fakeredis.FakeRedis(server=server)) for _ in range(2)]

    def write(self, *more: str) -> None:
        """The one entry with these further lines."""
        self.path.write_text(INSTAL + "".join(f"  {line}\n" for line in more))

    def run(self, begin: datetime, end: datetime, step: timedelta = timedelta(hours=1)) -> list[Job]:
        """Both beats serve at every step; the jobs there are afterwards, the first made first."""
        now = begin
        while now <= end:
            for beat in self.beats:
                serve(beat, now)
            now += step
        return self.jobs()

    def jobs(self) -> list[Job]:
        return sorted(self.beats[0].ledger.jobs(count=1000), key=lambda job: (job.params["start_date"], job.id))

    def end(self, job: Job, state: str, rows: int) -> None:
        """As if the job had ended, and the ledger had not counted all of its rows."""
        fields = {
            "state": state,
            "rows": 1,
            "receipt": json.dumps({"rows": rows}),
            "finished_at": MONDAY.timestamp(),
            "error": "the vendor said no",
        }
        self.beats[0].redis.hset(f"millrace:job:{job.id}", mapping=fields)

    def alarms(self, now: datetime) -> str:
        return "; ".join(statuses(self.beats[0], now)[0].alarms)


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    return Installation(tmp_path)


@pytest.mark.parametrize(
    ("zone", "cron", "first"),
    [
        ("Europe/Berlin", "0 6 * * *", "2026-11-01"),
        # The clocks change by an hour or by half an hour, and the time is skipped that day, or comes twice.
        ("Europe/Berlin", "30 2 * * *", "2026-03-26"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-22"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-02"),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-01"),
    ],
)
def test_a_week_of_a_daily_entry_under_two_beats_makes_one_job_a_day(
    installation: Installation, zone: str, cron: str, first: str
) -> None:
    installation.write(f'cron: "{cron}"', f"timezone: {zone}", "lookback: 1d")
    day = date.fromisoformat(first)
    begin = datetime.combine(day + timedelta(days=1), time(0, 0, 30), ZoneInfo(zone)).astimezone(UTC)
    jobs = installation.run(begin, begin + timedelta(days=7), step=timedelta(hours=2))
    assert [job.params["start_date"] for job in jobs] == [str(day + timedelta(days=ahead)) for ahead in range(7)]


def test_a_new_entry_owes_nothing_from_before_it_was_seen(installation: Installation) -> None:
    installation.write("every: 1h")
    assert installation.run(MONDAY, MONDAY) == []


def test_a_beat_that_was_away_for_a_day_makes_up_for_it_once(installation: Installation) -> None:
    installation.write("every: 1h")
    installation.run(MONDAY, MONDAY)
    assert len(installation.run(MONDAY + timedelta(days=1), MONDAY + timedelta(days=1, minutes=20))) == 1


def test_dates_in_parameters_are_those_of_the_time_at_which_an_entry_was_due(installation: Installation) -> None:
    installation.write('cron: "0 22 * * *"')
    installation.run(MONDAY, MONDAY)
    on_tuesday = MONDAY + timedelta(days=1)
    (job,) = installation.run(on_tuesday, on_tuesday)
    assert job.params["start_date"] == "2026-11-01"


def test_without_catching_up_what_was_missed_stays_missed(installation: Installation) -> None:
    installation.write('cron: "0 6 * * *"', "catch_up: none")
    installation.run(MONDAY, MONDAY)
    later = MONDAY.replace(hour=9)
    assert installation.run(later, later) == []
    assert "not created" not in installation.alarms(later)
    assert len(installation.run(later, later + timedelta(days=1))) == 1


def test_a_lookback_makes_a_job_for_each_of_the_last_days(installation: Installation) -> None:
    installation.write('cron: "0 6 * * *"', "lookback: 3d", "timezone: Europe/Berlin")
    jobs = installation.run(MONDAY, MONDAY.replace(hour=6))
    windows = [(job.params["start_date"], job.params["stop_date"]) for job in jobs]
    assert windows == [("2026-10-30", "2026-10-30"), ("2026-10-31", "2026-10-31"), ("2026-11-01", "2026-11-01")]


def test_an_entry_that_cannot_be_served_is_an_alarm_and_tried_again(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.write("every: 1h")
    installation.run(MONDAY, MONDAY)
    monkeypatch.delenv("INSTAL_TOKEN")
    assert installation.run(MONDAY.replace(hour=1), MONDAY.replace(hour=1)) == []
    assert "INSTAL_TOKEN" in installation.alarms(MONDAY.replace(hour=1))
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    assert len(installation.run(MONDAY.replace(hour=1, minute=20), MONDAY.replace(hour=1, minute=20))) == 1
    assert installation.alarms(MONDAY.replace(hour=1, minute=20)) == ""


@pytest.mark.parametrize(
    ("mistake", "words"),
    [("lookback: 1d, to: nowhere", "to: 'nowhere'"), ("params: {start_dte: x}", "did you mean 'start_date'")],
)
def test_an_entry_whose_jobs_will_be_refused_is_an_alarm_before_it_is_due(
    installation: Installation, mistake: str, words: str
) -> None:
    report = "{name: x, connection: instal, report: advertiser-export, every: 1h"
    installation.path.write_text(f"- {report}, {mistake}}}\n")
    assert words in installation.alarms(MONDAY)


def test_an_entry_switched_off_owes_nothing(installation: Installation) -> None:
    installation.write("every: 1h", "enabled: false")
    assert installation.run(MONDAY, MONDAY + timedelta(hours=3)) == []


@pytest.mark.parametrize(
    ("state", "rows", "alarm"),
    [("done", 9, "has 9 rows; at least 10 were expected"), ("failed", 0, "the vendor said no"), ("done", 10, "")],
)
def test_a_report_that_comes_empty_or_fails_is_an_alarm(
    installation: Installation, state: str, rows: int, alarm: str
) -> None:
    installation.write("every: 1h", "min_rows: 10")
    (job,) = installation.run(MONDAY, MONDAY.replace(hour=1))
    installation.end(job, state, rows)
    assert (alarm in installation.alarms(MONDAY.replace(hour=1))) if alarm else not installation.alarms(MONDAY)


def test_a_report_not_done_for_too_long_is_an_alarm(installation: Installation) -> None:
    installation.write('cron: "0 6 * * *"', "max_age: 26h")
    (job,) = installation.run(MONDAY, MONDAY.replace(hour=6))
    assert installation.alarms(MONDAY + timedelta(days=1)) == ""
    assert "no job was done for more than 26 h; 1 unfinished" in installation.alarms(MONDAY.replace(day=3, hour=9))
    # Counted from the time it was due, as long as none was done, and then from the end of the last that was.
    for state in ("failed", "done"):
        installation.end(job, state, 1)
        is_too_old = "no job was done for more than 26 h; 0 unfinished" in installation.alarms(
            MONDAY.replace(day=3, hour=5)
        )
        assert is_too_old == (state == "done")


def test_an_entry_that_is_not_served_is_late(installation: Installation) -> None:
    installation.write("every: 1h")
    installation.run(MONDAY, MONDAY)
    assert installation.alarms(MONDAY.replace(hour=1, minute=2)) == ""
    assert "not created" in installation.alarms(MONDAY.replace(hour=1, minute=20))


def entry(**fields: str) -> Entry:
    return Entry(name="x", connection="instal", report="advertiser-export", **fields)


@pytest.mark.parametrize(
    ("cron", "begin", "due"),
    [
        ("30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("0 * * * *", "2026-10-25T02:30+02:00", ["2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"]),
        ("15 2 * * *", "2026-10-03T12:00+10:30", ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"]),
        ("45 1 * * *", "2026-04-04T12:00+11:00", ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]),
    ],
)
def test_clock_changes_neither_lose_nor_double_a_time(cron: str, begin: str, due: list[str]) -> None:
    zone = "Europe/Berlin" if begin.endswith(("+01:00", "+02:00")) else "Australia/Lord_Howe"
    now, daily = datetime.fromisoformat(begin), entry(cron=cron, timezone=zone)
    for expected in map(datetime.fromisoformat, due):
        now = daily.time_after(now) or now
        assert now == expected
        assert daily.time_until(now) == expected
        assert daily.time_until(now + timedelta(seconds=59)) == expected
        assert (daily.time_until(now - timedelta(seconds=1)) or now) < expected


def test_an_interval_is_counted_from_midnight_utc() -> None:
    half_days = entry(every="12h")
    assert half_days.time_after(MONDAY) == MONDAY.replace(hour=12, second=0)
    assert half_days.time_until(MONDAY) == MONDAY.replace(second=0)


def test_days_begin_and_end_at_the_zones_own_midnights() -> None:
    for zone, now, hours in (
        ("Europe/Berlin", datetime(2026, 10, 26, 6, tzinfo=UTC), 25),
        ("Australia/Lord_Howe", datetime(2026, 10, 5, 6, tzinfo=UTC), 23.5),
    ):
        ((first, end),) = entry(lookback="1d", timezone=zone).days_before(now)
        assert (end - first, end.astimezone(UTC) - first.astimezone(UTC)) == (
            timedelta(hours=24),
            timedelta(hours=hours),
        )


def mistakes(installation: Installation) -> list[str]:
    found = load_schedule(installation.path, installation.beats[0].connections)
    return [str(entry.mistake) for entry in found if entry.mistake]


@pytest.mark.parametrize(
    ("lines", "where", "words"),
    [
        (["every: 1h", 'cron: "* * * * *"'], "0.name", "one of them"),
        ([], "0.name", "neither cron nor every"),
        (['cron: "61 * * * *"'], "0.cron", "Bad minute"),
        (['cron: "0 0 6 * * *"'], "0.cron", "five fields"),
        (["every: 999999999d"], "0.every", "at most 36500d"),
        (['cron: "0 6 * * *"', "timezone: Europe/Berlim"], "0.timezone", "Europe/Berlin"),
        (["every: 1h", "lookbak: 7d"], "0.lookbak", "did you mean 'lookback'"),
        (["every: 1h", "lookback: 7h"], "0.lookback", "7h"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_field(
    installation: Installation, lines: list[str], where: str, words: str
) -> None:
    installation.write(*lines)
    (said,) = mistakes(installation)
    assert said.startswith(f"{installation.path}:")
    assert where in said
    assert words in said


def test_a_lookback_of_a_report_without_window_is_refused(installation: Installation) -> None:
    installation.path.write_text(
        "- {name: definitions, connection: kargo, report: report-definitions, every: 1h, lookback: 7d}"
    )
    (said,) = mistakes(installation)
    assert "window" in said


def test_a_mistake_stops_only_its_own_entry_which_makes_up_for_it_when_it_is_mended(
    installation: Installation,
) -> None:
    params = "{start_date: '2026-10-31', stop_date: '2026-10-31'}"
    wrong = f"- {{name: wrong, connection: instal, report: advertiser-export, params: {params}, %s}}\n"
    doubled = "- {name: twice, connection: kargo, report: reports, every: 1h}\n"
    installation.write("every: 1h")
    right = installation.path.read_text()
    others = "- [not, an, entry]\n" + doubled + doubled.replace("every", "enabled: false, every")
    installation.path.write_text(wrong % "every: 1h" + right + others)
    installation.run(MONDAY, MONDAY)
    installation.path.write_text(wrong % "evry: 1h" + right + others)
    assert [job.params["start_date"] for job in installation.run(MONDAY, MONDAY.replace(hour=1))] == ["2026-11-01"]
    found = [status.as_json() for status in statuses(installation.beats[0], MONDAY.replace(hour=1))]
    assert [status["name"] for status in found] == ["wrong", "installs", "entry 3", "twice"]
    assert [status["report"] for status in found] == ["advertiser-export", "advertiser-export", "", "reports"]
    said = ["; ".join(status["alarms"]) for status in found]
    assert "schedule.yaml:1: 0.evry: 'evry' is not allowed" in said[0]
    assert said[1] == ""
    assert "fields with their values" in said[2]
    assert "a name that no other entry has" in said[3]
    installation.path.write_text(wrong % "every: 1h" + right)
    assert len(installation.run(MONDAY.replace(hour=1), MONDAY.replace(hour=1))) == 2


def test_a_mistake_in_an_entry_that_is_switched_off_is_no_alarm(installation: Installation) -> None:
    installation.write("evry: 1h", "enabled: false")
    assert len(mistakes(installation)) == 1
    assert installation.alarms(MONDAY) == ""


# ---------------------------------------------------------------- a span of days asked for again


FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    return Services(Settings(data_dir=tmp_path), fakeredis.FakeRedis(version=(7, 0)))


def planned(services: Services, size: str = "1d", last: date = LAST) -> Backfill:
    return plan(services, "instal.advertiser-export", {"interval": "daily"}, FIRST, last, size, None)


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


def test_a_span_may_be_a_single_day_but_must_not_end_before_it_begins(services: Services) -> None:
    assert [(window.first, window.last) for window in planned(services, last=FIRST).windows] == [(FIRST, FIRST)]
    with pytest.raises(BadInput, match="--to"):
        planned(services, last=date(2026, 10, 31))


def test_a_job_that_fails_during_a_backfill_is_not_retried_by_it(services: Services) -> None:
    backfill = planned(services, "2w")
    backfill.advance()
    end(services, backfill, "failed")
    assert backfill.advance() == []
    assert backfill.is_over


def test_no_more_jobs_are_under_way_than_the_vendor_prepares_at_once(services: Services) -> None:
    backfill = planned(services)
    at_once = services.connections["instal"].limits.reports_at_once
    assert len(backfill.advance()) == at_once
    assert backfill.advance() == []
    end(services, backfill, "done")
    assert len(backfill.advance()) == min(at_once, 30 - at_once)


def test_a_repeated_backfill_continues_where_it_stopped(services: Services) -> None:
    first = planned(services, "2w")
    first.advance()
    end(services, first, "done")
    services.redis.hset(f"millrace:job:{first.windows[1].job.id}", mapping={"state": "failed"})
    again = planned(services, "2w")
    assert [state for _, state in again.advance()] == ["queued"]
    assert [window.state for window in again.windows] == ["done", "queued", "done"]
    assert len(list(services.ledger.jobs())) == 3


@pytest.mark.parametrize("size", ["1h", "0d", "d", "1.5d"])
def test_a_window_that_is_not_a_number_of_days_is_refused(services: Services, size: str) -> None:
    with pytest.raises(BadInput, match="--window"):
        planned(services, size)


def test_a_backfill_whose_jobs_would_be_refused_is_not_planned(services: Services) -> None:
    days = date(2026, 11, 1), date(2026, 11, 2)
    with pytest.raises(BadInput, match="nowhere"):
        plan(services, "instal.advertiser-export", {}, *days, "1d", "nowhere")


@pytest.mark.parametrize("last", [date(2062, 11, 1), date.max])
def test_a_year_that_was_mistyped_makes_no_jobs(services: Services, last: date) -> None:
    with pytest.raises(BadInput, match="at most 10,000 windows after 2026-11-01"):
        planned(services, last=last)
