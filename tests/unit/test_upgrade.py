"""This version reads what an earlier one kept of a running job, so that the job continues."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson

from worker.model import EMPTY_DIGEST, Checkpoint
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.record import FileRecord, KeptPart
from worker.sinks.files.store import Key
from worker.sinks.redis_stream import unpack_checkpoint

AT = Checkpoint(3, EMPTY_DIGEST, 1, 90)


def test_a_page_of_a_stream_that_names_its_reader_is_read() -> None:
    assert unpack_checkpoint(f"3 {EMPTY_DIGEST} 0 1 90 lines".encode()) == AT
    assert unpack_checkpoint(f"3 {EMPTY_DIGEST} 0 1 90 ".encode()) == AT


def test_a_part_of_files_that_names_its_reader_is_read(tmp_path: Path) -> None:
    record = FileRecord(DirectoryStore(tmp_path), Key())
    record.take(1, 1, KeptPart(1, AT, ()))
    (kept,) = (path for path in tmp_path.rglob("*") if path.is_file())
    kept.write_bytes(orjson.dumps({"after": {**asdict(AT), "reader": "lines"}, "files": []}))
    assert record.part(1, 1, 1) == KeptPart(1, AT, ())
