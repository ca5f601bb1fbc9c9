"""An entry of the schedule as JSON, for the command line and the HTTP API."""

from __future__ import annotations

from datetime import datetime

from worker.model import Json
from worker.schedule.due import Standing


def standing_facts(standing: Standing) -> Json:
    """The status of an entry as JSON; its parameters are as in the file, with macros unresolved."""
    entry = standing.entry
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
        "last_due": _iso(standing.last_due),
        "next_due": _iso(standing.next_due),
        "jobs": standing.jobs,
        "done_at": _iso(standing.done_at),
        "alarms": list(standing.alarms),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
