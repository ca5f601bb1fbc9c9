"""Detects columns that are new or gone since the last done job of the same report.

Only the first row of each page that is not dead is looked at, which costs next to nothing; a column that only later
rows have is not seen. Two jobs are for the same report if connection and parameters are the same, except the parameters
for its window: a request for other dimensions expects other columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import orjson
from redis import Redis

from worker import keys
from worker.model import DeadRow, Job, Rows
from worker.services import Services

SEEN_SECONDS = 30 * 86_400
KNOWN_SECONDS = 400 * 86_400
"""Long enough for a report that is requested once a year."""
_STORED_KEPT = 64


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """The columns by which a job differs from the last done job of the same report."""

    added: tuple[str, ...]
    gone: tuple[str, ...]


def record_columns(services: Services, job: Job, blocks: Iterable[Rows]) -> Iterator[Rows]:
    """Pass the blocks of a page on, and store the columns of its first row in Redis.

    Dead rows are left out: one may be no object, or hold what orjson refuses.
    """
    is_seen = False
    for rows in blocks:
        if len(rows.dead) < len(rows) and not is_seen:
            is_seen = True
            first = rows.first if not rows.dead else next(row for row in rows if not isinstance(row, DeadRow))
            columns, key = list(orjson.loads(first)), keys.columns_seen(job.id, job.generation)
            if columns:
                _store(services.redis, key, tuple(columns))
        yield rows


@lru_cache(_STORED_KEPT)
def _store(redis: Redis, key: str, columns: tuple[str, ...]) -> None:
    """Add columns to those seen. This process does it once for all pages of a job that have the same columns."""
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.sadd(key, *columns).expire(key, SEEN_SECONDS).execute()


def compare_columns(services: Services, job: Job) -> ColumnChanges | None:
    """The changed columns; None if there are none, the job had no rows, or the report was never done before."""
    seen, known = keys.columns_seen(job.id, job.generation), _last_columns_key(services, job)
    if not services.redis.exists(seen) or not services.redis.exists(known):
        return None
    added, gone = services.redis.sdiff(seen, known), services.redis.sdiff(known, seen)
    return ColumnChanges(_names(added), _names(gone)) if added or gone else None


def remember_columns(services: Services, job: Job) -> None:
    """Store the columns of a done job for comparison with the next job. May be repeated."""
    seen, known = keys.columns_seen(job.id, job.generation), _last_columns_key(services, job)
    if services.redis.exists(seen):
        services.redis.sunionstore(known, seen)
        services.redis.expire(known, KNOWN_SECONDS)


def _last_columns_key(services: Services, job: Job) -> str:
    window = services.report(job).window or {}
    dates = {path.partition(".")[0] for path in window.values()}
    asked = {name: value for name, value in job.params.items() if name not in dates}
    text = orjson.dumps([job.name, asked], option=orjson.OPT_SORT_KEYS)
    return keys.columns_known(hashlib.sha256(text).hexdigest())


def _names(columns: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(sorted(column.decode() for column in columns))
