"""Delivers webhooks, which tell that a job has ended: signed, at least once, and again until the receiver accepts.

The script that ends a job stores the notices to be sent, so neither a restart nor a lost message loses one. A receiver
that does not answer occupies only a few threads of a worker, however many notices wait for it.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from functools import lru_cache
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import orjson

from worker import keys
from worker.errors import FailJob, RetryLater
from worker.jobs.views import iso
from worker.model import Job
from worker.observe import Event, log
from worker.scripts import Script
from worker.services import Services
from worker.transport.webhooks import deliver

MOST_ATTEMPTS = 24
FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 3_600
"""5 s, 10 s, 20 s, ... an hour: about fourteen hours in all."""
TURN_SECONDS = 150
"""How long a worker has a notice to itself: longer than one delivery may take."""
DUE_AT_MOST = 200
MOST_AT_ONCE = 4
"""How many notices a process delivers to one receiver at once."""
SLOW_SECONDS = 5.0
PAUSE_SECONDS = 60.0
"""A receiver that failed after more than SLOW_SECONDS gets nothing from this process for PAUSE_SECONDS."""

BUSY = "the receiver is busy"
_TAKE = Script("notice_take")


@dataclass(slots=True)
class _Receiver:
    """What this process knows about a host that receives notices."""

    slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_AT_ONCE))
    paused_until: float = 0.0


@lru_cache(maxsize=1_000)
def _receiver(host: str) -> _Receiver:
    """The receiver at a host and port. Beyond the bound, the one not used for longest is forgotten: so is its pause."""
    return _Receiver()


def due_notices(services: Services) -> list[tuple[str, int]]:
    """The notices that are due now: (job, number of its webhook)."""
    members = services.redis.zrangebyscore(keys.NOTICES, "-inf", services.ledger.now(), start=0, num=DUE_AT_MOST)
    owed = [member.decode().rpartition("/") for member in members]
    return [(job, int(number)) for job, _, number in owed]


def deliver_due_notices(services: Services, job_id: str, number: int) -> str:
    """Deliver one notice, then others that are due, until the next sweep; returns the outcome of the first.

    Those whose receiver had no free slot were left for this, so that they need not wait for the sweep.
    """
    ends_at = time.monotonic() + services.settings.sweep_seconds
    outcome = deliver_notice(services, job_id, number)
    if outcome != BUSY:
        for notice in due_notices(services):
            if time.monotonic() > ends_at:
                break
            deliver_notice(services, *notice)
    return outcome


def deliver_notice(services: Services, job_id: str, number: int) -> str:
    """Deliver one notice if it is due and no other worker is at it; returns the outcome in words, for Flower."""
    job = services.ledger.job(job_id)
    receiver = _receiver(urlsplit(job.webhooks[number - 1]).netloc if job else "")
    if not receiver.slots.acquire(blocking=False):
        return BUSY
    try:
        return _deliver(services, job_id, number, receiver)
    finally:
        receiver.slots.release()


def _deliver(services: Services, job_id: str, number: int, receiver: _Receiver) -> str:
    member, began = f"{job_id}/{number}", time.monotonic()
    rest = receiver.paused_until - began
    if not _TAKE(services.redis, [keys.NOTICES], [services.ledger.now(), member, rest if rest > 0 else TURN_SECONDS]):
        return "nothing to do"
    if rest > 0:
        return f"again in {rest:.0f} s: the receiver does not answer"
    job = services.ledger.job(job_id)
    known = services.connections
    is_known = job is not None and (job.connection in known or job.connection in known.faults)
    if job is None or job.receipt is None or not is_known:
        # The job was retried, or it or its connection is gone. The end of a retried job has a notice of its own.
        services.redis.zrem(keys.NOTICES, member)
        return "nothing to tell"
    connection = known[job.connection]  # if it is faulty, this raises, and the notice is due again after TURN_SECONDS
    secret = services.settings.webhook_secret.get_secret_value()
    key = f"{job.id}.{job.generation}"
    # Nothing in the body depends on the time, so that a repetition sends the same bytes.
    body = {
        "type": f"job.{job.state}",
        "timestamp": iso(job.finished_at),
        "job": job.id,
        "data": job.receipt,
        "columns_added": list(job.columns_added),
        "columns_gone": list(job.columns_gone),
    }
    try:
        deliver(
            connection, job.webhooks[number - 1], orjson.dumps(body), key=key, secret=secret, now=services.ledger.now()
        )
    except RetryLater as later:
        if time.monotonic() - began > SLOW_SECONDS:
            receiver.paused_until = time.monotonic() + PAUSE_SECONDS
        return _postpone(services, job, member, str(later))
    except FailJob as refusal:
        services.redis.zrem(keys.NOTICES, member)
        log.warning(Event.NOTICE_REFUSED, job=job.id, why=str(refusal))
        return f"refused: {refusal}"
    services.redis.zrem(keys.NOTICES, member)
    log.info(Event.NOTICE_DELIVERED, job=job.id)
    return "delivered"


def _postpone(services: Services, job: Job, member: str, why: str) -> str:
    """Have the notice delivered later, after a growing wait; give up after MOST_ATTEMPTS."""
    attempts = services.redis.hincrby(keys.job(job.id), f"notice.{job.generation}.{member.rpartition('/')[2]}", 1)
    if attempts >= MOST_ATTEMPTS:
        services.redis.zrem(keys.NOTICES, member)
        log.error(Event.NOTICE_REFUSED, job=job.id, why=f"given up after {attempts} attempts: {why}")
        return f"given up: {why}"
    wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempts - 1)) * random.uniform(0.8, 1)
    services.redis.zadd(keys.NOTICES, {member: services.ledger.now() + wait}, xx=True)
    log.info(Event.NOTICE_LATER, job=job.id, why=why, attempts=attempts, wait_seconds=round(wait))
    return f"again in {wait:.0f} s: {why}"
