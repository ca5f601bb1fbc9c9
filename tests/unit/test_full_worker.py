"""A worker that holds as many messages as it may waits without spinning, and goes on as soon as a thread is free."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker.consumer import Consumer
from kombu.transport.redis import MultiChannelPoller

from worker import celery
from worker.celery_patches import TerseConsumer


def test_an_answer_is_read_by_a_worker_that_has_become_full_since_it_asked() -> None:
    read: list[str] = []
    full = SimpleNamespace(
        qos=SimpleNamespace(can_consume=lambda: False), handlers={"BRPOP": lambda: read.append("BRPOP")}
    )
    poller = MultiChannelPoller()
    poller._fd_to_chan[5] = full, "BRPOP"
    poller.on_readable(5)
    assert read == ["BRPOP"]


def test_an_answer_on_a_connection_that_broke_in_the_meantime_is_ignored() -> None:
    MultiChannelPoller().on_readable(5)


def test_the_event_loop_is_woken_when_a_full_worker_begins_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Consumer, "register_with_event_loop", lambda consumer, hub: None)
    heard: dict[int, tuple[Any, ...]] = {}
    is_full = [False]
    held = SimpleNamespace(can_consume=lambda: not is_full[0], ack=lambda tag: None)
    consumer = object.__new__(TerseConsumer)
    consumer.app, consumer.task_consumer = celery.app, SimpleNamespace(channel=SimpleNamespace(qos=held))
    consumer.register_with_event_loop(SimpleNamespace(add_reader=lambda end, *call: heard.update({end: call})))
    ((end, (read, *args)),) = heard.items()
    held.ack("1")
    with pytest.raises(BlockingIOError):
        os.read(end, 1)
    is_full[0] = True
    held.ack("2")
    assert read(*args) == b"."
