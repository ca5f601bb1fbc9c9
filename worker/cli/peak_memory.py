"""Measures the peak resident memory of processes and their children while a block runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

LOOK_SECONDS = 0.1


@dataclass
class PeakMemory:
    """The peak so far, of the largest single process."""

    megabytes: float = 0.0


@contextmanager
def measure_peak_memory(pids: Callable[[], Iterable[int]]) -> Iterator[PeakMemory]:
    """Look ten times a second, on a thread of its own, for as long as the block runs."""
    peak, is_over = PeakMemory(), threading.Event()

    def look() -> None:
        while not is_over.wait(LOOK_SECONDS):
            for pid in pids():
                with suppress(psutil.Error):
                    parent = psutil.Process(pid)
                    for process in (parent, *parent.children(recursive=True)):
                        with suppress(psutil.Error):
                            peak.megabytes = max(peak.megabytes, process.memory_info().rss / 1e6)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()
