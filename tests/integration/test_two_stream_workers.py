"""Two stream workers share a report's pages: neither takes messages it cannot work on yet."""

from __future__ import annotations

import re
from pathlib import Path

from config.settings import PACKAGED
from tests.harness import RedisServer, running_stack, until
from tests.requests import PARAMS
from worker.local_workers import stream

KARGO = "kargo.campaign-performance-metrics"
PAGES = 200


def test_two_hundred_pages_are_shared_by_two_workers(own_redis: RedisServer, tmp_path: Path) -> None:
    connections = (PACKAGED / "connections.yaml").read_text()
    fast = tmp_path / "connections.yaml"
    limits = "{requests_per_second: 1000, reports_at_once: 10, streams_at_once: 200}"
    fast.write_text(re.sub(r"limits: \{.*\}", f"limits: {limits}", connections, count=1))
    with running_stack(tmp_path, own_redis.url, processes=1, MILLRACE_CONNECTIONS=str(fast)) as stack:
        stack.workers.commands = {**stack.workers.commands, "stream-2": stream(1)}
        stack.workers.restart_dead()
        logs = [tmp_path / "logs" / f"{name}.log" for name in ("stream", "stream-2")]
        until(lambda: all(log.exists() and " ready." in log.read_text() for log in logs), "two workers")
        stack.vendors_are(rows=PAGES * 10, latency_ms=20)
        job = stack.ask(KARGO, "stream:shared", {**PARAMS[KARGO], "limit": 10})
        assert stack.receipt(job)["pages"] == PAGES
        assert stack.audit("shared", job).is_whole
        closed = [log.read_text().count("page.closed") for log in logs]
        assert sum(closed) >= PAGES
        # Neither may take more messages than it works on: then the other would find none.
        assert min(closed) >= PAGES // 4, closed
