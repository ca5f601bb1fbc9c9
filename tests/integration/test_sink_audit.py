"""An audit of a stream counts what is lost, doubled and out of order."""

from __future__ import annotations

import json
from typing import Any

from redis import Redis

from tests.sinks import JOB, READING, commit, finish, opened, position
from worker.sinks.audit import StreamAudit, audit


def test_an_audit_continues_while_consumers_trim(redis: Redis) -> None:
    sink = opened("stream:rows", redis)
    watch = StreamAudit(redis, "rows")
    for first in (1, 4, 7):
        commit(sink, first, first + 2)
        watch.advance()
        redis.xtrim("rows", maxlen=0, approximate=False)
    sink.close(1, 1, position(READING))
    finish(sink)
    assert watch.advance().result(JOB).is_whole
    assert watch.results().keys() == {JOB}


def test_an_audit_finds_lost_doubled_and_misplaced_rows(redis: Redis) -> None:
    sink = opened("stream:rows", redis)
    commit(sink, 1, 9)
    sink.close(1, 1, position(READING, 9))
    sink.finish(1, 1, {"rows": 9})
    whole = [fields for _, fields in redis.xrange("rows")]

    def seen(*entries: dict[bytes, bytes]) -> Any:
        redis.delete("rows")
        for fields in entries:
            redis.xadd("rows", fields)
        return audit(redis, "rows", JOB)

    assert seen(*whole).is_whole
    assert seen(*whole[:3], *whole[4:]).lost == 1
    assert seen(*whole[:8], whole[9]).lost == 1
    assert seen(*whole[:3], *whole[2:]).doubled == 1
    assert seen(whole[1], whole[0], *whole[2:]).out_of_order == 1
    assert seen(*whole, whole[0]).late == 1
    assert seen(*whole, whole[9]).ends == 2
    other = whole[4] | {b"row": b'{"n":55}'}
    changed = seen(*whole[:4], other, *whole[5:9], {b"job": b"job-1", b"end": json.dumps({"digest": "0"}).encode()})
    assert changed.is_clean
    assert not changed.is_whole
