"""What we change in Celery and kombu from outside: what they cost, what Flower sees, what they log.

Their versions are pinned, and without these changes everything works as well, only slower and with more noise.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from contextlib import suppress
from functools import cache
from typing import Any

import orjson
from billiard import einfo
from celery.events.state import Task
from celery.exceptions import Retry
from celery.states import RETRY
from celery.worker.consumer import Consumer, consumer
from kombu import Producer, serialization
from kombu.transport import redis as transport
from kombu.utils import json as kombu_json

from worker.observe import Event, log

BROKER_WAIT_SECONDS = 2.0
EVENTS_WAIT_SECONDS = 0.1
"""How long an event waits to be sent together with others."""

_describe = einfo.ExceptionInfo.__init__
_declare = Producer.maybe_declare


def patch_celery() -> None:
    """Apply everything below to this process, once."""
    make_celery_cheaper()
    take_every_answer()
    show_retries()
    send_events_together()
    leave_out_tracebacks()


# ---------------------------------------------------------------- costs


def make_celery_cheaper() -> None:
    """Use less CPU for thousands of waiting reports; what Celery does stays the same. May be repeated.

    A Redis client is reused, a queue is declared once, a retry is described without its traceback, and JSON is encoded
    and decoded by orjson.
    """
    einfo.ExceptionInfo.__init__ = _describe_failure
    transport.Channel._create_client = _get_client
    Producer.maybe_declare = _declare_unless_declared
    transport.dumps, transport.loads = _write_json, _read_json
    serialization.register("json", _write_json, _read_json, "application/json", "utf-8")


def _write_json(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
    except TypeError:
        # kombu has an encoding of its own for times, bytes and other types.
        return str(kombu_json.dumps(value))


def _read_json(text: str | bytes) -> Any:
    is_plain = (b"__type__" if isinstance(text, bytes) else "__type__") not in text  # type: ignore[operator]
    return orjson.loads(text) if is_plain else kombu_json.loads(text)


def _describe_failure(info: Any, exc_info: Any = None, internal: bool = False) -> None:
    """Describe a failure with its traceback, as billiard does, but a retry only by its reason.

    A retry is an exception, so for each poll billiard would copy and format the same frames of Celery.
    """
    if exc_info is None or exc_info[0] is not Retry:
        _describe(info, exc_info, internal)
        return
    info.type, info.tb, info.internal = Retry, None, internal
    info.traceback = f"{exc_info[1]!r}\n"
    info.exception = einfo.ExceptionWithTraceback(exc_info[1], info.traceback)


def _declare_unless_declared(producer: Any, entity: Any, retry: bool = False, **policy: Any) -> bool:
    """Declare a queue unless this connection has done so. kombu checks that too, but only after copying the queue."""
    connection = producer.channel.connection
    if connection and entity.can_cache_declaration and hash(entity) in connection.client.declared_entities:
        return False
    return bool(_declare(producer, entity, retry, **policy))


def _get_client(channel: Any, asynchronous: bool = False) -> Any:
    """The Redis client of a channel. The client for commands is reused; kombu would create one per acknowledgement."""
    if asynchronous:
        # Asynchronous clients are not reused: each has a connection of its own on which an answer is pending.
        return channel.Client(connection_pool=channel.async_pool)
    client = channel.__dict__.get("_command_client")
    if client is None or client.connection_pool is not channel.pool:
        client = channel._command_client = channel.Client(connection_pool=channel.pool)
    return client


def take_every_answer() -> None:
    """Make a worker take a message that Redis has sent, even if it holds as many as it may by now.

    kombu would leave it in the socket, so the event loop would be called again at once, for as long as all threads are
    busy. It uses a whole core then, and the threads wait for the interpreter lock.
    """
    transport.MultiChannelPoller.on_readable = _take_answer


def _take_answer(poller: Any, descriptor: int) -> None:
    # Absent: the connection broke after the event loop had found it readable. kombu would raise KeyError.
    if known := poller._fd_to_chan.get(descriptor):
        channel, kind = known
        channel.handlers[kind]()


@cache
def _bell() -> tuple[int, int]:
    """A pipe whose end to read is in the event loop, to wake it from another thread."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


