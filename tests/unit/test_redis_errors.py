"""The answers of a Redis that cannot serve are in one list, for its clients, the broker and the sinks."""

from __future__ import annotations

import pytest
from kombu.transport.redis import Transport
from redis.connection import DefaultParser
from redis.exceptions import ConnectionError, ReadOnlyError, RedisError, ResponseError  # noqa: A004

from worker.broker import keep_waiting_for_broker
from worker.redis_errors import is_temporary

ANSWERS = [
    "READONLY You can't write against a read only replica.",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "LOADING Redis is loading the dataset in memory",
    "NOREPLICAS Not enough good replicas to write.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "BUSY Redis is busy running a script.",
    "ERR max number of clients reached",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_of_a_redis_that_cannot_serve_is_waited_on_by_everybody(answer: str) -> None:
    keep_waiting_for_broker()
    error = DefaultParser.parse_error(answer)
    assert isinstance(error, ConnectionError)
    assert isinstance(error, Transport.connection_errors)
    assert is_temporary(error)


def test_a_broker_that_is_full_is_waited_on_too() -> None:
    keep_waiting_for_broker()
    error = DefaultParser.parse_error("OOM command not allowed when used memory > 'maxmemory'.")
    assert isinstance(error, Transport.connection_errors)
    assert not is_temporary(error)


def test_errors_inside_a_script_of_redis_6_are_recognized_by_their_text() -> None:
    text = "Error running script (call to f_1): @user_script:1: -READONLY You can't write against a read only replica."
    assert is_temporary(ResponseError(text))
    assert isinstance(DefaultParser.parse_error("READONLY x"), ReadOnlyError)


@pytest.mark.parametrize("answer", ["WRONGTYPE Operation against a key", "ERR unknown command", "NOPERM no rights"])
def test_other_errors_are_not_waited_for(answer: str) -> None:
    keep_waiting_for_broker()
    error: RedisError = DefaultParser.parse_error(answer)
    assert not isinstance(error, Transport.connection_errors)
    assert not is_temporary(error)
