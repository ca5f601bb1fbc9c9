"""A page's rows get into a real Redis stream once and in order, even if something fails on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from tests.harness import until
from worker.errors import FailJob, RecordClosed, RetryLater, SinkFull, StartOver
from worker.model import Checkpoint, Rows
from worker.publish.pipeline import Publication
from worker.sinks.kinds import SinkJob, open_sink, parse_address
from worker.sinks.sink import Sink

ROWS: list[bytes] = [b'{"n":%d}' % n for n in range(1, 3501)]


@pytest.fixture
def sink(redis: Redis) -> Sink:
    sink = make_sink(redis)
    sink.open(1)
    return sink


def make_sink(redis: Redis, bound: int = 0) -> Sink:
    job = SinkJob("j1", "kargo", "r", default_redis=redis, stream_bound=bound, part_rows=1000)
    return open_sink(parse_address("stream:rows"), job)


def nothing(_: object) -> None:
    pass


def publication(
    sink: Sink,
    *,
    on_commit: Callable[[Checkpoint], None] = nothing,
    on_full: Callable[[SinkFull], None] = nothing,
) -> Publication:
    return Publication(sink, 1, 1, on_read=lambda: None, on_commit=on_commit, on_full=on_full)


def publish(sink: Sink, rows: list[bytes] | Iterator[bytes], **more: Callable[..., None]) -> Checkpoint:
    work = publication(sink, **more)
    work.start()
    return work.publish(Rows.of([row]) for row in rows)


def published(redis: Redis) -> list[bytes]:
    return [fields[b"row"] for _, fields in redis.xrange("rows") if b"row" in fields]


def cut_after(count: int, error: Exception) -> Iterator[bytes]:
    yield from ROWS[:count]
    raise error


def test_every_row_is_published_in_order_with_its_address(redis: Redis, sink: Sink) -> None:
    end = publish(sink, ROWS)
    entries = [fields for _, fields in redis.xrange("rows")]
    assert [entry[b"row"] for entry in entries] == ROWS
    assert entries[0] == {b"job": b"j1", b"at": b"1.1.1", b"row": b'{"n":1}'}
    assert entries[-1][b"at"] == b"1.1.3500"
    assert (end.rows, end.dead_rows) == (3500, 0)


def test_an_interrupted_reading_keeps_rows_in_flight_and_the_next_continues_there(redis: Redis, sink: Sink) -> None:
    with pytest.raises(RetryLater):
        publish(sink, cut_after(2500, RetryLater("cut")))
    assert published(redis) == ROWS[:2000]
    publish(sink, ROWS)
    assert published(redis) == ROWS


def test_two_workers_on_one_page_publish_each_row_once(redis: Redis, sink: Sink) -> None:
    other = make_sink(redis)

    def interleaved() -> Iterator[bytes]:
        for number, row in enumerate(ROWS):
            if number == 1500:
                publish(other, iter(ROWS[:2300] + ROWS[2300:]))
            yield row

    publish(sink, interleaved())
    assert published(redis) == ROWS


def test_a_worker_overtaken_within_its_batch_continues_after_the_other(redis: Redis, sink: Sink) -> None:
    def overtaken() -> Iterator[bytes]:
        yield from ROWS[:500]
        with pytest.raises(RetryLater):
            publish(make_sink(redis), cut_after(1200, RetryLater("cut")))
        yield from ROWS[500:]

    publish(sink, overtaken())
    assert published(redis) == ROWS


def test_a_replay_that_differs_starts_over_and_publishes_nothing(redis: Redis, sink: Sink) -> None:
    with pytest.raises(RetryLater):
        publish(sink, cut_after(2500, RetryLater("cut")))
    with pytest.raises(StartOver):
        publish(sink, [b'{"n":0}', *ROWS[1:]])
    assert published(redis) == ROWS[:2000]


@pytest.mark.parametrize("rows", [0, 3400])
def test_a_replay_that_is_shorter_than_what_was_published_starts_over(sink: Sink, rows: int) -> None:
    publish(sink, ROWS)
    with pytest.raises(StartOver):
        publish(sink, ROWS[:rows])


def test_a_page_is_not_closed_where_another_worker_has_gone_on(redis: Redis, sink: Sink) -> None:
    work = publication(sink)
    at = work.publish([Rows.of(ROWS[:2000])])
    publish(make_sink(redis), ROWS)
    with pytest.raises(RetryLater, match="at row 3500, but this reading ended at row 2000"):
        work.close(at)
    assert not sink.checkpoint(1, 1).is_closed


def test_a_page_closed_already_is_only_read_again(redis: Redis, sink: Sink) -> None:
    work = publication(sink)
    work.close(work.publish([Rows.of(ROWS)]))
    assert publish(sink, ROWS).rows == 3500
    with pytest.raises(StartOver):
        publish(sink, [*ROWS, b"{}"])
    assert published(redis) == ROWS


def test_a_full_sink_is_asked_again_until_there_is_room(redis: Redis) -> None:
    sink = make_sink(redis, bound=1000)
    sink.open(1)
    reasons: list[str] = []
    taken: list[bytes] = []

    def consume(full: SinkFull) -> None:
        reasons.append(full.reason)
        taken.extend(published(redis))
        redis.xtrim("rows", maxlen=0)

    publish(sink, ROWS, on_full=consume)
    assert taken + published(redis) == ROWS
    assert reasons[0].startswith("stream full: 1000 entries;")


def test_a_sink_that_stays_full_ends_the_page_with_the_reason(redis: Redis) -> None:
    sink = make_sink(redis, bound=1000)
    sink.open(1)

    def give_up(full: SinkFull) -> None:
        raise FailJob(full.reason)

    with pytest.raises(FailJob, match="full"):
        publish(sink, ROWS, on_full=give_up)
    assert published(redis) == ROWS[:1000]


def test_a_voided_record_stops_the_writer_at_its_next_batch(redis: Redis, sink: Sink) -> None:
    def voided() -> Iterator[bytes]:
        yield from ROWS[:1500]
        until(lambda: redis.xlen("rows") == 1000, "the first batch is kept")
        make_sink(redis).void(1, "cancelled")
        yield from ROWS[1500:]

    with pytest.raises(RecordClosed, match="void"):
        publish(sink, voided())
    assert published(redis) == ROWS[:1000]


def test_nothing_is_published_where_the_sink_record_is_gone(redis: Redis, sink: Sink) -> None:
    publish(sink, ROWS[:10])
    redis.delete("sink:{rows}:j1")
    with pytest.raises(RecordClosed, match="missing"):
        publish(sink, ROWS)


def test_the_sink_losing_its_last_second_is_read_again(redis: Redis, sink: Sink) -> None:
    def crashed() -> Iterator[bytes]:
        yield from ROWS[:2500]
        until(lambda: redis.xlen("rows") == 2000, "the second batch is kept")
        redis.flushall()
        sink.open(1)
        yield from ROWS[2500:]

    with pytest.raises(RetryLater):
        publish(sink, crashed())
    publish(sink, ROWS)
    assert published(redis) == ROWS


def test_one_batch_is_read_ahead_of_a_sink_that_is_full(redis: Redis) -> None:
    sink = make_sink(redis, bound=1000)
    sink.open(1)
    read, read_while_full = [0], []

    def counted() -> Iterator[bytes]:
        for read[0], row in enumerate(ROWS * 3):
            yield row

    def consume(_: SinkFull) -> None:
        read_while_full.append(read[0])
        redis.xtrim("rows", maxlen=0)

    publish(sink, counted(), on_full=consume)
    # The batch that is kept, the one that finds the sink full, the next, and the row that ended it.
    assert read_while_full[0] <= 3000


def test_progress_is_reported_after_every_batch(sink: Sink) -> None:
    heard: list[int] = []
    publish(sink, ROWS, on_commit=lambda at: heard.append(at.rows))
    assert heard == [*range(500, 3501, 500)]
