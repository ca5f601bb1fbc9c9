"""Which columns a report came with, and which are new or gone since the same report was last done.

They are learned from the first row of each page, which costs nothing worth naming: a column that only later rows have
is not seen. The same report is one of the same connection with the same parameters, those that hold its window apart:
who asks for other dimensions expects other columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from worker import keys
from worker.model import Job, Rows
from worker.services import Services

SEEN_SECONDS = 30 * 86_400
KNOWN_SECONDS = 400 * 86_400
"""Long enough for a report that is asked for once a year."""


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """What differs from the last done job of the same report, by name."""

    added: tuple[str, ...]
    gone: tuple[str, ...]


def see_columns(services: Services, job: Job, blocks: Iterable[Rows]) -> Iterator[Rows]:
    """The same blocks of rows; the columns of the first row are put on record on the way."""
    is_seen = False
    for rows in blocks:
        if rows and not is_seen:
            is_seen = True
            _put_on_record(services, job, rows.first)
        yield rows


def _put_on_record(services: Services, job: Job, row: bytes) -> None:
    # A dead row is bytes of another class, which orjson does not take.
    columns = list(orjson.loads(bytes(row)))
    if columns:
        key = keys.columns_seen(job.id, job.generation)
        with services.redis.pipeline(transaction=False) as pipeline:
            pipeline.sadd(key, *columns).expire(key, SEEN_SECONDS).execute()


def compare_columns(services: Services, job: Job) -> ColumnChanges | None:
    """What changed; None where nothing did, nothing was seen, or the report was never done before."""
    seen, known = keys.columns_seen(job.id, job.generation), _known(services, job)
    if not services.redis.exists(seen) or not services.redis.exists(known):
        return None
    added, gone = services.redis.sdiff(seen, known), services.redis.sdiff(known, seen)
    return ColumnChanges(_names(added), _names(gone)) if added or gone else None


def remember_columns(services: Services, job: Job) -> None:
    """Take the columns of a done job for those the next one is compared with. May be repeated."""
    seen, known = keys.columns_seen(job.id, job.generation), _known(services, job)
    if services.redis.exists(seen):
        services.redis.sunionstore(known, seen)
        services.redis.expire(known, KNOWN_SECONDS)


def _known(services: Services, job: Job) -> str:
    window = services.report(job).window or {}
    dates = {path.partition(".")[0] for path in window.values()}
    asked = {name: value for name, value in job.params.items() if name not in dates}
    text = orjson.dumps([job.name, asked], option=orjson.OPT_SORT_KEYS)
    return keys.columns_known(hashlib.sha256(text).hexdigest())


def _names(columns: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(sorted(column.decode() for column in columns))
