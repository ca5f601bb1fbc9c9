"""The file sink on a real file system: names, parts and ends."""

from __future__ import annotations

import errno
import gc
import gzip
import hashlib
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from tests.sinks import READING, Closed, commit, file_names, finish, job_directory, make, opened, position, publish
from worker.errors import FailJob, RetryLater
from worker.model import Batch, Checkpoint, DeadRow, Rows
from worker.sinks.files.audit import audit_files
from worker.sinks.files.compression import COMPRESSIONS, Compression
from worker.sinks.files.generations import FileGenerations
from worker.sinks.files.pages import FilePages
from worker.sinks.files.record import FileRecord


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return job_directory(tmp_path)


def test_files_are_named_by_page_part_and_generation_and_the_receipt_names_them(tmp_path: Path, job: Path) -> None:
    sink = opened(f"file:{tmp_path}")
    publish(sink, READING[:2])
    sink.void(1, "replay", 2)
    publish(sink, READING[:4], page=1, generation=2)
    publish(sink, (*READING[:5], DeadRow(b"six", "not a row"), *READING[6:9]), page=2, generation=2)
    publish(sink, (), page=3, generation=2)
    finished = sink.finish(2, 3, {"name": "Größe"})
    assert file_names(job) == [
        "g2/page-00001.ndjson",
        "g2/page-00002.part-0001.ndjson",
        "g2/page-00002.part-0002.dead.ndjson",
        "g2/page-00002.part-0002.ndjson",
        "g2/page-00002.part-0003.ndjson",
        "receipt.json",
    ]
    receipt = json.loads((job / "receipt.json").read_text())
    assert finished == receipt
    assert receipt["name"] == "Größe"
    assert [(file["path"], file["rows"]) for file in receipt["files"]] == [
        ("g2/page-00001.ndjson", 4),
        ("g2/page-00002.part-0001.ndjson", 4),
        ("g2/page-00002.part-0002.ndjson", 3),
        ("g2/page-00002.part-0003.ndjson", 1),
    ]
    assert [(file["path"], file["rows"]) for file in receipt["dead_files"]] == [
        ("g2/page-00002.part-0002.dead.ndjson", 1)
    ]
    for file in receipt["files"] + receipt["dead_files"]:
        content = (job / file["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert (job / "g2/page-00001.ndjson").read_bytes() == b'{"row":1}\n{"row":2}\n{"row":3}\n{"row":4}\n'
    dead = json.loads((job / "g2/page-00002.part-0002.dead.ndjson").read_text())
    assert dead == {"at": "2.2.6", "reason": "not a row", "row": "six"}


def test_a_batch_is_not_cut_and_a_part_takes_what_fits(tmp_path: Path, job: Path) -> None:
    sink = opened(f"file:{tmp_path}", part_rows=3)
    commit(sink, 1, 2)
    commit(sink, 3, 3)
    commit(sink, 4, 9)
    sink.close(1, 1, position(READING))
    finished = sink.finish(1, 1, {})
    assert finished.keys() == {"files"}, "without dead rows there is no list of them"
    assert [file["rows"] for file in finished["files"]] == [3, 6]


@pytest.mark.parametrize(("compression", "suffix"), [("gzip", ".gz"), ("zstd", ".zst")])
def test_compressed_files_say_so_and_are_read_by_other_programs(
    tmp_path: Path, job: Path, compression: str, suffix: str
) -> None:
    sink = opened(f"file:{tmp_path}?compression={compression}", part_rows=100)
    publish(sink, (*READING, DeadRow(b"x", "not a row")))
    sink.finish(1, 1, {"rows": 9, "dead_rows": 1})
    assert file_names(job) == [f"page-00001.dead.ndjson{suffix}", f"page-00001.ndjson{suffix}", "receipt.json"]
    if compression == "gzip":
        with gzip.open(job / "page-00001.ndjson.gz") as file:
            assert [json.loads(line)["row"] for line in file] == list(range(1, 10))
    assert audit_files(job).is_whole


def test_rows_are_invisible_until_their_part_is_taken(tmp_path: Path, job: Path) -> None:
    sink = opened(f"file:{tmp_path}")
    commit(sink, 1, 2)
    commit(sink, 3, 4)
    assert not [name for name in file_names(job) if not name.startswith(".")]
    assert make(f"file:{tmp_path}").checkpoint(1, 1) == Checkpoint()
    commit(sink, 5, 6)
    assert [name for name in file_names(job) if not name.startswith(".")] == ["page-00001.part-0001.ndjson"]
    assert make(f"file:{tmp_path}").checkpoint(1, 1) == position(READING, 4)
    sink.release()


def test_asking_for_the_checkpoint_drops_unfinished_rows(tmp_path: Path) -> None:
    sink = opened(f"file:{tmp_path}")
    commit(sink, 1, 2)
    assert sink.checkpoint(1, 1) == Checkpoint()
    assert commit(sink, 1, 3) == position(READING, 3)
    sink.checkpoint(1, 1)
    publish(sink, READING)
    sink.finish(1, 1, {"rows": 9})
    assert audit_files(job_directory(tmp_path)).is_whole


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    rows = tuple(b'{"n":%d,"text":"%s"}' % (number, b"x" * 100) for number in range(1000))
    peaks = []
    for batches in (5, 100):
        sink = opened(f"file:{tmp_path}", job=f"j{batches}", part_rows=1_000_000)
        at = Checkpoint()
        tracemalloc.start()
        for number in range(1, batches + 1):
            after = Checkpoint(number * 1000, f"{number:064x}", 0, number)
            sink.commit(1, 1, Batch(at, Rows.of(rows), after))
            at = after
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sink.release()
    # A twentieth of what the further rows take.
    assert peaks[1] < peaks[0] + 100_000


def test_a_compressor_goes_with_its_part_and_waits_for_no_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Compressor:
        def compress(self, data: bytes) -> bytes:
            return data

        def flush(self) -> bytes:
            return b""

    living: WeakSet[Compressor] = WeakSet()

    def make_one() -> Compressor:
        made = Compressor()
        living.add(made)
        return made

    monkeypatch.setitem(COMPRESSIONS, "gzip", Compression(".gz", make_one))
    sink = opened(f"file:{tmp_path}?compression=gzip", part_rows=2)
    gc.disable()
    try:
        publish(sink, READING)
        commit(sink, 1, 2, page=2)
        assert len(living) == 1
        sink.release()
        assert not living
    finally:
        gc.enable()


def test_a_file_that_is_gone_or_changed_fails_the_job_at_its_end(tmp_path: Path, job: Path) -> None:
    sink = opened(f"file:{tmp_path}")
    publish(sink, READING)
    lost = job / "page-00001.part-0002.ndjson"
    lost.unlink()
    with pytest.raises(FailJob, match=r"page-00001\.part-0002\.ndjson is gone"):
        make(f"file:{tmp_path}").finish(1, 1, {})
    lost.write_text("something else")
    with pytest.raises(FailJob, match="was changed"):
        make(f"file:{tmp_path}").finish(1, 1, {})
    assert not (job / "receipt.json").exists()


@pytest.mark.parametrize("name", ["first.json", "g1.outcome.json", "g1/page-00001.part-0001.json"])
@pytest.mark.parametrize("content", ['{"generation', "[1]"])
def test_a_file_of_the_record_that_was_changed_is_named(tmp_path: Path, job: Path, name: str, content: str) -> None:
    publish(opened(f"file:{tmp_path}"), READING)
    (job / ".sink" / name).write_text(content)
    with pytest.raises(FailJob, match=rf"{job}/\.sink/{name} was changed"):
        make(f"file:{tmp_path}").finish(1, 1, {})


def test_a_receipt_that_was_not_written_is_written_by_the_next_finish(tmp_path: Path, job: Path) -> None:
    sink = opened(f"file:{tmp_path}")
    publish(sink, READING)
    finished = sink.finish(1, 1, {"rows": 9})
    (job / "receipt.json").unlink()
    assert make(f"file:{tmp_path}").finish(1, 1, {}) == finished
    assert audit_files(job).is_whole


def test_a_void_takes_its_rows_away_and_nothing_else(tmp_path: Path, job: Path) -> None:
    sink = opened(f"file:{tmp_path}")
    publish(sink, (*READING, DeadRow(b"x", "not a row")))
    (job / "notes.txt").write_text("mine")
    dead_writer = make(f"file:{tmp_path}")
    commit(dead_writer, 1, 2, page=2)
    make(f"file:{tmp_path}").void(1, "replay", 2)
    publish(sink, READING[:2], generation=2)
    make(f"file:{tmp_path}").void(1, "replay", 2)
    assert file_names(job) == ["g2/page-00001.ndjson", "notes.txt"]
    dead_writer.release()


def test_a_writer_learns_that_its_generation_was_voided(tmp_path: Path, job: Path) -> None:
    late = opened(f"file:{tmp_path}")
    commit(late, 1, 2)
    make(f"file:{tmp_path}").void(1, "cancelled")
    assert late.close(1, 1, position(READING, 2)) == Closed("void")
    late.release()
    assert file_names(job) == []


@pytest.mark.parametrize(
    ("act", "faster", "state"),
    [
        (lambda sink: sink.void(1, "cancelled"), finish, "ended"),
        (lambda sink: sink.void(1, "replay", 2), lambda sink: sink.void(1, "failed"), "void"),
        (lambda sink: sink.finish(1, 1, {}), lambda sink: sink.void(1, "cancelled"), "void"),
        (lambda sink: sink.finish(1, 1, {}), lambda sink: sink.void(1, "replay", 2), "superseded"),
    ],
)
def test_of_two_that_end_a_generation_at_once_the_faster_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Any, faster: Any, state: str
) -> None:
    sink = opened(f"file:{tmp_path}")
    publish(sink, READING[:2])
    decide = FileRecord.decide

    def decide_after_another(self: FileRecord, *arguments: Any) -> bool:
        monkeypatch.undo()
        faster(make(f"file:{tmp_path}"))
        return decide(self, *arguments)

    monkeypatch.setattr(FileRecord, "decide", decide_after_another)
    assert act(sink) == Closed(state)


@pytest.mark.parametrize("dies", [False, True], ids=["removes the files", "dies before it removes them"])
def test_a_void_in_the_middle_of_a_close_leaves_no_rows(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    sink = opened(f"file:{tmp_path}")
    commit(sink, 1, 2)
    take = FilePages.take

    def take_amid_a_void(self: FilePages, *arguments: Any, **named: Any) -> Any:
        with monkeypatch.context() as dying:
            if dies:
                dying.setattr(FileGenerations, "clear", lambda *_: None)
            make(f"file:{tmp_path}").void(1, "cancelled")
        return take(self, *arguments, **named)

    monkeypatch.setattr(FilePages, "take", take_amid_a_void)
    assert sink.close(1, 1, position(READING, 2)) == Closed("void")
    sink.release()
    assert file_names(job) == []


def test_rows_that_may_be_taken_are_not_thrown_away(tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = opened(f"file:{tmp_path}")
    commit(sink, 1, 2)
    take = FileRecord.take

    def take_and_lose_the_answer(self: FileRecord, *arguments: Any) -> bool:
        take(self, *arguments)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(FileRecord, "take", take_and_lose_the_answer)
        with pytest.raises(RetryLater, match="Input/output error"):
            sink.close(1, 1, position(READING, 2))
        sink.release()
    assert make(f"file:{tmp_path}").close(1, 1, position(READING, 2)) == position(READING, 2, is_closed=True)
    assert file_names(job) == ["page-00001.ndjson"]


@pytest.mark.parametrize("name", ["receipt.json", ".sink/first.json"])
def test_a_pipe_or_device_in_place_of_a_file_is_not_read(tmp_path: Path, job: Path, name: str) -> None:
    """The audit and every reader of the record would wait or read for ever."""
    sink = opened(f"file:{tmp_path}")
    publish(sink, ())
    sink.finish(1, 1, {})
    (job / name).unlink()
    os.mkfifo(job / name)
    with pytest.raises(FailJob, match=f"{name} was changed: it is no longer a file"):
        audit_files(job)
    (job / name).unlink()
    (job / name).symlink_to("/dev/zero")
    with pytest.raises(FailJob, match=f"{name} was changed: it is no longer a file"):
        audit_files(job)
