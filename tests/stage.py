"""Many cases at once: vendors of its own for each, one Redis and one workers of workers for all.

A test says by the marker `played` what is asked for and what goes wrong. All cases of a module begin together, as many
at a time as there are vendors; each test then looks at how its own ended.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery import Celery
from redis import Redis

from config.celery import celery_settings
from config.settings import PACKAGED, Settings
from sandbox import Sandbox, expected_rows
from tests.stack import KARGO, LOOK_SECONDS, MEDIAMATH, until
from worker.embedded_redis import free_port, start_server
from worker.jobs.create import JobRequest, create_job
from worker.local_workers import LocalWorkers, beat, control, stream
from worker.model import FINISHED, Job, Json
from worker.redis_client import connect
from worker.services import Services
from worker.sinks.audit import Audit
from worker.sinks.audit_stream import audit

AT_ONCE = 10
ONCE_ONLY = 24
PATIENCE_SECONDS = 100.0
SILENCE_SECONDS = 4
HASTY = {
    "kargo": {
        "    every_seconds: 15\n": "    listing_grace_seconds: 1\n    missing_link_grace_seconds: 1\n",
        "        rows: data.rows\n": "        grace_seconds: 2\n",
    },
    "instal": {
        "      grace_seconds: 60\n": "",
        "      every_seconds: 15\n": "      missing_link_grace_seconds: 1\n",
    },
}
"""Vendors of whom we expect everything at once, for what ends only when patience ends: what follows which line."""


MEDIAMATH_PAGES: Json = {**MEDIAMATH, "page_size": 1000}
ROKT: Json = {
    "accountId": "1234567890123456789",
    "campaignId": "2345678901234567890",
    "dateStart": "2026-01-01",
    "dateEnd": "2026-01-31",
    "currency": "USD",
    "timeZoneVariation": "America/New_York",
}
QUERY: Json = {
    "accountId": "1234567890123456789",
    "startDate": "2026-01-01",
    "endDate": "2026-01-08",
    "interval": "day",
    "metrics": ["impressions", "gross_cost"],
    "dimensions": ["campaign_id", "campaign_name"],
}
INSTAL: Json = {"start_date": "2026-01-01", "stop_date": "2026-01-31"}

CSV: Json = {**KARGO, "format": "csv"}

STREAM, PAGES = "mediamath.performance", "kargo.campaign-performance-metrics"
EXPORT, SINGLE, HISTOGRAM, QUERIED = (
    "instal.advertiser-export",
    "rokt.campaign-breakdown",
    "rokt.campaign-histogram",
    "rokt.query-campaigns",
)
PARAMS = {
    PAGES: KARGO,
    STREAM: MEDIAMATH,
    SINGLE: ROKT,
    HISTOGRAM: ROKT,
    QUERIED: QUERY,
    EXPORT: INSTAL,
}


@dataclass(frozen=True)
class Case:
    """What one test asks for, and what the vendors do."""

    report: str
    faults: tuple[Json, ...] = ()
    params: Json | None = None
    rows: int = 2500
    settings: Json = field(default_factory=dict)
    ready_within: str | None = None
    finish_within: str | None = None
    is_hasty: bool = False
    is_alone: bool = False
    before: Callable[[Company], None] | None = None


@dataclass(frozen=True)
class Ending:
    """How a case ended: the receipt, what a consumer has in hand, what the vendors were sent."""

    receipt: Json
    job: Job
    audit: Audit
    rows: list[Json]
    raw: list[bytes]
    dead: list[dict[bytes, bytes]]
    heard: list[Json]
    company: Company

    @property
    def state(self) -> str:
        return str(self.receipt["state"])

    @property
    def error(self) -> str:
        return self.receipt["error"] or ""

    def asked(self, endpoint: str, method: str | None = None) -> list[Json]:
        """The requests one endpoint got, oldest first."""
        return [one for one in self.heard if one["endpoint"] == endpoint and method in (None, one["method"])]

    def is_done(self, rows: int, *, generation: int = 1) -> bool:
        """Done, whole, and as many rows as this; a failure shows what came instead."""
        came = (self.state, self.error, self.receipt["rows"], self.receipt["generation"], self.audit.is_whole)
        assert came == ("done", "", rows, generation, True), (came, self.audit)
        assert len(self.rows) == rows
        assert [self.audit.lost, self.audit.doubled, self.audit.late, self.audit.ends] == [0, 0, 0, 1]
        return True

    def is_failed(self, *words: str, published: bool | None = None) -> bool:
        """Failed, with these words in the error; what was published is voided, and there is no end."""
        assert self.state == "failed", self.receipt
        assert [word for word in words if word not in self.error] == [], self.error
        found = self.audit
        assert [found.ends, found.late, found.doubled] == [0, 0, 0], found
        assert found.rows == 0, "rows of a failed job stand unvoided"
        if published is not None:
            assert bool(found.voided) == published, found
        return True


def played(report: str, *faults: Json, **how: Any) -> pytest.MarkDecorator:
    """Mark a test: this report is asked for while the vendors do this."""
    return pytest.mark.played(Case(report, faults, **how))


def scenes(named: Mapping[str, pytest.MarkDecorator]) -> pytest.MarkDecorator:
    """One test for several cases that end alike, by their names."""
    return pytest.mark.parametrize("scene", [pytest.param(name, id=name, marks=mark) for name, mark in named.items()])


def fault(kind: str, *, times: int | None = None, match: Json | None = None, **args: Any) -> Json:
    """One rule of the dial."""
    return {"kind": kind, "args": args, "times": times, "match": match or {}}


@dataclass
class Company:
    """One set of vendors and our accounts there, used by one case at a time."""

    stage: Stage
    number: int
    vendors: Sandbox

    def account(self, vendor: str) -> str:
        return f"{vendor}-{self.number}"

    def begin(self, case: Case) -> None:
        """The vendors as this case wants them, nothing of an earlier one left over."""
        remote = self.vendors.remote
        remote.reset()
        for key in self.stage.redis.scan_iter(f"millrace:connection:*-{self.number}:*"):
            self.stage.redis.delete(key)
        remote.set(rows=case.rows, **{"polls_until_ready": 1, **case.settings})
        if case.before:
            case.before(self)
        remote.turn(*case.faults)

    def ask(self, report: str, *, params: Json | None = None, is_hasty: bool = False, **more: Any) -> tuple[str, str]:
        """Make a job: its id and its stream."""
        vendor, _, name = report.partition(".")
        source = f"{vendor}-hasty" if is_hasty else vendor
        sink = self.stage.next_stream(report)
        asked = PARAMS[report] if params is None else params
        request = JobRequest(f"{self.account(source)}.{name}", asked, f"stream:{sink}", may_join=False, **more)
        job, _ = create_job(self.stage.services, request)
        self.stage.nudge("report.submit", job)
        return job, sink

    def ending(self, job: str, sink: str) -> Ending:
        """How a job ended, once it has."""
        ended = self.stage.ended(job)
        entries = [fields for _, fields in self.stage.redis.xrange(sink)]
        found = audit(self.stage.redis, sink, job)
        raw = [fields[b"row"] for fields in sorted(_rows_of(entries, found.generation), key=_row_address)]
        dead = [fields for _, fields in self.stage.redis.xrange(f"dead:{{{sink}}}")]
        heard = self.vendors.remote.requests()
        assert ended.receipt
        return Ending(ended.receipt, ended, found, list(map(exact, raw)), raw, dead, heard, self)

    def play(self, case: Case) -> Ending:
        self.begin(case)
        times = {"ready_within": case.ready_within, "finish_within": case.finish_within}
        return self.ending(*self.ask(case.report, params=case.params, is_hasty=case.is_hasty, **times))


def exact(text: bytes) -> Any:
    """JSON with its numbers as they are written, told apart from text."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))


