"""What is cached between messages equals what would be made again."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

from billiard import einfo
from celery import Celery, Task
from celery.events import state
from celery.exceptions import Retry
from celery.worker.consumer import Consumer
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection, Exchange, Queue
from kombu.transport.virtual import QoS
from kombu.utils import json as kombu_json
from redis.exceptions import ConnectionError  # noqa: A004

from config.celery import celery_settings
from worker.broker import put_back_quietly
from worker.celery_patches import make_celery_cheaper, send_events_together, show_retries
from worker.errors import RetryLater

numbers = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text() | st.binary() | st.just(datetime(2026, 7, 1, tzinfo=UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_a_failure_is_described_by_its_traceback_and_a_retry_by_its_reason() -> None:
    make_celery_cheaper()
    described = []
    for error in (ValueError("no"), Retry(exc=RetryLater("busy"))):
        try:
            raise error
        except (ValueError, Retry):
            described.append(einfo.ExceptionInfo(sys.exc_info()))
    failure, retry = described
    assert failure.traceback.endswith("raise error\nValueError: no\n")
    assert traceback.extract_tb(failure.tb)[0].lineno
    assert (retry.type, retry.exception.exc, retry.tb) == (Retry, error, None)
    assert "busy" in retry.traceback
    assert "line" not in retry.traceback


def test_a_channel_has_one_client_for_commands_and_others_for_answers_under_way() -> None:
    make_celery_cheaper()
    # Nothing is connected to: clients are made, and none is used.
    channel = unconnected_channel()
    first = channel._create_client()
    assert channel._create_client() is first
    assert channel._create_client(asynchronous=True) is not first
    channel._pool = None
    assert channel._create_client() is not first


def test_a_queue_is_declared_once_for_each_connection() -> None:
    make_celery_cheaper()
    queue = Queue("once", Exchange("once"), routing_key="once")
    for _ in range(2):
        with Connection("memory://") as connection:
            producer = connection.Producer()
            assert [producer.maybe_declare(queue) for _ in range(2)] == [True, False]
            producer.publish({}, exchange="once", routing_key="once")
            assert queue(connection.channel()).get() is not None


@given(values)
def test_json_is_what_kombu_writes_and_reads(value: object) -> None:
    make_celery_cheaper()
    from kombu.transport import redis

    text = redis.dumps(value)
    assert kombu_json.loads(text) == kombu_json.loads(kombu_json.dumps(value)) == redis.loads(text)
    assert redis.loads(kombu_json.dumps(value)) == kombu_json.loads(kombu_json.dumps(value))


def test_events_are_sent_a_moment_later_and_together() -> None:
    send_events_together()
    due: list[Callable[[], None]] = []
    sent: list[str] = []

    class Waiting:
        hub = SimpleNamespace(call_later=lambda _, act, consumer: due.append(lambda: act(consumer)))
        on_send_event_buffered = Consumer.on_send_event_buffered

        def _flush_events(self) -> None:
            sent.append("flushed")

    consumer = Waiting()
    for _ in range(3):
        consumer.on_send_event_buffered()
    assert sent == []
    due.pop()()
    assert (sent, due) == (["flushed"], [])
    consumer.on_send_event_buffered()
    assert len(due) == 1


def unconnected_channel() -> object:
    from kombu.transport.redis import Channel

    class Unconnected(Channel):
        def __init__(self) -> None:
            self._pool = self._async_pool = None
            self.connection = type("V", (), {"client": Connection("redis://127.0.0.1:1")})()
            self.Client = self._get_client()

    return Unconnected()


# ---------------------------------------------------------------- what watchers are shown


def test_a_step_that_waits_for_its_next_attempt_shows_as_retry_until_that_begins() -> None:
    show_retries()
    task, states = state.Task(uuid="1"), []
    events = {"received": {}, "started": {}, "retried": {"exception": "busy"}}
    later = {"received": {"eta": "2026-11-26T01:00:15"}, "started": {}, "succeeded": {"result": "'ready'"}}
    for at, (kind, fields) in enumerate([*events.items(), *later.items()]):
        task.event(kind, float(at), float(at), dict(fields))
        states.append(task.state)
    assert states == ["RECEIVED", "STARTED", "RETRY", "RETRY", "STARTED", "SUCCESS"]


def test_a_retry_is_shown_as_its_reason_only() -> None:
    show_retries()
    assert repr(Retry(exc=RetryLater("the vendor is busy"), when=15)) == "RetryLater('the vendor is busy')"
    assert repr(Retry("soon")) == "soon"


# ---------------------------------------------------------------- settings


def test_a_step_is_retried_as_often_as_it_takes() -> None:
    app = Celery("tests", set_as_current=False)
    app.conf.update(celery_settings({"broker_url": "memory://"}, 30))

    @app.task(name="report.poll", bind=True)
    def poll(self: Task) -> int:
        if self.request.retries < 10:
            raise self.retry(countdown=0, max_retries=None)
        return int(self.request.retries)

    assert poll.apply().get() == 10


def held_messages(*, taken: list[str], most: int) -> QoS:
    """Three messages on a channel that takes so many back before its server is gone."""

    def restore(message: str) -> None:
        if len(taken) == most:
            raise ConnectionError("gone")
        taken.append(message)

    held = QoS(SimpleNamespace(_restore=restore, do_restore=True))
    for number in range(3):
        held.append(f"message {number}", str(number))
    return held


def test_held_messages_are_put_back_but_for_those_that_were_acknowledged() -> None:
    put_back_quietly()
    taken: list[str] = []
    held = held_messages(taken=taken, most=3)
    held.ack("1")
    held.restore_unacked_once()
    assert taken == ["message 0", "message 2"]


def test_messages_a_server_does_not_take_back_are_left_to_the_sweep_without_trying_each_one() -> None:
    put_back_quietly()
    taken: list[str] = []
    held = held_messages(taken=taken, most=1)
    assert held.restore_unacked() == []
    assert taken == ["message 0"]
    held.restore_unacked_once()
    assert taken == ["message 0"]
