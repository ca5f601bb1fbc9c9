"""Plays many scenarios at once: each has its own vendors, but all share one Redis and one set of workers.

A test says by the marker `played` what is asked for and what goes wrong. All scenarios of a module begin together, as
many at a time as there are vendors; each test then looks at how its own ended.
"""

from __future__ import annotations

import itertools
import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import PACKAGED, Settings
from sandbox import Sandbox
from tests.harness import PATIENCE_SECONDS, Millrace, running_millrace
from tests.redis_server import running_redis
from tests.requests import PARAMS
from tests.scenarios.outcome import Outcome
from tests.scenarios.scenario import Scenario
from worker.model import Json

# A scenario mostly waits for its job; more of them at once would only wait for the six processes that read.
AT_ONCE = 10
# Vendors without earlier requests: each scenario that needs them uses one up.
ONCE_ONLY = 10
SILENCE_SECONDS = 4
IMPATIENT = {
    "kargo": {
        "    every_seconds: 15\n": "    listing_grace_seconds: 1\n    missing_link_grace_seconds: 1\n",
        "        rows: data.rows\n": "        grace_seconds: 2\n",
    },
    "instal": {"      grace_seconds: 60\n": "", "      every_seconds: 15\n": "      missing_link_grace_seconds: 1\n"},
}
"""For sources that wait only seconds: text to insert after lines of their files, for cases that end by a timeout."""


@dataclass
class VendorSet:
    """A set of vendors and our accounts there, used by one scenario at a time."""

    runner: ScenarioRunner
    number: int
    sandbox: Sandbox

    def account(self, source: str) -> str:
        """The name of our account for this source."""
        return f"{source}-{self.number}"

    def prepare(self, scenario: Scenario) -> None:
        """Prepare the vendors for this scenario, without any trace of an earlier one."""
        remote = self.sandbox.remote
        remote.reset()
        redis = self.runner.millrace.redis
        # Tokens, pauses and quota of an earlier scenario would affect this one.
        for key in redis.scan_iter(f"millrace:connection:*-{self.number}:*"):
            redis.delete(key)
        remote.set(rows=scenario.rows, **{"polls_until_ready": 1, **scenario.settings})
        if scenario.before:
            scenario.before(self)
        remote.turn(*scenario.faults)

    def ask(self, report: str, *, params: Json | None = None, is_impatient: bool = False, **more: Any) -> str:
        """Make a job, whose rows go to a stream of its own; returns its id."""
        vendor, _, name = report.partition(".")
        account = self.account(f"{vendor}-impatient" if is_impatient else vendor)
        sink = f"stream:{report}-{next(self.runner.numbers)}"
        return self.runner.millrace.ask(f"{account}.{name}", sink, PARAMS[report] if params is None else params, **more)

    def outcome(self, job_id: str) -> Outcome:
        """Wait until a job has ended, and return its outcome."""
        millrace = self.runner.millrace
        ended = millrace.ended(job_id)
        assert ended.receipt
        stream = ended.sink.removeprefix("stream:")
        found = millrace.audit(stream, job_id)
        entries = [fields for _, fields in millrace.redis.xrange(stream)]
        current = [one for one in entries if one.get(b"at", b"").startswith(b"%d." % found.generation)]
        raw = [one[b"row"] for one in sorted(current, key=lambda one: [int(part) for part in one[b"at"].split(b".")])]
        dead = [fields for _, fields in millrace.redis.xrange(f"dead:{{{stream}}}")]
        heard = self.sandbox.remote.requests()
        return Outcome(ended.receipt, ended, found, raw, dead, heard, self)

    def play(self, scenario: Scenario) -> Outcome:
        self.prepare(scenario)
        deadlines = {"ready_within": scenario.ready_within, "finish_within": scenario.finish_within}
        how = {"params": scenario.params, "is_impatient": scenario.is_impatient, **deadlines}
        return self.outcome(self.ask(scenario.report, **how))


