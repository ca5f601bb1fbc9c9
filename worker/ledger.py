"""The ledger: the durable record of every job. A Celery message only has the id of a job in it.

Every method that changes a job runs one Lua script, which checks the job's state and the caller's fencing token. So a
method may be repeated, and may lose a race, without harm. Times come from Redis, unless a test passes its own clock.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import orjson
from redis import Redis

from worker import keys
from worker.metrics import take_counted
from worker.model import FINISHED, UNFINISHED, Checkpoint, Job, JobState, Json, Lease, WaitsOn
from worker.scripts import Argument, Script, time_argument

LONGEST_GRACE_SECONDS = 300
SWEEP_AT_MOST = 500
POLL_EARLY_SECONDS = 2

_NAMES = (
    "make take take_page renew move note give_back plan close_page restart reopen_pages verdict end retry sweep wait"
).split()
_SCRIPTS = {name: Script(f"ledger_{name}", "clock", "ledger_leases") for name in _NAMES}

# How a field of a job's hash in Redis is read, by its type in `worker.model.Job`; any other type is text.
_READERS: dict[str, Callable[[bytes], Any]] = {
    "int": int,
    "float": float,
    "Json": orjson.loads,
    "dict[str, str]": orjson.loads,
    "tuple[str, ...]": lambda text: tuple(orjson.loads(text)),
}
_READER_OF_FIELD = {
    field.name: _READERS.get(str(field.type).removesuffix(" | None"), bytes.decode) for field in dataclasses.fields(Job)
}


class Ledger:
    """The ledger in one Redis. Safe to share between threads."""

    def __init__(
        self,
        redis: Redis,
        *,
        lease_seconds: float = 8,
        keep_finished_seconds: float = 30 * 86_400,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.redis = redis
        self.lease_seconds = lease_seconds
        # How long a nudge may take to reach a worker before the work is nudged again.
        self._grace_seconds = lease_seconds
        # How long after its end a lease is swept, in case its holder is only late to renew it.
        self._slack_seconds = lease_seconds / 8
        self._keep_seconds = keep_finished_seconds
        self._clock = clock

    def _run(self, name: str, job_id: str, *args: Argument, more_keys: tuple[str, ...] = ()) -> Any:
        return _SCRIPTS[name](self.redis, [keys.job(job_id), *more_keys], [time_argument(self._clock), *args])

    def _run_on_pages(self, name: str, job_id: str, *args: Argument) -> Any:
        return self._run(name, job_id, *args, more_keys=(keys.pages(job_id),))

    def now(self) -> float:
        """The time by the clock that all leases and deadlines use."""
        if self._clock is not None:
            return self._clock()
        seconds, microseconds = self.redis.time()
        return float(seconds + microseconds / 1e6)

    # ------------------------------------------------------------ making and reading

    def make(
        self,
        job_id: str,
        fields: Mapping[str, str],
        *,
        fingerprint: str,
        may_join: bool,
        ready_within: float,
        finish_within: float,
        webhooks: tuple[str, ...] = (),
    ) -> tuple[str, bool]:
        """Create a job, or join an unfinished one with this fingerprint; returns its id and whether it was joined."""
        flat = [part for pair in fields.items() for part in pair]
        answer = self._run(
            "make", job_id, job_id, int(may_join), self._grace_seconds, ready_within, finish_within,
            orjson.dumps(webhooks), *flat, more_keys=(keys.fingerprint(fingerprint), keys.JOBS),
        )  # fmt: skip
        return answer[0].decode(), bool(answer[1])

    def job(self, job_id: str) -> Job | None:
        """The job as it is now; None if there is none."""
        # Other keys of a job begin with the job's own, followed by a colon.
        fields = {} if ":" in job_id else self.redis.hgetall(keys.job(job_id))
        return _job_from(fields) if fields else None

    def jobs(self, *, state: JobState | None = None, count: int = 100) -> list[Job]:
        """Jobs, the latest first."""
        return [*self.jobs_by_id([job_id for job_id, _ in self.list_ids(state, count=count)]).values()]

    def list_ids(
        self, state: JobState | None, *, before: tuple[str, float] | None = None, count: int
    ) -> list[tuple[str, float]]:
        """Ids of jobs, the latest first, each with the time by which it is sorted; only those after `before`."""
        key = keys.jobs_in(state) if state else keys.JOBS
        highest = "+inf" if before is None else repr(before[1])
        # Redis sorts jobs of the same microsecond by their ids, the highest first.
        more = 0 if before is None else self.redis.zcount(key, highest, highest)
        found = self.redis.zrevrangebyscore(key, highest, "-inf", start=0, num=count + more, withscores=True)
        ids = [(job_id.decode(), at) for job_id, at in found]
        return [(job_id, at) for job_id, at in ids if not before or (at, job_id) < (before[1], before[0])][:count]

    def jobs_by_id(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs with these ids, in this order and in one round trip to Redis; unknown ids are left out."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hgetall(keys.job(job_id))
            found = zip(job_ids, pipeline.execute(), strict=True)
        return {job_id: _job_from(fields) for job_id, fields in found if fields}

    def count_by_state(self) -> dict[JobState, int]:
        """How many jobs are in each state."""
        states = (*UNFINISHED, *FINISHED)
        with self.redis.pipeline(transaction=False) as pipeline:
            for state in states:
                pipeline.zcard(keys.jobs_in(state))
            return dict(zip(states, pipeline.execute(), strict=True))

    def has_unfinished(self) -> bool:
        """Is there a job that has not ended?"""
        return any(self.redis.zcard(keys.jobs_in(state)) for state in UNFINISHED)

    def keep_source(self, digest: str, text: bytes) -> None:
        """Store a source as it is now: its jobs keep using it even if the file is changed or removed."""
        self.redis.set(keys.source(digest), text)

    def source(self, digest: str) -> bytes | None:
        """The source that a job was made from (JSON); None if it is missing."""
        kept: bytes | None = self.redis.get(keys.source(digest))
        return kept

    # ------------------------------------------------------------ leases

    def take(self, job_id: str, *states: str, poll: int | None = None) -> Lease | str:
        """Take the lease of the step that leaves one of `states`; returns the reason if there is nothing to do.

        With `poll`, the number in the nudge, only the poll that is due is taken.
        """
        answer = self._run(
            "take", job_id, job_id, f" {' '.join(states)} ", self.lease_seconds, self._slack_seconds,
            "" if poll is None else poll, POLL_EARLY_SECONDS,
        )  # fmt: skip
        if answer[0] == 0:
            return str(answer[1].decode())
        fields = _pairs(answer[1:])
        job, taken_at = _job_from(fields), float(fields[b"since"])
        return Lease(job, answer[0], taken_at, attempts=job.attempts, reason=job.reason)

    def take_page(self, job_id: str, page: int) -> Lease | str:
        """Take the lease of a page; returns the reason if there is nothing to do."""
        answer = self._run_on_pages("take_page", job_id, job_id, page, self.lease_seconds, self._slack_seconds)
        if answer[0] == 0:
            return str(answer[1].decode())
        token, taken_at, attempts = answer[0], float(answer[1]), int(answer[2])
        reason, link = answer[3].decode(), answer[4].decode() or None
        rows, dead_rows, bytes_ = (int(count) for count in answer[5:8])
        on_record = Checkpoint(rows, dead_rows=dead_rows, bytes=bytes_)
        return Lease(_job_from(_pairs(answer[8:])), token, taken_at, page, attempts, reason, link, on_record)

    def renew(self, lease: Lease, at: Checkpoint = Checkpoint()) -> bool:  # noqa: B008 - it is frozen
        """Renew a lease, of a page with its progress so far; False if it is lost or the job has a verdict."""
        key, member, prefix = _address(lease)
        answer = self._run(
            "renew", lease.job.id, member, prefix, lease.token, self.lease_seconds, self._slack_seconds,
            at.rows, at.dead_rows, at.bytes, more_keys=(key,),
        )  # fmt: skip
        return bool(answer)

    def give_back(
        self, lease: Lease, reason: str, *, due_seconds: float, is_attempt: bool, waits_on: WaitsOn = "retry"
    ) -> int | None:
        """End the lease with the work undone; returns the attempts so far, None if the lease is lost."""
        key, member, prefix = _address(lease)
        attempts = self._run(
            "give_back", lease.job.id, member, prefix, lease.token, due_seconds + self._grace_seconds,
            int(is_attempt), reason, waits_on, due_seconds, take_counted(), more_keys=(key,),
        )  # fmt: skip
        return None if attempts < 0 else attempts

    def note_wait(self, lease: Lease, waits_on: WaitsOn, why: str) -> None:
        """Store, for people, what the holder of a lease waits for; its next progress clears it."""
        key, _, prefix = _address(lease)
        self._run("wait", lease.job.id, prefix, lease.token, waits_on, why, more_keys=(key,))

    # ------------------------------------------------------------ moves

    def note(self, lease: Lease, **fields: str | int | float) -> bool:
        """Store fields of the job; False if the lease is lost. A value '@SECONDS' is a time that far from now."""
        return bool(self._run("note", lease.job.id, lease.token, *_flat(fields)))

    def move(self, lease: Lease, to: JobState, *, due_seconds: float = 0, **fields: str | int | float) -> bool:
        """Move the job from the state in which it was taken to another, and end the lease; False if the lease is lost.

        A field's value '@SECONDS' is a time that many seconds from now.
        """
        job = lease.job
        due = due_seconds + self._grace_seconds
        return bool(self._run("move", job.id, job.id, lease.token, job.state, to, due, take_counted(), *_flat(fields)))

    def plan(self, lease: Lease, pages: int, *, at_once: int) -> list[int] | None:
        """Move a ready job to streaming; returns the pages to nudge, None if the lease is lost."""
        nudged = self._run_on_pages(
            "plan", lease.job.id, lease.job.id, lease.token, pages, at_once, self._grace_seconds
        )
        return None if nudged == [0] else nudged

    def close_page(
        self,
        lease: Lease,
        end: Checkpoint,
        *,
        planned: int,
        link: str | None,
        total: int | None,
        last_count: int | None,
        at_once: int,
        is_open: bool = False,
        has_end: bool = True,
    ) -> tuple[Literal["lost", "total", "loop", "repeated", "streamed", "closed"], list[int]]:
        """Close a page at its `end` and register the pages that follow it; returns the outcome and the pages to nudge.

        Once the closed pages have `last_count` rows, paging is over: the next link is dropped, and no page after those
        planned is opened. `is_open` allows one more page while they have fewer. With the outcome `repeated`, the page
        returned is the one with the same rows.
        """
        answer = self._run_on_pages(
            "close_page", lease.job.id, lease.job.id, lease.page, lease.token, planned, link or "",
            "" if total is None else total, at_once, self._grace_seconds, end.rows, end.dead_rows, end.bytes,
            int(has_end), end.digest if end.rows else "", "" if last_count is None else last_count, int(is_open),
            take_counted(),
        )  # fmt: skip
        return answer[0].decode(), [int(page) for page in answer[1:]]

    def restart(self, job: Job, *, ask_anew: bool = False) -> int:
        """Begin the generation after `job.generation`; returns the current one, 0 if the job is not streaming.

        If it was begun before, nothing changes.
        """
        state = "queued" if ask_anew else "ready"
        return int(self._run_on_pages("restart", job.id, job.id, job.generation, self._grace_seconds, state))

    def reopen_pages(self, lease: Lease, pages: tuple[int, ...]) -> bool:
        """Move a streamed job back to streaming, for pages that the sink lacks; False if the lease is lost."""
        return bool(
            self._run_on_pages("reopen_pages", lease.job.id, lease.job.id, lease.token, self._grace_seconds, *pages)
        )

    def decide(
        self, job_id: str, verdict: Literal["failed", "cancelled"], reason: str, *, report_is_cause: bool = False
    ) -> tuple[Literal["decided", "ended", "none"], str]:
        """Give a job its verdict, unless it has one. `worker.jobs.finish.end_job` then ends it."""
        answer = self._run("verdict", job_id, job_id, verdict, reason, int(report_is_cause))
        return answer[0].decode(), answer[1].decode() if len(answer) > 1 else ""

    def end(self, job_id: str, state: JobState, *, error: str | None, receipt: Json) -> JobState:
        """End a job; returns its final state, which differs from `state` if another worker ended it first."""
        text = orjson.dumps(receipt)
        answer = self._run_on_pages("end", job_id, job_id, state, error or "", text, int(self._keep_seconds))
        final: JobState = answer.decode()
        return final

    def retry(self, job_id: str) -> tuple[Literal["queued", "pending"] | None, str]:
        """Reopen a failed or cancelled job; returns its new state and poll number, or None and the state it is in."""
        state, other = self._run_on_pages("retry", job_id, job_id, self._grace_seconds)
        return (state.decode() or None), other.decode()

    # ------------------------------------------------------------ sweeping

    def overdue(self) -> list[tuple[str, int | None, str, int]]:
        """Work to nudge again: (job, page or None, state or 'verdict', poll number)."""
        now = time_argument(self._clock)
        flat = _SCRIPTS["sweep"](self.redis, [], [now, SWEEP_AT_MOST, self._grace_seconds, LONGEST_GRACE_SECONDS])
        parts = iter(part.decode() for part in flat)
        return [
            (job, int(page) if page else None, state, int(poll))
            for job, page, state, poll in zip(*[parts] * 4, strict=True)
        ]

    def note_run(self, name: str, every_seconds: float) -> None:
        """Note that beat's task of this name has run; for two intervals no worker does it in beat's place."""
        self.redis.set(keys.run_mark(name), 1, px=int(2000 * every_seconds))

    def claim_run(self, name: str, every_seconds: float) -> bool:
        """Claim beat's task of this name for one interval; False if it ran in the last two intervals, or is claimed."""
        return bool(self.redis.set(keys.run_mark(name), 1, px=int(1000 * every_seconds), nx=True))

    def seconds_since_sweep(self) -> float | None:
        """How long ago the last sweep ran; None if none ever ran."""
        swept_at = self.redis.get(keys.SWEPT_AT)
        return None if swept_at is None else max(0.0, self.now() - float(swept_at))

    def try_write(self) -> None:
        """Raise redis-py's error if Redis does not accept writes now."""
        self.redis.set(keys.WRITTEN, 1, ex=60)

    def forget_finished(self, now: float) -> None:
        """Remove finished jobs from the lists once their time is over; the jobs themselves expire in Redis."""
        over = now - self._keep_seconds
        for state in FINISHED:
            gone = self.redis.zrangebyscore(keys.jobs_in(state), "-inf", over, start=0, num=SWEEP_AT_MOST)
            if gone:
                self.redis.zrem(keys.jobs_in(state), *gone)
                self.redis.zrem(keys.JOBS, *gone)


def _job_from(fields: Mapping[bytes, bytes]) -> Job:
    """The job in a hash. An empty field counts as absent; fields of the lease are ignored."""
    known: dict[str, Any] = {"reason": "", "window": None}
    for key, value in fields.items():
        name = key.decode()
        if name in _READER_OF_FIELD and value != b"":
            known[name] = _READER_OF_FIELD[name](value)
    return Job(**known)


def _flat(fields: Mapping[str, Argument]) -> list[Argument]:
    return [part for pair in fields.items() for part in pair]


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    parts = iter(flat)
    return dict(zip(parts, parts, strict=True))


def _address(lease: Lease) -> tuple[str, str, str]:
    """Where a lease is in Redis: its key, its member in the overdue set, and the prefix of its fields."""
    if lease.page:
        return keys.pages(lease.job.id), f"{lease.job.id}/{lease.page}", f"{lease.page}."
    return keys.job(lease.job.id), lease.job.id, ""
