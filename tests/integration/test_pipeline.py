"""One page on its way into a real Redis stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from worker.errors import FailJob, LeaseLost, RetryLater, StartOver
from worker.model import Checkpoint, DeadRow, Full, Row
from worker.publish.pipeline import Publication
from worker.sinks import open_sink
from worker.sinks.address import parse_address
from worker.sinks.sink import Sink

ROWS: list[Row] = [b'{"n":%d}' % n for n in range(1, 3501)]


@pytest.fixture
def sink(redis: Redis) -> Sink:
    sink = make_sink(redis)
    sink.open(1)
    return sink


def make_sink(redis: Redis, bound: int = 0) -> Sink:
    return open_sink(
        parse_address("stream:rows"),
        job="j1",
        connection="kargo",
        report="r",
        default_redis=redis,
        stream_bound=bound,
        part_rows=1000,
    )


def nothing(_: object) -> None:
    pass


def publication(
    sink: Sink,
    *,
    on_kept: Callable[[Checkpoint], None] = nothing,
    on_full: Callable[[Full], None] = nothing,
) -> Publication:
    return Publication(sink, 1, 1, on_read=lambda: None, on_kept=on_kept, on_full=on_full)


def publish(sink: Sink, rows: list[Row] | Iterator[Row], **more: Callable[..., None]) -> Checkpoint:
    work = publication(sink, **more)
    return work.publish(([row] for row in rows), work.start(), "ijson")


def published(redis: Redis) -> list[bytes]:
    return [fields[b"row"] for _, fields in redis.xrange("rows") if b"row" in fields]


def cut_after(count: int, error: Exception) -> Iterator[Row]:
    yield from ROWS[:count]
    raise error


def test_every_row_is_published_in_order_with_its_address(redis: Redis, sink: Sink) -> None:
    end = publish(sink, ROWS)
    entries = [fields for _, fields in redis.xrange("rows")]
    assert [entry[b"row"] for entry in entries] == ROWS
    assert entries[0] == {b"job": b"j1", b"at": b"1.1.1", b"row": b'{"n":1}'}
    assert entries[-1][b"at"] == b"1.1.3500"
    assert (end.rows, end.dead_rows) == (3500, 0)


def test_a_cut_reading_keeps_what_was_on_its_way_and_the_next_goes_on_from_there(redis: Redis, sink: Sink) -> None:
    with pytest.raises(RetryLater):
        publish(sink, cut_after(2500, RetryLater("cut")))
    assert published(redis) == ROWS[:2000]
    publish(sink, ROWS)
    assert published(redis) == ROWS


def test_two_workers_on_one_page_publish_each_row_once(redis: Redis, sink: Sink) -> None:
    other = make_sink(redis)

    def interleaved() -> Iterator[Row]:
        for number, row in enumerate(ROWS):
            if number == 1500:
                publish(other, iter(ROWS[:2300] + ROWS[2300:]))
            yield row

    publish(sink, interleaved())
    assert published(redis) == ROWS


def test_a_worker_overtaken_within_its_batch_continues_behind_the_other(redis: Redis, sink: Sink) -> None:
    def overtaken() -> Iterator[Row]:
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


def test_a_replay_that_is_shorter_than_what_was_published_starts_over(redis: Redis, sink: Sink) -> None:
    publish(sink, ROWS)
    with pytest.raises(StartOver):
        publish(sink, ROWS[:3400])


def test_a_page_closed_already_is_only_read_again(redis: Redis, sink: Sink) -> None:
    work = publication(sink)
    end = work.publish([ROWS], work.start(), "ijson")
    work.close(end)
    again = publication(sink)
    assert again.publish([ROWS], again.start(), "ijson").rows == 3500
    with pytest.raises(StartOver):
        again.publish([[*ROWS, b"{}"]], again.start(), "ijson")
    assert published(redis) == ROWS


def test_dead_rows_use_their_number(redis: Redis, sink: Sink) -> None:
    end = publish(sink, [b"1", DeadRow(b'{"clicks":"x"}', "clicks: 'x' is no integer"), b"3"])
    assert [fields[b"at"] for _, fields in redis.xrange("rows")] == [b"1.1.1", b"1.1.3"]
    assert [fields[b"at"] for _, fields in redis.xrange("dead:{rows}")] == [b"1.1.2"]
    assert (end.rows, end.dead_rows) == (3, 1)


def test_a_full_sink_is_asked_again_until_there_is_room(redis: Redis) -> None:
    sink = make_sink(redis, bound=1000)
    sink.open(1)
    reasons: list[str] = []
    taken: list[bytes] = []

    def consume(full: Full) -> None:
        reasons.append(full.reason)
        taken.extend(published(redis))
        redis.xtrim("rows", maxlen=0)

    publish(sink, ROWS, on_full=consume)
    assert taken + published(redis) == ROWS
    assert "1,000 entries" in reasons[0] or "1000 entries" in reasons[0]


def test_nobody_making_room_ends_the_page_with_the_reason(redis: Redis) -> None:
    sink = make_sink(redis, bound=1000)
    sink.open(1)

    def give_up(full: Full) -> None:
        raise FailJob(full.reason)

    with pytest.raises(FailJob, match="full"):
        publish(sink, ROWS, on_full=give_up)
    assert published(redis) == ROWS[:1000]


def test_a_voided_record_stops_the_writer_at_its_next_batch(redis: Redis, sink: Sink) -> None:
    def voided() -> Iterator[Row]:
        yield from ROWS[:1500]
        make_sink(redis).void(1, "cancelled")
        yield from ROWS[1500:]

    with pytest.raises(LeaseLost):
        publish(sink, voided())
    assert published(redis) == ROWS[:1000]


def test_a_superseded_generation_starts_over(redis: Redis, sink: Sink) -> None:
    make_sink(redis).void(1, "replay", 2)
    with pytest.raises(StartOver):
        publish(sink, ROWS)


def test_a_lost_sink_record_fails_the_job(redis: Redis, sink: Sink) -> None:
    publish(sink, ROWS[:10])
    redis.delete("sink:{rows}:j1")
    with pytest.raises(FailJob, match="sink record"):
        publish(sink, ROWS)


def test_the_sink_losing_its_last_second_is_read_again(redis: Redis, sink: Sink) -> None:
    def crashed() -> Iterator[Row]:
        yield from ROWS[:2500]
        redis.flushall()
        sink.open(1)
        yield from ROWS[2500:]

    with pytest.raises(RetryLater):
        publish(sink, crashed())
    publish(sink, ROWS)
    assert published(redis) == ROWS


def test_progress_is_heard_of_after_every_batch(sink: Sink) -> None:
    heard: list[int] = []
    publish(sink, ROWS, on_kept=lambda at: heard.append(at.rows))
    assert heard == [1000, 2000, 3000, 3500]