# ---------------------------------------------------------------- events


def show_retries() -> None:
    """Make Flower show a step that waits for its next attempt as RETRY, with only the reason as its exception.

    A worker receives the message of the next attempt at once and holds it until it is due. Flower would show the step
    as RECEIVED from then on, which hides that it is being retried.
    """
    apply_event = Task.event

    def event(
        self: Task,
        type_: str,
        timestamp: float,
        local_received: float,
        fields: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        is_held = type_ == "received" and self.state == RETRY and bool(fields and fields.get("eta"))
        if not is_held:
            apply_event(self, type_, timestamp, local_received, fields, **more)

    Task.event = event
    Retry.__repr__ = lambda retry: str(retry.excs or retry.message)


def send_events_together() -> None:
    """Send the events of a tenth of a second in one message. By default each is sent at once: three for each poll."""
    Consumer.on_send_event_buffered = _schedule_sending


def _schedule_sending(consumer: Any) -> None:
    if consumer.hub and not vars(consumer).get("_sends_events"):
        consumer._sends_events = True
        consumer.hub.call_later(EVENTS_WAIT_SECONDS, _send, consumer)


def _send(consumer: Any) -> None:
    consumer._sends_events = False
    consumer._flush_events()


# ---------------------------------------------------------------- the consumer, and log lines


class TerseConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery's consumer, with one line in the log where Celery's own writes a traceback: see `worker_consumer`."""

    def register_with_event_loop(self, hub: Any) -> None:
        """Also wake the loop when a thread begins with a message and there is room for another one.

        While there is no room, the loop asks Redis for nothing, and would notice only at its next timer.
        """
        super().register_with_event_loop(hub)
        if self.app.conf.worker_disable_prefetch:  # the loop hears of processes through their pipes
            return
        listen, ring = _bell()
        hub.add_reader(listen, os.read, listen, 4096)
        held = self.task_consumer.channel.qos
        acknowledge = held.ack

        def acknowledge_and_wake(tag: str) -> None:
            was_full = not held.can_consume()
            acknowledge(tag)
            if was_full:
                with suppress(BlockingIOError):  # it has been rung more often than it was heard
                    os.write(ring, b".")

        held.ack = acknowledge_and_wake

    def on_unknown_task(self, body: Any, message: Any, exc: KeyError) -> None:
        """Drop the message: the sweep sends it again, until a worker gets it that knows the task."""
        log.warning(Event.NUDGE_UNKNOWN, task=exc.args[0])
        message.reject_log_error(log, self.connection_errors)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Say why the broker cannot be used, and wait a moment before the next connection.

        A replica or a full Redis accepts connections, so Celery would try again at once.
        """
        log.warning(Event.REDIS_AWAY, why=f"{type(exc).__name__}: {exc}")
        with warnings.catch_warnings(action="ignore"):  # Celery repeats each time how a later version will do this
            super().on_connection_error_after_connected(exc)
        # Not `wait_until_stopping`: the signal that ends such a wait arrives on this thread.
        time.sleep(BROKER_WAIT_SECONDS)


def leave_out_tracebacks() -> None:
    """Leave out what Celery's worker and beat log of a lost connection besides: beat alone logs 150 lines each time."""
    logging.getLogger(consumer.__name__).addFilter(lambda line: line.msg != consumer.CONNECTION_RETRY)
    logging.getLogger("celery.beat").addFilter(_shorten)


def _shorten(line: logging.LogRecord) -> bool:
    if line.exc_info and isinstance(line.args, tuple):
        line.msg, line.args, line.exc_info = "%s", line.args[:1], None
    return True