def assert_whole(ending: Ending, rows: int, **how: Any) -> None:
    """Done, and row for row what the vendor has; `how` tells the vendor's rows where they are not as usual."""
    assert ending.is_done(rows)
    report = f"{ending.job.connection.partition('-')[0]}.{ending.job.report}"
    params = {**ending.job.params, **how.pop("params", {})}
    served = [exact(row) for row in expected_rows(report, params, rows, **{"typed": True, **how})]
    differing = (pair for pair in zip(ending.rows, served, strict=False) if pair[0] != pair[1])
    assert ending.rows == served, next(differing, (len(ending.rows), len(served)))


def _row_address(fields: Mapping[bytes, bytes]) -> tuple[int, ...]:
    return tuple(map(int, fields[b"at"].split(b".")))


def _rows_of(entries: list[dict[bytes, bytes]], generation: int) -> Iterator[dict[bytes, bytes]]:
    return (fields for fields in entries if b"row" in fields and _row_address(fields)[0] == generation)


class Stage:
    """One Redis, both workers and beat, and many vendors."""

    def __init__(self, directory: Path, redis_url: str) -> None:
        # A company is its port: the workers read our accounts once, when they start.
        ready = [Sandbox(port=0) for _ in range(AT_ONCE + ONCE_ONLY)]
        self.companies = [Company(self, number, vendors.start()) for number, vendors in enumerate(ready)]
        (directory / "sources").mkdir()
        for vendor in HASTY:
            (directory / "sources" / f"{vendor}-hasty.yaml").write_text(_hasty(vendor))
        accounts = directory / "connections.yaml"
        accounts.write_text(yaml.safe_dump({name: entry for one in self.companies for name, entry in _accounts(one)}))
        settings = {
            "redis_url": redis_url,
            "data_dir": directory,
            "connections": accounts,
            "sources": str(directory / "sources"),
            "poll_seconds": 0.2,
            "silence_seconds": SILENCE_SECONDS,
            "lease_seconds": 5,
            "sweep_seconds": 2,
        }
        self.services = Services(Settings(**settings), connect(redis_url))
        environment = {f"MILLRACE_{name.upper()}": str(value) for name, value in settings.items()}
        commands = {"control": control(12), "stream": stream(6), "beat": beat(directory)}
        self.workers = LocalWorkers(commands, directory / "logs", environment)
        self._app = Celery("tests", set_as_current=False)
        self._app.conf.update(celery_settings(redis_url, 2))
        self._counted = 0
        self._guard = threading.Lock()
        self._free: queue.SimpleQueue[Company] = queue.SimpleQueue()
        self._unused: queue.SimpleQueue[Company] = queue.SimpleQueue()
        for one in self.companies:
            (self._free if one.number < AT_ONCE else self._unused).put(one)
        self.players = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="case")
        self.is_over = threading.Event()
        self.workers.restart_dead()
        until(self._are_ready, "workers that are ready")

    def _are_ready(self) -> bool:
        """Do both workers take work? Deadlines of seconds would pass before they do."""
        logs = [self.workers.log_dir / f"{name}.log" for name in ("control", "stream")]
        return all(" ready." in log.read_text(errors="replace") for log in logs)

    @property
    def redis(self) -> Redis:
        return self.services.redis

    def play(self, case: Case) -> Ending:
        """Play a case with vendors of its own; where it is `is_alone`, with vendors nobody asked anything before."""
        with self.borrowed(is_unused=case.is_alone) as company:
            return company.play(case)

    @contextmanager
    def borrowed(self, *, is_unused: bool = False) -> Iterator[Company]:
        """Vendors of one's own for a while."""
        company = self._unused.get(timeout=1) if is_unused else self._free.get(timeout=PATIENCE_SECONDS)
        try:
            yield company
        finally:
            if not is_unused:
                self._free.put(company)

    def nudge(self, task: str, *args: str | int) -> None:
        with self._guard:
            self._app.send_task(task, args=args)

    def next_stream(self, report: str) -> str:
        with self._guard:
            self._counted += 1
            return f"{report}-{self._counted}"

    def job(self, job_id: str) -> Job:
        job = self.services.ledger.job(job_id)
        assert job
        return job

    def ended(self, job_id: str) -> Job:
        """The job once it is over."""
        return self.wait_for(job_id, lambda job: job.state in FINISHED and job.receipt)

    def wait_for(self, job_id: str, holds: Callable[[Job], Any]) -> Job:
        """The job once this holds of it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(job := self.job(job_id)):
            assert time.monotonic() < deadline and not self.is_over.is_set(), f"never came; {job}"  # noqa: PT018
            time.sleep(LOOK_SECONDS)
        return job

    def close(self) -> None:
        self.is_over.set()
        self.players.shutdown(cancel_futures=True)
        self.workers.stop()
        self._app.close()
        for company in self.companies:
            with suppress(OSError):
                company.vendors.stop()
        self.services.redis.close()


def _accounts(company: Company) -> Iterator[tuple[str, Json]]:
    urls, known = company.vendors.urls, company.vendors.credentials
    fast = {"requests_per_second": 500, "reports_at_once": 10, "streams_at_once": 4}
    mediamath = {name: value for name, value in known["mediamath"].items() if name != "token"}
    credentials = {**known, "mediamath": {**mediamath, "auth_url": urls["mediamath_auth"]}}
    for source in (*known, *(f"{vendor}-hasty" for vendor in HASTY)):
        vendor = source.removesuffix("-hasty")
        entry = {"source": source, "base_url": urls[vendor], "credentials": credentials[vendor], "limits": fast}
        yield company.account(source), entry


def _hasty(vendor: str) -> str:
    """A source without patience."""
    text = (PACKAGED / "sources" / f"{vendor}.yaml").read_text(encoding="utf-8")
    for line, more in HASTY[vendor].items():
        assert text.count(line) == 1, line
        text = text.replace(line, line + more)
    return text.replace("grace_seconds: 60\n", "grace_seconds: 1\n").replace(
        f"source: {vendor}\n", f"source: {vendor}-hasty\n"
    )


def begun(stage: Stage, items: list[pytest.Item]) -> dict[str, Future[Ending]]:
    """Every case these tests want, on its way."""
    futures = {}
    for item in items:
        if marker := item.get_closest_marker("played"):
            futures[item.nodeid] = stage.players.submit(stage.play, marker.args[0])
    return futures


@contextmanager
def running_stage(directory: Path) -> Iterator[Stage]:
    port = free_port()
    server = start_server(directory / "redis", port)
    try:
        stage = Stage(directory, f"redis://127.0.0.1:{port}/0")
        try:
            yield stage
        finally:
            stage.close()
    finally:
        server.kill()
        server.wait()
