"""The largest resident memory any of some processes or their children had while a block ran."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

LOOK_SECONDS = 0.1


class PeakMemory:
    """Looks ten times a second, from a thread of its own."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._bytes = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    @property
    def megabytes(self) -> float:
        """The peak so far, of the largest single process."""
        return self._bytes / 1e6

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            for pid in self._pids():
                with suppress(psutil.Error):
                    parent = psutil.Process(pid)
                    for process in (parent, *parent.children(recursive=True)):
                        with suppress(psutil.Error):
                            self._bytes = max(self._bytes, process.memory_info().rss)
