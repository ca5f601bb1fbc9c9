"""A batch is packed into the commands that a client of Redis would send, one for each row."""

from __future__ import annotations

import pytest

from worker import keys
from worker.model import Batch, Checkpoint, Rows
from worker.sinks.redis_server import pack_command
from worker.sinks.redis_transaction import TransactionPacker

# Numbers at which an address gets another digit, and at which a thousand ends.
BEFORE = [0, 8, 9, 98, 99, 998, 999, 1_000, 8_999, 9_999, 99_998, 1_234_567]


@pytest.mark.parametrize("before", BEFORE)
def test_each_row_is_an_xadd_with_its_address_whatever_its_number_and_length(before: int) -> None:
    rows = [b'{"text":"%b"}' % (b"x" * (length % 500)) for length in range(1_100)]
    rows[3] = b'{"text":"%b"}' % (b"x" * 5_000)
    for some in (rows, rows[:3], rows[:1]):
        batch = Batch(Checkpoint(before), Rows.of(some), Checkpoint(before + len(some)))
        packer = TransactionPacker("a%d", "job", bound=0, rows_per_entry=1)
        commands = packer.pack(2, 13, batch, "field", with_scripts=False)
        adding = keys.stream_being_added_to("a%d")
        expected = [
            pack_command("XADD", adding, "NOMKSTREAM", "*", "job", "job", "at", f"2.13.{number}", "row", row)
            for number, row in enumerate(some, before + 1)
        ]
        assert b"".join(expected) in b"".join(commands)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("rows_per_entry", [2, 7, 500, 1_000])
def test_packed_rows_are_an_xadd_with_the_address_of_the_first_for_each_entry(before: int, rows_per_entry: int) -> None:
    rows = [b'{"text":"%b"}' % (b"x" * (length % 500)) for length in range(1_000)]
    rows[3] = b'{"text":"%b", "after":\r1}' % (b"x" * 5_000)
    for some in (rows, rows[:3], rows[:1]):
        batch = Batch(Checkpoint(before), Rows.of(some), Checkpoint(before + len(some)))
        packer = TransactionPacker("a%d", "job", bound=0, rows_per_entry=rows_per_entry)
        commands = packer.pack(2, 13, batch, "field", with_scripts=False)
        add = ("XADD", keys.stream_being_added_to("a%d"), "NOMKSTREAM", "*", "job", "job", "at")
        expected = []
        for first in range(0, len(some), rows_per_entry):
            entry = some[first : first + rows_per_entry]
            text = b"".join(row + b"\n" for row in entry)
            expected.append(pack_command(*add, f"2.13.{before + first + 1}", "count", len(entry), "rows", text))
        assert b"".join(expected) in b"".join(commands)
