"""Leases are renewed while their steps work, and no longer."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from tasks import heartbeat as heartbeat_module
from tasks.heartbeat import Heartbeat


class Ledger:
    """Counts the renewals; each returns `answer`, or raises it."""

    lease_seconds = 0.004

    def __init__(self, answer: bool | type[Exception] = True) -> None:
        self.answer = answer
        self.renewals = 0
        self.is_renewed = threading.Event()

    def renew(self, _lease: Any, _at: Any) -> bool:
        self.renewals += 1
        self.is_renewed.set()
        if isinstance(self.answer, bool):
            return self.answer
        raise self.answer

    def wait_for_renewal(self) -> None:
        self.is_renewed.clear()
        assert self.is_renewed.wait(10)


def heartbeat(ledger: Ledger) -> Heartbeat:
    job = SimpleNamespace(finish_by=float("inf"), finish_within=0, state="pending", closed=0, pages=0)
    return Heartbeat(ledger, SimpleNamespace(job=job, taken_at=0.0, on_record=SimpleNamespace(rows=0)))  # type: ignore[arg-type]


def test_every_lease_of_a_process_is_renewed_on_one_thread_even_if_others_fail() -> None:
    lost, away, good = Ledger(answer=False), Ledger(answer=OSError), Ledger()
    with heartbeat(lost), heartbeat(away), heartbeat(good):
        for ledger in (lost, away, good):
            ledger.wait_for_renewal()
        assert sum(thread.name == "heartbeats" for thread in threading.enumerate()) == 1


def test_a_lease_whose_step_is_over_is_not_renewed_and_breaks_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "SILENT_SECONDS", -1.0)
    ledger, broken = Ledger(answer=False), threading.Event()
    with heartbeat(ledger) as beating:
        beating.set_hang_up(broken.set)
        assert broken.wait(10), "a step whose lease is lost, and which says nothing, is woken"
    broken.clear()
    renewals = ledger.renewals
    beating._renewed_at = time.monotonic() - 60
    beating.beat()
    assert (ledger.renewals, broken.is_set()) == (renewals, False)
