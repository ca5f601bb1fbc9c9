"""Loads schedule.yaml: which report, with which parameters, at which times.

- name: kargo-daily
  connection: kargo
  report: campaign-performance-metrics
  params: {...}
  cron: "0 6 * * *"
  timezone: Europe/Berlin
  lookback: 7d

Daylight saving time is as in Debian's cron: a time that the clocks skip is due right after the skip, a time that they
repeat is due once; `*/30` goes by elapsed time.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from cronsim import CronSim, CronSimError
from pydantic import Field, PrivateAttr

from worker.durations import parse_duration
from worker.errors import BadInput
from worker.sources.connections import Connections, find_report
from worker.sources.params import zone_of
from worker.sources.schema import Declared, Duration
from worker.sources.windows import why_fixed
from worker.sources.yaml_files import YamlFile, read_yaml, validate

CRON_FIELDS = 5
CRON_FORM = "five fields: minute, hour, day, month, weekday"
_SHOWN = ("name", "connection", "report", "cron", "every", "timezone", "lookback")
"""The fields that are shown of an entry with a mistake."""


class Entry(Declared):
    """One entry of the schedule.

    It is due at the times of `cron` (five fields, in `timezone`), or at intervals of `every`, counted from midnight
    UTC. Date macros in `params` are relative to the time at which the entry is due. `lookback` requests each of the
    last N days by a job of its own, because vendors restate numbers; the day goes into the report's `window`.
    `catch_up`: missed times, however many, are made up for by one run (`once`) or not at all. There is an alarm if a
    job has fewer than `min_rows` rows, or if no job was done for `max_age`.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    connection: str
    report: str
    params: dict[str, Any] = Field(default_factory=dict)
    to: str | None = None
    cron: str | None = None
    every: Duration | None = None
    timezone: str = "UTC"
    lookback: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}d$")] | None = None
    catch_up: Literal["once", "none"] = "once"
    enabled: bool = True
    min_rows: int | None = Field(default=None, ge=0)
    max_age: Duration | None = None
    _mistake: BadInput | None = PrivateAttr(None)

    @property
    def mistake(self) -> BadInput | None:
        """What is wrong with the entry, which then has only the fields that people see; None if it can be used."""
        return self._mistake

    @property
    def report_name(self) -> str:
        """CONNECTION.REPORT, as the command line takes it."""
        return f"{self.connection}.{self.report}"

    @property
    def lookback_days(self) -> int:
        """How many days are requested; 0: the parameters are sent as they are."""
        return int(self.lookback.removesuffix("d")) if self.lookback else 0

    # Times are in UTC, because Python compares two times of the same zone by their wall clocks.

    def time_after(self, now: datetime) -> datetime | None:
        """The first time it is due after `now`; None if its cron expression never matches again."""
        if self.every:
            step = parse_duration(self.every, "every")
            return datetime.fromtimestamp((math.floor(now.timestamp() / step) + 1) * step, UTC)
        found = next(CronSim(self.cron or "", now.astimezone(zone_of(self.timezone))), None)
        return found and found.astimezone(UTC)

    def time_until(self, now: datetime) -> datetime | None:
        """The last time it was due, `now` included; None if its cron expression never matched before."""
        if self.every:
            step = parse_duration(self.every, "every")
            return datetime.fromtimestamp(math.floor(now.timestamp() / step) * step, UTC)
        # Backwards, CronSim yields times before the minute it starts at, so it starts one minute later.
        later = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        found = next(CronSim(self.cron or "", later.astimezone(zone_of(self.timezone)), reverse=True), None)
        return found and found.astimezone(UTC)

    def days_before(self, due: datetime) -> list[tuple[datetime, datetime]]:
        """The days of the lookback, whole days before the day of `due`, the oldest first, from midnight to midnight."""
        zone = zone_of(self.timezone)
        today, midnight = due.astimezone(zone).date(), datetime.min.time()
        back = range(self.lookback_days, -1, -1)
        return list(pairwise(datetime.combine(today - timedelta(days=days), midnight, zone) for days in back))


def load_schedule(path: Path, connections: Connections) -> list[Entry]:
    """The entries of the file, none if there is no file. Raises BadInput only if the file as a whole cannot be used.

    An entry with a mistake has it as its `mistake`, so that the others stay due; of two with one name neither is used.
    A faulty connection is no mistake of its entries: their jobs will be refused.
    """
    if not path.exists():
        return []
    file = read_yaml(path)
    if file.content is None:
        return []
    if not isinstance(file.content, list):
        raise BadInput(str(path), type(file.content).__name__, "a list of entries, each with a name")
    entries: dict[str, Entry] = {}
    for position, content in enumerate(file.content):
        try:
            entry = _load(content, file, position, connections)
        except BadInput as mistake:
            entry = _keep_mistake(content, position, mistake)
        if entry.name in entries:
            again = BadInput(file.where((position, "name")), entry.name, "a name that no other entry has")
            shown = {"name": entry.name, "connection": entry.connection, "report": entry.report}
            entry = _keep_mistake(shown, position, again)
        entries[entry.name] = entry
    return list(entries.values())


def _load(content: Any, file: YamlFile, position: int, connections: Connections) -> Entry:
    entry = validate(Entry, content, file, (position,))
    _check_times(entry, file, position)
    if entry.connection not in connections.faults:
        _check_report(entry, file, position, connections)
    return entry


def _keep_mistake(content: Any, position: int, mistake: BadInput) -> Entry:
    """An entry that shows what was meant and what is wrong; it is named by its position if it has no name."""
    written = content if isinstance(content, dict) else {}
    texts = {field: written[field] for field in _SHOWN if isinstance(written.get(field), str)}
    shown = {"name": f"entry {position + 1}", "connection": "", "report": "", **texts}
    entry = Entry.model_construct(**shown, enabled=written.get("enabled") is not False)
    entry._mistake = mistake
    return entry


def _check_times(entry: Entry, file: YamlFile, position: int) -> None:
    def refuse(field: str, given: object, allowed: str) -> None:
        raise BadInput(file.where((position, field)), given, allowed)

    if (entry.cron is None) == (entry.every is None):
        refuse("name", "cron and every" if entry.cron else "neither cron nor every", "one of them")
    if entry.every is not None and entry.timezone != "UTC" and not entry.lookback_days:
        refuse("timezone", entry.timezone, "no timezone beside `every`, which is counted in elapsed time")
    if entry.cron and len(entry.cron.split()) > CRON_FIELDS:
        # CronSim would take the first of six for seconds, so that each of the others had another meaning.
        refuse("cron", entry.cron, CRON_FORM)
    try:
        zone = zone_of(entry.timezone)
        if entry.cron is not None:
            CronSim(entry.cron, datetime.now(zone))
    except BadInput as bad:
        refuse("timezone", bad.given, bad.allowed)
    except CronSimError as error:
        refuse("cron", entry.cron, f"{CRON_FORM} ({error})")


def _check_report(entry: Entry, file: YamlFile, position: int, connections: Connections) -> None:
    try:
        _, report = find_report(connections, entry.report_name)
    except BadInput as bad:
        field = "connection" if bad.where == "connection" else "report"
        raise BadInput(file.where((position, field)), bad.given, bad.allowed) from None
    if entry.lookback_days and (reason := why_fixed(report)):
        raise BadInput(file.where((position, "lookback")), entry.lookback, reason)
