"""What is kept between messages is what would have been made anew."""

from __future__ import annotations

import sys
import traceback

from billiard import einfo
from kombu import Connection

from worker.celery_costs import cache_repeated_work


def raised() -> einfo.ExceptionInfo:
    try:
        int("no")
    except ValueError:
        return einfo.ExceptionInfo(sys.exc_info())


def test_a_failure_is_pictured_as_before_and_each_function_once() -> None:
    cache_repeated_work()
    first, second = raised(), raised()
    assert "ValueError: invalid literal" in first.traceback
    assert 'in raised\n    int("no")' in first.traceback
    assert first.tb.tb_frame.f_code is second.tb.tb_frame.f_code
    assert traceback.extract_tb(first.tb)[0].name == "raised"


def test_a_channel_has_one_client_for_commands_and_others_for_answers_under_way() -> None:
    cache_repeated_work()
    # Nothing is connected to: clients are made, and none is used.
    channel = _channel()
    first = channel._create_client()
    assert channel._create_client() is first
    assert channel._create_client(asynchronous=True) is not first
    channel._pool = None
    assert channel._create_client() is not first


def _channel() -> object:
    from kombu.transport.redis import Channel

    class Unconnected(Channel):
        def __init__(self) -> None:
            self._pool = self._async_pool = None
            self.connection = type("V", (), {"client": Connection("redis://127.0.0.1:1")})()
            self.Client = self._get_client()

    return Unconnected()