class ScenarioRunner:
    """One installation of Millrace, and many sets of vendors for it."""

    def __init__(self, millrace: Millrace, sandboxes: list[Sandbox]) -> None:
        self.millrace = millrace
        self.numbers = itertools.count(1)
        self._free: queue.SimpleQueue[VendorSet] = queue.SimpleQueue()
        self._unused: queue.SimpleQueue[VendorSet] = queue.SimpleQueue()
        for number, sandbox in enumerate(sandboxes):
            (self._free if number < AT_ONCE else self._unused).put(VendorSet(self, number, sandbox))
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scenario")

    def start(self, items: list[pytest.Item]) -> dict[str, Future[Outcome]]:
        """Start all scenarios that these tests are marked with, by the ids of the tests."""
        marked = ((item.nodeid, item.get_closest_marker("played")) for item in items)
        return {name: self._threads.submit(self.play, marker.args[0]) for name, marker in marked if marker}

    def play(self, scenario: Scenario) -> Outcome:
        """Play a scenario with vendors of its own; one that `is_alone` gets vendors without earlier requests."""
        with self.vendors(is_unused=scenario.is_alone) as vendors:
            return vendors.play(scenario)

    @contextmanager
    def vendors(self, *, is_unused: bool = False) -> Iterator[VendorSet]:
        """Reserve a set of vendors during the block."""
        # Vendors without earlier requests are used only once, so they are not put back.
        held = self._unused.get(timeout=1) if is_unused else self._free.get(timeout=PATIENCE_SECONDS)
        try:
            yield held
        finally:
            if not is_unused:
                self._free.put(held)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


@contextmanager
def running_scenarios(directory: Path) -> Iterator[ScenarioRunner]:
    """A runner during the block. All vendors start first, because the workers read our accounts only once."""
    sandboxes = [Sandbox(port=0).start() for _ in range(AT_ONCE + ONCE_ONLY)]
    sources = directory / "sources"
    sources.mkdir()
    for vendor in IMPATIENT:
        (sources / f"{vendor}-impatient.yaml").write_text(impatient(vendor))
    connections = directory / "connections.yaml"
    accounts = {name: entry for number, one in enumerate(sandboxes) for name, entry in accounts_of(number, one)}
    connections.write_text(yaml.safe_dump(accounts))
    with running_redis(directory / "redis") as server:
        variables = {
            "redis_url": server.url,
            "data_dir": directory,
            "connections": connections,
            "sources": str(sources),
            "poll_seconds": 0.2,
            "silence_seconds": SILENCE_SECONDS,
            "lease_seconds": 5,
            "sweep_seconds": 2,
        }
        environment = {f"MILLRACE_{name.upper()}": str(value) for name, value in variables.items()}
        with running_millrace(directory, Settings(**variables), environment, threads=12, processes=6) as millrace:
            # Otherwise deadlines of seconds would pass before the workers are ready.
            millrace.wait_until_ready()
            runner = ScenarioRunner(millrace, sandboxes)
            try:
                yield runner
            finally:
                millrace.workers.stop(at_once=True)
                runner.close()
    for sandbox in sandboxes:
        with suppress(OSError):
            sandbox.stop()


def accounts_of(number: int, sandbox: Sandbox) -> Iterator[tuple[str, Json]]:
    urls, known = sandbox.urls, sandbox.credentials
    fast = {"requests_per_second": 500, "reports_at_once": 10, "streams_at_once": 4}
    mediamath = {name: value for name, value in known["mediamath"].items() if name != "token"}
    credentials = {**known, "mediamath": {**mediamath, "auth_url": urls["mediamath_auth"]}}
    for source in (*known, *(f"{vendor}-impatient" for vendor in IMPATIENT)):
        vendor = source.removesuffix("-impatient")
        entry = {"source": source, "base_url": urls[vendor], "credentials": credentials[vendor], "limits": fast}
        yield f"{source}-{number}", entry


def impatient(vendor: str) -> str:
    """The text of a source file that waits only seconds."""
    text = (PACKAGED / "sources" / f"{vendor}.yaml").read_text(encoding="utf-8")
    for line, more in IMPATIENT[vendor].items():
        assert text.count(line) == 1, line
        text = text.replace(line, line + more)
    return text.replace("grace_seconds: 60\n", "grace_seconds: 1\n").replace(
        f"source: {vendor}\n", f"source: {vendor}-impatient\n"
    )
