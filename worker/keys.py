"""Every Redis key that Millrace uses, except the broker's.

Ledger and broker are one Redis. A sink may be another, even a Redis Cluster: all keys of one stream have the stream's
name as their hash tag, so that one script may use them together.
"""

from __future__ import annotations


def sink_record(stream: str, job: str) -> str:
    """Hash: the sink record of one job in one stream."""
    return f"sink:{{{stream}}}:{job}"


def stream_being_added_to(stream: str) -> str:
    """Stream: the name of a stream during a transaction that adds rows to it; other clients never see it."""
    return f"sink:{{{stream}}}"


def dead_rows(stream: str) -> str:
    """Stream: the dead letters of one stream."""
    return f"dead:{{{stream}}}"


# The ledger's own; worker/lua/ledger_leases.lua spells the same prefix.

OVERDUE = "millrace:overdue"
SWEPT_AT = "millrace:swept_at"
WRITTEN = "millrace:written"
"""String that expires: written to check that Redis accepts writes."""
JOBS = "millrace:jobs"
COUNTERS = "millrace:counters"
"""Hash: the counters of `worker.metrics`; a field is a counter's name and its labels."""
NOTICES = "millrace:notices"
"""Sorted set: notices to send to webhooks at a job's end, as JOB/NUMBER, by the time they are due."""


def run_mark(name: str) -> str:
    """String that expires: while it exists, beat's task of this name counts as running."""
    return f"millrace:ran:{name}"


def job(job_id: str) -> str:
    """Hash: all fields of one job."""
    return f"millrace:job:{job_id}"


def pages(job_id: str) -> str:
    """Hash: the page set of one job; the fields of page N begin with `N.`."""
    return f"millrace:job:{job_id}:pages"


def jobs_in(state: str) -> str:
    """Sorted set: the jobs in one state, by the time they entered it."""
    return f"millrace:jobs:{state}"


def columns_seen(job_id: str, generation: int) -> str:
    """Set: the columns in the rows of one generation of a job."""
    return f"millrace:job:{job_id}:columns:{generation}"


def columns_known(digest: str) -> str:
    """Set: the columns of the last done job of one report."""
    return f"millrace:columns:{digest}"


def fingerprint(digest: str) -> str:
    """String: the latest job with this fingerprint."""
    return f"millrace:fingerprint:{digest}"


def source(digest: str) -> str:
    """String: a source as it was when a job was made from it (JSON)."""
    return f"millrace:source:{digest}"


def schedule(entry: str) -> str:
    """Hash: what is stored about one entry of the schedule."""
    return f"millrace:schedule:{entry}"


# What all workers share about one connection. `account` is a digest of its URL and of the credentials used there.


def token(connection: str, account: str) -> str:
    """Hash that expires with the token: the access token in use, a secret, and when to renew it."""
    return f"millrace:connection:{connection}:token:{account}"


def token_turn(connection: str, account: str) -> str:
    """Hash: whose turn it is to fetch a token."""
    return f"millrace:connection:{connection}:turn:{account}"


def quota(connection: str) -> str:
    """Hash: when the next request may be sent."""
    return f"millrace:connection:{connection}:quota"


def pause(connection: str) -> str:
    """String that expires: while it exists, no request is sent."""
    return f"millrace:connection:{connection}:pause"


def reports_in_preparation(connection: str) -> str:
    """Sorted set: the jobs whose reports the vendor is preparing, by the time at which their claims expire."""
    return f"millrace:connection:{connection}:preparing"
