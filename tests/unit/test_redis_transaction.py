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
        commands = TransactionPacker("a%d", "job", bound=0).pack(2, 13, batch, "field", with_scripts=False)
        adding = keys.stream_being_added_to("a%d")
        expected = [
            pack_command("XADD", adding, "NOMKSTREAM", "*", "job", "job", "at", f"2.13.{number}", "row", row)
            for number, row in enumerate(some, before + 1)
        ]
        assert b"".join(expected) in b"".join(commands)
