"""One page as a consumer sees it: which rows came, in which order, and the digest that runs over them."""

from __future__ import annotations

import hashlib


class AuditedPage:
    """Takes rows by their numbers as they come. Memory: a bit a row, and the dead rows not yet passed."""

    def __init__(self) -> None:
        self.rows = 0
        self.dead_rows = 0
        self.doubled = 0
        self.out_of_order = 0
        self.bytes = 0
        self._seen = bytearray()
        self._last_living = 0
        self._position = 0
        self._dead: dict[int, bytes] = {}
        self._running = hashlib.sha256()
        self._is_sound = True

    @property
    def last(self) -> int:
        """The greatest row number seen."""
        return max(self._last_living, self._position, *self._dead, 0)

    def row(self, number: int, row: bytes) -> None:
        """A row of the stream or file."""
        if not self._is_new(number):
            return
        self.rows += 1
        if number < self._last_living:
            self.out_of_order += 1
            self._is_sound = False
        self._last_living = max(number, self._last_living)
        self._pass_dead_rows(number)
        self._feed(number, row)

    def dead_row(self, number: int, raw: bytes) -> None:
        """A dead letter; those of a page are to come before the rows behind them."""
        if self._is_new(number):
            self.dead_rows += 1
            self._dead[number] = raw

    def digest(self) -> str | None:
        """The digest over every row to the last, None where one is missing or out of its place."""
        self._pass_dead_rows(self.last + 1)
        return self._running.hexdigest() if self._is_sound and not self._dead else None

    def _is_new(self, number: int) -> bool:
        byte, bit = divmod(number, 8)
        if byte >= len(self._seen):
            self._seen.extend(bytes(max(byte + 1 - len(self._seen), len(self._seen))))
        is_new = not self._seen[byte] >> bit & 1
        self._seen[byte] |= 1 << bit
        self.doubled += not is_new
        return is_new

    def _pass_dead_rows(self, before: int) -> None:
        while self._position + 1 < before and (raw := self._dead.pop(self._position + 1, None)) is not None:
            self._feed(self._position + 1, raw)

    def _feed(self, number: int, row: bytes) -> None:
        if number != self._position + 1:
            self._is_sound = False
        self._position = number
        self._running.update(row)
        self._running.update(b"\n")
        self.bytes += len(row) + 1
