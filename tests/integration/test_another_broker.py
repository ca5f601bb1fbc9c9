"""With `MILLRACE_BROKER_URL` messages are on a Redis of their own, and jobs are not."""

from __future__ import annotations

from pathlib import Path

from tests.harness import RedisServer, running_redis, running_stack
from worker.broker import PREFIX, broker_settings


def test_messages_go_over_the_redis_that_is_named_for_them_and_jobs_stay_in_the_other(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    with (
        running_redis(tmp_path / "broker") as broker,
        running_stack(tmp_path / "stack", own_redis.url, MILLRACE_BROKER_URL=broker.url) as stack,
        broker.client() as messages,
    ):
        stack.app.conf.update(broker_settings(broker.url))
        job = stack.ask("mediamath.performance", "stream:rows")
        assert stack.receipt(job)["state"] == "done"
        assert {key.decode().startswith(PREFIX) for key in messages.scan_iter("*")} == {True}
        assert not [key for key in stack.redis.scan_iter("*") if key.decode().startswith(PREFIX)]
