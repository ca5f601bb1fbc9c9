"""Every Redis key Millrace uses, spelled once.

Ledger and broker are one Redis. A sink may be another, even a Redis Cluster: whatever belongs to a stream carries
the stream's name as its hash tag, so that one script may touch it all.
"""

from __future__ import annotations


def sink_record(stream: str, job: str) -> str:
    """Hash: the sink record of one job in one stream."""
    return f"sink:{{{stream}}}:{job}"


def dead_rows(stream: str) -> str:
    """Stream: the dead letters of one stream."""
    return f"dead:{{{stream}}}"
