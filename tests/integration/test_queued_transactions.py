"""Batches that a real Redis has queued before it may add them are added once and in order, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.sinks import READING, batch, position, sink_job
from worker.errors import RetryLater, SinkFull
from worker.model import Checkpoint, Rows
from worker.publish.pipeline import Publication
from worker.sinks import queued_transactions
from worker.sinks.kinds import open_sink, parse_address
from worker.sinks.sink import BatchSize, Sink

ROWS: list[bytes] = [b'{"n":%d}' % n for n in range(1, 61)]


def make_sink(redis: Redis, *, bound: int = 0, rows_per_entry: int = 1) -> Sink:
    """A sink that adds three rows at once."""
    address = parse_address(f"stream:rows?rows_per_entry={rows_per_entry}")
    sink = open_sink(address, sink_job(redis=redis, bound=bound))
    vars(sink)["batch_size"] = BatchSize(3, 1_000)
    return sink


@pytest.fixture
def sink(redis: Redis) -> Iterator[Sink]:
    redis.config_resetstat()
    sink = make_sink(redis)
    sink.open(1)
    yield sink
    sink.release()


def rows_of(entries: Any) -> list[bytes]:
    return [row for _, fields in entries for row in fields.get(b"rows", fields.get(b"row")).splitlines()]


def rows_in(redis: Redis) -> list[bytes]:
    return rows_of(redis.xrange("rows"))


def transactions_executed(redis: Redis) -> int:
    stats: dict[str, dict[str, int]] = redis.info("commandstats")
    return stats.get("cmdstat_exec", {}).get("calls", 0)


def close_connections(redis: Redis) -> None:
    redis.client_kill_filter(_type="normal", skipme=True)


def test_a_batch_is_queued_while_the_one_before_it_is_added_and_added_when_it_is_begun(
    redis: Redis, sink: Sink
) -> None:
    first = sink.prepare_commit(1, 1, batch(READING, 1, 2))()
    begin = sink.prepare_commit(1, 1, batch(READING, 3, 4))
    assert first() == position(READING, 2)
    assert rows_in(redis) == [*READING[:2]]
    assert max(int(client["multi"]) for client in redis.client_list()) > 2
    assert begin()() == position(READING, 4)
    assert rows_in(redis) == [*READING[:4]]
    assert transactions_executed(redis) == 2


def test_what_was_queued_is_discarded_when_the_sink_is_released(redis: Redis, sink: Sink) -> None:
    answer = sink.prepare_commit(1, 1, batch(READING, 1, 2))()
    sink.prepare_commit(1, 1, batch(READING, 3, 4))
    answer()
    sink.release()
    assert {client["multi"] for client in redis.client_list()} <= {"-1", "0"}
    assert sink.checkpoint(1, 1) == position(READING, 2)


def test_the_next_page_of_a_process_begins_no_transactions_of_its_own(redis: Redis, sink: Sink) -> None:
    for page in (1, 2, 3):
        following = make_sink(redis)
        for first in (1, 3):
            answer = following.prepare_commit(1, page, batch(READING, first, first + 1))()
            assert answer() == position(READING, first + 1)
        following.close(1, page, position(READING, 4))
        following.release()
    stats = redis.info("commandstats")
    assert "cmdstat_discard" not in stats
    assert stats["cmdstat_multi"]["calls"] == 1 + 6  # each EXEC begins the next as well


def test_a_process_that_was_forked_leaves_its_parent_s_connections_alone(redis: Redis, sink: Sink) -> None:
    sink.commit(1, 1, batch(READING, 1, 2))
    redis.config_resetstat()
    child = os.fork()
    if not child:
        os._exit(0 if sink.commit(1, 1, batch(READING, 3, 4)) == position(READING, 4) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert redis.info("commandstats")["cmdstat_multi"]["calls"] == 2  # on a connection of its own, and after its EXEC
    assert sink.commit(1, 1, batch(READING, 5, 6)) == position(READING, 6)
    assert rows_in(redis) == [*READING[:6]]


def test_what_was_queued_and_not_begun_is_never_added(redis: Redis, sink: Sink) -> None:
    sink.commit(1, 1, batch(READING, 1, 2))
    sink.prepare_commit(1, 1, batch(READING, 3, 4))
    abandoned = sink.prepare_commit(1, 1, batch(READING, 3, 5))
    assert sink.commit(1, 1, batch(READING, 3, 6)) == position(READING, 6)
    assert abandoned()() == position(READING, 6)
    assert rows_in(redis) == [*READING[:6]]


@pytest.mark.parametrize("hurt", ["connections closed", "scripts forgotten"])
@pytest.mark.parametrize("when", ["while one is added", "while the next is queued"])
def test_after_a_failure_rows_are_added_by_transactions_again(redis: Redis, sink: Sink, hurt: str, when: str) -> None:
    sink.commit(1, 1, batch(READING, 1, 2))
    answer = sink.prepare_commit(1, 1, batch(READING, 3, 4))()
    hurt_now = redis.script_flush if hurt == "scripts forgotten" else lambda: close_connections(redis)
    if when == "while one is added":
        hurt_now()
    begin_next = sink.prepare_commit(1, 1, batch(READING, 5, 6))
    if when == "while the next is queued":
        hurt_now()
    assert answer() == position(READING, 4)
    assert begin_next()() == position(READING, 6)
    assert sink.commit(1, 1, batch(READING, 7, 8)) == position(READING, 8)
    before = transactions_executed(redis)
    assert sink.commit(1, 1, batch(READING, 9, 9)) == position(READING, 9)
    assert transactions_executed(redis) == before + 1
    assert rows_in(redis) == [*READING]


def test_a_connection_that_was_closed_while_it_was_idle_is_replaced(
    redis: Redis, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queued_transactions, "MOST_IDLE_SECONDS", 0)
    for last in (2, 4, 6, 8):
        assert sink.commit(1, 1, batch(READING, last - 1, last)) == position(READING, last)
        close_connections(redis)
    assert transactions_executed(redis) == 4
    assert rows_in(redis) == [*READING[:8]]


def test_where_transactions_never_succeed_only_three_are_tried(redis: Redis) -> None:
    redis.execute_command("ACL SETUSER without-transactions on nopass ~* &* +@all -multi")
    at = {**redis.get_connection_kwargs(), "username": "without-transactions", "password": "any"}
    sink = make_sink(Redis(**at))
    sink.open(1)
    for row in range(1, 7):
        redis.config_resetstat()
        assert sink.commit(1, 1, batch(READING, row, row)) == position(READING, row)
        assert ("cmdstat_multi" in redis.info("commandstats")) == (row <= 3)
    assert rows_in(redis) == [*READING[:6]]
    sink.release()
    redis.acl_deluser("without-transactions")


FAULTS = ("nothing", "connections closed", "scripts forgotten", "rows of another worker", "a reader takes all")


@given(
    when_read=st.lists(st.sampled_from(FAULTS), max_size=30),
    when_kept=st.lists(st.sampled_from(FAULTS), max_size=30),
    bound=st.sampled_from([0, 4, 10]),
    rows_per_entry=st.sampled_from([1, 2, 500]),
    others=st.integers(1, 7),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_row_is_added_once_and_in_order_after_any_failure_between_batches(
    redis: Redis, when_read: list[str], when_kept: list[str], bound: int, rows_per_entry: int, others: int
) -> None:
    redis.flushall()
    taken: list[bytes] = []
    sink = make_sink(redis, bound=bound, rows_per_entry=rows_per_entry)
    sink.open(1)

    def take(*_: object) -> None:
        with redis.pipeline() as both:  # a transaction: rows may be added at any time
            entries, _ = both.xrange("rows").xtrim("rows", maxlen=0).execute()
        taken.extend(rows_of(entries))

    def add_as_another_worker() -> None:
        other = make_sink(redis, rows_per_entry=rows_per_entry)
        with suppress(RetryLater):
            publish(other, cut_reading(other.checkpoint(1, 1).rows + others))
        other.release()

    acts = {
        "nothing": lambda: None,
        "connections closed": lambda: close_connections(redis),
        "scripts forgotten": redis.script_flush,
        "rows of another worker": add_as_another_worker,
        "a reader takes all": take,
    }

    def next_of(faults: list[str]) -> Any:
        left = iter(faults)
        return lambda *_: acts[next(left, "nothing")]()

    publish(sink, map(Rows.of, ([row] for row in ROWS)), next_of(when_read), next_of(when_kept), take)
    sink.release()
    assert taken + rows_in(redis) == ROWS
    assert {client["multi"] for client in redis.client_list()} <= {"-1", "0"}


def cut_reading(rows: int) -> Iterator[Rows]:
    yield Rows.of(ROWS[:rows])
    raise RetryLater("cut")


def publish(
    sink: Sink,
    blocks: Iterator[Rows],
    on_read: Any = lambda: None,
    on_commit: Any = lambda _: None,
    on_full: Any = None,
) -> Checkpoint:
    def fail(full: SinkFull) -> None:
        raise RetryLater(full.reason)

    publication = Publication(sink, 1, 1, on_read=on_read, on_commit=on_commit, on_full=on_full or fail)
    publication.start()
    return publication.publish(blocks)
