"""The main job on real parts: a report asked for over HTTP, read by Celery workers, published into Redis."""

from __future__ import annotations

import pytest

from tests.harness import Stack

NAMES = ("kargo.campaign-performance-metrics", "mediamath.performance")


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_published_whole_and_proven(stack: Stack, name: str) -> None:
    job = stack.ask(name, f"stream:whole-{name}")
    receipt = stack.receipt(job)
    assert (receipt["state"], receipt["error"]) == ("done", None)
    assert (receipt["rows"], receipt["expected_rows"], receipt["proof"]) == (2500, 2500, "count")
    found = stack.audit(f"whole-{name}", job)
    assert found.is_whole
    assert (found.rows, found.ends, found.generations) == (2500, 1, (1,))
