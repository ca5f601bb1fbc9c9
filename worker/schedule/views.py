"""An entry of the schedule as JSON, for the command line and the HTTP API."""

from __future__ import annotations

from datetime import datetime

from worker.model import Json
from worker.schedule.due import EntryStatus


def status_facts(status: EntryStatus) -> Json:
    """The status of an entry as JSON; its parameters are as in the file, with macros unresolved."""
    entry = status.entry
    return {
        "name": entry.name,
        "connection": entry.connection,
        "report": entry.report,
        "params": entry.params,
        "to": entry.to,
        "cron": entry.cron,
        "every": entry.every,
        "timezone": entry.timezone,
        "lookback": entry.lookback,
        "catch_up": entry.catch_up,
        "enabled": entry.enabled,
        "last_due": _iso(status.last_due),
        "next_due": _iso(status.next_due),
        "jobs": status.jobs,
        "done_at": _iso(status.done_at),
        "alarms": list(status.alarms),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
