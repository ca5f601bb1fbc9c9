"""TLS records that have arrived are read together, and only the first is waited for."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from worker.transport.framing import TlsRecords


class Wire:
    """A TLS socket, and the stream over it, that gives these records and raises these errors, one a read."""

    def __init__(self, *records: bytes | Exception) -> None:
        self.records = list(records)
        self.patience: float | None = 120.0
        self.asked: list[tuple[int, float | None]] = []

    def read1(self, size: int) -> bytes:
        self.asked.append((size, self.patience))
        record = self.records.pop(0) if self.records else ssl.SSLWantReadError()
        if isinstance(record, Exception):
            raise record
        return record

    def gettimeout(self) -> float | None:
        return self.patience

    def settimeout(self, seconds: float | None) -> None:
        self.patience = seconds


def records(wire: Any) -> TlsRecords:
    return TlsRecords(wire, wire)


def test_records_that_have_arrived_are_read_together_and_only_the_first_is_waited_for() -> None:
    wire = Wire(b"a" * 16_384, b"b" * 16_384, b"c")
    assert records(wire).read1(262_144) == b"a" * 16_384 + b"b" * 16_384 + b"c"
    assert [patience for _, patience in wire.asked] == [120.0, 0.0, 0.0, 0.0]
    assert wire.patience == 120.0


def test_no_more_bytes_are_read_than_requested() -> None:
    wire = Wire(b"a" * 16_384, b"b" * 616)
    assert len(records(wire).read1(17_000)) == 17_000
    assert [size for size, _ in wire.asked] == [16_384, 616]


@pytest.mark.parametrize("pause", [ssl.SSLWantReadError(), ssl.SSLWantWriteError()])
def test_a_row_is_handed_on_though_the_next_has_not_arrived(pause: Exception) -> None:
    source = records(Wire(b"row 1", pause, b"row 2"))
    assert [source.read1(100), source.read1(100)] == [b"row 1", b"row 2"]


def test_the_end_behind_a_record_is_not_lost() -> None:
    source = records(Wire(b"row", b"", b""))
    assert [source.read1(100), source.read1(100)] == [b"row", b""]


def test_an_error_is_raised_after_the_bytes_before_it() -> None:
    wire = Wire(b"row", ConnectionResetError("reset"))
    source = records(wire)
    assert source.read1(100) == b"row"
    assert wire.patience == 120.0
    with pytest.raises(ConnectionResetError, match="reset"):
        source.read1(100)


def test_an_error_instead_of_the_first_record_is_raised_at_once() -> None:
    with pytest.raises(TimeoutError):
        records(Wire(TimeoutError())).read1(100)
