"""A webhook is called at a job's end: at least once, signed, again after a restart, never by two workers at once."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import fakeredis
import pytest
from pydantic import SecretStr

from config.settings import BadSetting, Settings, settings
from tests.fake_vendor import Answer, FakeVendor, Request
from worker import keys
from worker.errors import BadInput
from worker.jobs import webhook_delivery
from worker.jobs.create import JobRequest, create_job
from worker.jobs.finish import cancel
from worker.jobs.webhook_delivery import deliver_due_notices, deliver_notice, due_notices
from worker.ledger import Ledger
from worker.services import Services

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
START = 1_800_000_000.0


class Receiver(FakeVendor):
    """Hears notices; answers with the statuses it is given, the last of them for ever."""

    def __init__(self) -> None:
        self.statuses = [204]
        super().__init__(lambda _: Answer(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def services(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    accounts = tmp_path / "connections.yaml"
    accounts.write_text(
        f"instal: {{source: instal, base_url: '{receiver.base}', credentials: {{token: $INSTAL_TOKEN}}}}"
    )
    chosen = Settings(data_dir=tmp_path, connections=accounts, webhook_secret=SecretStr(SECRET))
    return restarted(Services(chosen, fakeredis.FakeRedis(version=(7, 0))), START)


def restarted(services: Services, now: float) -> Services:
    """Another process on the same Redis, at another time."""
    made = Services(services.settings, services.redis)
    made.ledger = Ledger(services.redis, clock=lambda: now)
    return made


def lowered(heard: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in heard.headers.items()}


def ended_job(services: Services, receiver: Receiver) -> str:
    params = {"start_date": "2026-11-20", "stop_date": "2026-11-20"}
    request = JobRequest("instal.advertiser-export", params, webhook=f"{receiver.base}/ended?x=1")
    job, _ = create_job(services, request)
    assert (job, 1) not in due_notices(services)
    cancel(services, job)
    return job


def test_a_notice_is_signed_and_holds_the_receipt(services: Services, receiver: Receiver) -> None:
    job = ended_job(services, receiver)
    assert due_notices(services) == [(job, 1)]
    assert deliver_notice(services, job, 1) == "delivered"
    (heard,) = receiver.heard
    body = json.loads(heard.body)
    assert (body["type"], body["job"], body["data"]["state"]) == ("job.cancelled", job, "cancelled")
    assert lowered(heard)["webhook-id"] == f"{job}.1"
    assert lowered(heard)["webhook-signature"].startswith("v1,")


def test_an_accepted_notice_is_not_sent_again(services: Services, receiver: Receiver) -> None:
    job = ended_job(services, receiver)
    deliver_notice(services, job, 1)
    assert deliver_notice(services, job, 1) == "nothing to do"
    assert (len(receiver.heard), due_notices(services)) == (1, [])


def test_an_unreachable_receiver_is_tried_later_by_any_worker_under_the_same_id(
    services: Services, receiver: Receiver
) -> None:
    receiver.statuses = [503, 500, 200]
    job = ended_job(services, receiver)
    assert "again in" in deliver_notice(services, job, 1)
    assert due_notices(services) == []
    for later in (START + 10, START + 100):
        other = restarted(services, later)
        assert due_notices(other) == [(job, 1)]
        deliver_notice(other, job, 1)
    assert due_notices(restarted(services, START + 1e6)) == []
    ids = {lowered(heard)["webhook-id"] for heard in receiver.heard}
    assert (ids, len(receiver.heard)) == ({f"{job}.1"}, 3)


def test_each_wait_is_twice_the_last_up_to_an_hour(services: Services, receiver: Receiver) -> None:
    receiver.statuses = [503]
    job, now = ended_job(services, receiver), START
    for longest in (5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600):
        deliver_notice(restarted(services, now), job, 1)
        next_at = services.redis.zscore(keys.NOTICES, f"{job}/1")
        assert 0.8 * longest <= next_at - now <= longest + 0.001
        now = next_at


def test_every_receiver_of_a_job_that_was_joined_gets_a_notice_of_its_own(
    services: Services, receiver: Receiver
) -> None:
    params = {"start_date": "2026-11-20", "stop_date": "2026-11-20"}
    for path in ("/one", "/two", "/three"):
        request = JobRequest("instal.advertiser-export", params, webhook=f"{receiver.base}{path}")
        job, _ = create_job(services, request)
    cancel(services, job)
    for notice in due_notices(services):
        deliver_notice(services, *notice)
    assert sorted(heard.path for heard in receiver.heard) == ["/one", "/three", "/two"]


def test_a_notice_of_a_job_that_is_forgotten_is_dropped(services: Services, receiver: Receiver) -> None:
    job = ended_job(services, receiver)
    services.redis.delete(keys.job(job))
    assert deliver_notice(services, job, 1) == "nothing to tell"
    assert due_notices(restarted(services, START + 1e6)) == []


def test_a_receiver_that_never_answers_is_given_up(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_delivery, "MOST_ATTEMPTS", 2)
    receiver.statuses = [503]
    job = ended_job(services, receiver)
    deliver_notice(services, job, 1)
    assert "given up" in deliver_notice(restarted(services, START + 100), job, 1)
    assert due_notices(restarted(services, START + 1e6)) == []


def test_a_receiver_that_is_gone_for_good_is_not_tried_again(services: Services, receiver: Receiver) -> None:
    receiver.statuses = [410]
    job = ended_job(services, receiver)
    assert deliver_notice(services, job, 1).startswith("refused")
    assert due_notices(restarted(services, START + 1e6)) == []


def test_a_retried_job_is_announced_at_its_next_end_under_another_id(services: Services, receiver: Receiver) -> None:
    job = ended_job(services, receiver)
    services.ledger.retry(job)
    assert deliver_notice(services, job, 1) == "nothing to tell"
    cancel(services, job)
    deliver_notice(services, job, 1)
    assert [lowered(heard)["webhook-id"] for heard in receiver.heard] == [f"{job}.2"]


def test_only_one_of_two_workers_delivers_a_notice(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ended_job(services, receiver)

    def meanwhile(*_args: object, **_more: object) -> None:
        assert deliver_notice(services, job, 1) == "nothing to do"

    monkeypatch.setattr(webhook_delivery, "deliver", meanwhile)
    assert deliver_notice(services, job, 1) == "delivered"


def test_a_receiver_that_does_not_answer_is_left_alone_for_a_while(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.statuses = [503]
    jobs = [ended_job(services, receiver) for _ in range(3)]
    monkeypatch.setattr(webhook_delivery, "SLOW_SECONDS", 0)
    assert "503" in deliver_due_notices(services, jobs[0], 1)
    assert (len(receiver.heard), due_notices(services)) == (1, [])
    monkeypatch.setattr(webhook_delivery, "SLOW_SECONDS", 5)
    receiver.statuses = [204]
    later = restarted(services, START + webhook_delivery.PAUSE_SECONDS + 1)
    assert len(due_notices(later)) == 3
    webhook_delivery._receiver.cache_clear()
    assert deliver_due_notices(later, jobs[1], 1) == "delivered"
    assert (len(receiver.heard), due_notices(later)) == (4, [])


def test_a_slow_receiver_occupies_a_few_threads_only(services: Services, receiver: Receiver) -> None:
    job = ended_job(services, receiver)
    slots = webhook_delivery._receiver(urlsplit(receiver.base).netloc).slots
    taken = [slots.acquire(blocking=False) for _ in range(webhook_delivery.MOST_AT_ONCE)]
    assert all(taken)
    assert deliver_due_notices(services, job, 1) == webhook_delivery.BUSY
    assert due_notices(services) == [(job, 1)]
    slots.release()
    assert deliver_due_notices(services, job, 1) == "delivered"


def test_a_webhook_that_can_never_be_sent_makes_no_job(services: Services) -> None:
    params = {"start_date": "2026-11-20", "stop_date": "2026-11-20"}
    with pytest.raises(BadInput, match="webhook"):
        create_job(services, JobRequest("instal.advertiser-export", params, webhook="ftp://receiver.example/x"))
    assert list(services.ledger.jobs()) == []


@pytest.mark.parametrize("secret", ["whsec_not base64", "whsec_"])
def test_a_secret_that_is_not_base64_is_refused_by_the_settings_and_not_shown(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_WEBHOOK_SECRET", secret)
    settings.cache_clear()
    with pytest.raises(BadSetting) as refusal:
        settings()
    assert str(refusal.value) == "MILLRACE_WEBHOOK_SECRET: whsec_ must be followed by base64"
