"""Every Redis key Millrace uses, spelled once.

Ledger and broker are one Redis. A sink may be another, even a Redis Cluster: whatever belongs to a stream carries
the stream's name as its hash tag, so that one script may touch it all.
"""

from __future__ import annotations


def sink_record(stream: str, job: str) -> str:
    """Hash: the sink record of one job in one stream."""
    return f"sink:{{{stream}}}:{job}"


def stream_being_added_to(stream: str) -> str:
    """Stream: what a stream is called within a transaction that adds rows to it; nobody else ever sees it."""
    return f"sink:{{{stream}}}"


def dead_rows(stream: str) -> str:
    """Stream: the dead letters of one stream."""
    return f"dead:{{{stream}}}"


# The ledger's own; worker/lua/ledger_leases.lua spells the same prefix.

OVERDUE = "millrace:overdue"
SWEPT_AT = "millrace:swept_at"
WRITTEN = "millrace:written"
"""String that expires: written to find out whether Redis can be written to."""
JOBS = "millrace:jobs"
COUNTERS = "millrace:counters"
"""Hash: what has happened, for `worker.metrics`; a field is a counter's name and its labels."""
NOTICES = "millrace:notices"
"""Sorted set: notices to send to webhooks at a job's end, as JOB/NUMBER, by the time they are due."""


def run_mark(name: str) -> str:
    """String that expires: while it is there, nobody stands in for beat's task of this name."""
    return f"millrace:ran:{name}"


def job(job_id: str) -> str:
    """Hash: everything known of one job."""
    return f"millrace:job:{job_id}"


def pages(job_id: str) -> str:
    """Hash: the page set of one job; the fields of page N begin with `N.`."""
    return f"millrace:job:{job_id}:pages"


def jobs_in(state: str) -> str:
    """Sorted set: the jobs in one state, by the time they came there."""
    return f"millrace:jobs:{state}"


def columns_seen(job_id: str, generation: int) -> str:
    """Set: the columns one generation of a job came with."""
    return f"millrace:job:{job_id}:columns:{generation}"


def columns_known(digest: str) -> str:
    """Set: the columns the last done job of one report came with."""
    return f"millrace:columns:{digest}"


def fingerprint(digest: str) -> str:
    """String: the latest job with this fingerprint."""
    return f"millrace:fingerprint:{digest}"


def source(digest: str) -> str:
    """String: a source as it stood when a job was made from it (JSON)."""
    return f"millrace:source:{digest}"


def schedule(entry: str) -> str:
    """Hash: what is on record of one entry of the schedule."""
    return f"millrace:schedule:{entry}"


# What the workers share of one connection. `place` is a digest of where it lives and of the credentials used there.


def token(connection: str, place: str) -> str:
    """Hash: the access token in use and when to renew it. Holds a secret; goes when the token expires."""
    return f"millrace:connection:{connection}:token:{place}"


def token_turn(connection: str, place: str) -> str:
    """Hash: whose turn it is to fetch a token."""
    return f"millrace:connection:{connection}:turn:{place}"


def quota(connection: str) -> str:
    """Hash: when the next request may be sent."""
    return f"millrace:connection:{connection}:quota"


def pause(connection: str) -> str:
    """String that expires: while it is there nothing is sent."""
    return f"millrace:connection:{connection}:pause"


def report_places(connection: str) -> str:
    """Sorted set: the jobs whose reports the vendor prepares, by when their places fall free."""
    return f"millrace:connection:{connection}:preparing"
