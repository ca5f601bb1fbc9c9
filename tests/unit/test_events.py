"""Events: one reading for all clients, to each what has changed for it; a Redis that is away is an event too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisAway

from worker.api.events import Feed, job_events


class Jobs:
    """What the feed looks at: a list of rounds, the last of them for ever."""

    def __init__(self, *rounds: Any) -> None:
        self.rounds = list(rounds)
        self.looks: list[list[str]] = []

    def __call__(self, topics: Sequence[str]) -> dict[str, Any]:
        self.looks.append(sorted(topics))
        value = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        if isinstance(value, Exception):
            raise value
        return dict.fromkeys(topics, value)


def job(state: str, rows: int = 0) -> dict[str, Any]:
    return {"state": state, "rows": rows, "receipt": {"rows": rows} if state == "done" else None}


def heard(jobs: Jobs, *watched: str) -> list[list[str]]:
    """The names of the events each watcher hears, in order."""

    async def names(feed: Feed, job_id: str) -> list[str]:
        return [event.decode().split("\n")[0].removeprefix("event: ") async for event in job_events(feed, job_id)]

    async def all_of_them() -> list[list[str]]:
        feed = Feed(jobs, every_seconds=0)
        return list(await asyncio.gather(*(names(feed, job_id) for job_id in watched)))

    return asyncio.run(all_of_them())


def test_events_report_each_state_of_a_job_and_nothing_that_has_not_changed() -> None:
    rounds = [job("queued"), job("queued"), job("streaming"), job("streaming", 5), job("streaming", 5), job("done", 9)]
    assert heard(Jobs(*rounds), "j") == [["state", "state", "progress", "state", "end"]]


def test_events_of_an_ended_job_come_at_once() -> None:
    assert heard(Jobs(job("done", 9)), "j") == [["state", "end"]]


def test_however_many_watch_everything_is_looked_at_once_a_round() -> None:
    jobs = Jobs(job("queued"), job("streaming"), job("done", 1))
    assert heard(jobs, "a", "b", "a") == [["state", "state", "state", "end"]] * 3
    assert jobs.looks[:3] == [["a", "b"]] * 3


def test_while_redis_is_away_clients_learn_it_and_events_continue_when_it_is_back() -> None:
    rounds = [job("queued"), RedisAway(), RedisAway(), job("done", 1)]
    assert heard(Jobs(*rounds), "j") == [["state", "waits", "state", "end"]]


def test_a_bug_ends_the_stream_instead_of_leaving_it_silent() -> None:
    with pytest.raises(KeyError):
        heard(Jobs(job("queued"), KeyError("id")), "j")
