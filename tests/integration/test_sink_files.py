"""The file sink on a real file system: names, crashes, full disks, the wrong place."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from worker.errors import FailJob, RetryLater
from worker.model import Batch, Checkpoint, DeadRow, Ended, Finished, Kept, Refused, Row
from worker.sinks import open_sink
from worker.sinks.address import parse_address
from worker.sinks.audit_files import audit_files
from worker.sinks.exclusive import create, publish
from worker.sinks.file_pages import FilePages
from worker.sinks.file_record import FileRecord
from worker.sinks.part import Part
from worker.sinks.sink import Sink

ROOT = Path(__file__).parents[2]
ROWS: tuple[Row, ...] = tuple(b'{"n":%d}' % number for number in range(1, 21))


def make(directory: Path, *, options: str = "", part_rows: int = 4, job: str = "j1") -> Sink:
    return open_sink(
        parse_address(f"file:{directory}{options}"),
        job=job,
        connection="kargo",
        report="report",
        default_redis=Redis(),
        stream_bound=0,
        part_rows=part_rows,
    )


def position(rows: Sequence[Row], *, is_closed: bool = False) -> Checkpoint:
    text = b"".join((row.raw if isinstance(row, DeadRow) else row) + b"\n" for row in rows)
    dead_rows = sum(isinstance(row, DeadRow) for row in rows)
    return Checkpoint(len(rows), hashlib.sha256(text).hexdigest(), dead_rows, len(text), "ijson", is_closed)


def commit(sink: Sink, first: int, last: int, *, rows: Sequence[Row] = ROWS, page: int = 1, generation: int = 1) -> Any:
    return sink.commit(
        generation, page, position(rows[: first - 1]), Batch(tuple(rows[first - 1 : last]), position(rows[:last]))
    )


def page(sink: Sink, rows: Sequence[Row], *, number: int = 1, generation: int = 1, stride: int = 2) -> None:
    """Publish a page and close it."""
    for first in range(1, len(rows) + 1, stride):
        commit(sink, first, min(first + stride - 1, len(rows)), rows=rows, page=number, generation=generation)
    assert isinstance(sink.close(generation, number, position(rows)), Kept)


def names(directory: Path) -> list[str]:
    """The files in a job's directory but its record."""
    files = (path for path in directory.rglob("*") if path.is_file() and ".sink" not in path.parts)
    return sorted(str(path.relative_to(directory)) for path in files)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return tmp_path / "kargo" / "report" / "j1"


def test_files_are_named_by_page_part_and_generation_and_the_receipt_names_them(tmp_path: Path, job: Path) -> None:
    sink = make(tmp_path)
    sink.open(1)
    page(sink, ROWS[:2])
    sink.void(1, "replay", 2)
    page(sink, ROWS[:4], number=1, generation=2)
    page(sink, (*ROWS[:5], DeadRow(b"six", "not a row"), *ROWS[6:9]), number=2, generation=2)
    page(sink, (), number=3, generation=2)
    finished = sink.finish(2, 3, {"job": "j1", "name": "Größe"})
    assert names(job) == [
        "g2/page-00001.ndjson",
        "g2/page-00002.part-0001.ndjson",
        "g2/page-00002.part-0002.dead.ndjson",
        "g2/page-00002.part-0002.ndjson",
        "g2/page-00002.part-0003.ndjson",
        "receipt.json",
    ]
    receipt = json.loads((job / "receipt.json").read_text())
    assert finished == Finished(receipt)
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
    assert (job / "g2/page-00001.ndjson").read_bytes() == b'{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n'
    dead = json.loads((job / "g2/page-00002.part-0002.dead.ndjson").read_text())
    assert dead == {"at": "2.2.6", "reason": "not a row", "row": "six"}


def test_a_receipt_without_dead_rows_has_no_list_of_them(tmp_path: Path) -> None:
    sink = make(tmp_path)
    sink.open(1)
    page(sink, ROWS[:2])
    finished = sink.finish(1, 1, {})
    assert isinstance(finished, Finished)
    assert finished.receipt.keys() == {"files"}


def test_a_batch_is_not_cut_and_a_part_takes_what_fits(tmp_path: Path, job: Path) -> None:
    sink = make(tmp_path, part_rows=5)
    sink.open(1)
    commit(sink, 1, 3)
    commit(sink, 4, 6)
    commit(sink, 7, 16)
    sink.close(1, 1, position(ROWS[:16]))
    sink.finish(1, 1, {})
    receipt = json.loads((job / "receipt.json").read_text())
    assert [file["rows"] for file in receipt["files"]] == [3, 3, 10]


@pytest.mark.parametrize(("compression", "suffix"), [("gzip", ".gz"), ("zstd", ".zst")])
def test_compressed_files_say_so_and_are_read_by_other_programs(
    tmp_path: Path, job: Path, compression: str, suffix: str
) -> None:
    sink = make(tmp_path, options=f"?compression={compression}", part_rows=100)
    sink.open(1)
    page(sink, (*ROWS, DeadRow(b"x", "not a row")))
    sink.finish(1, 1, {"rows": 20, "dead_rows": 1})
    assert names(job) == [f"page-00001.dead.ndjson{suffix}", f"page-00001.ndjson{suffix}", "receipt.json"]
    if compression == "gzip":
        with gzip.open(job / "page-00001.ndjson.gz") as file:
            assert [json.loads(line)["n"] for line in file] == list(range(1, 21))
    assert audit_files(job).is_whole


def test_rows_are_invisible_until_their_part_is_taken(tmp_path: Path, job: Path) -> None:
    sink = make(tmp_path)
    sink.open(1)
    commit(sink, 1, 2)
    commit(sink, 3, 4)
    assert not [name for name in names(job) if not name.startswith(".")]
    assert make(tmp_path).checkpoint(1, 1) == Checkpoint()
    commit(sink, 5, 6)
    assert [name for name in names(job) if not name.startswith(".")] == ["page-00001.part-0001.ndjson"]
    assert make(tmp_path).checkpoint(1, 1) == position(ROWS[:4])
    sink.release()


def test_asking_for_the_checkpoint_lets_unfinished_rows_go(tmp_path: Path) -> None:
    sink = make(tmp_path)
    sink.open(1)
    commit(sink, 1, 2)
    assert sink.checkpoint(1, 1) == Checkpoint()
    assert commit(sink, 1, 3) == Kept(position(ROWS[:3]))
    sink.checkpoint(1, 1)
    page(sink, ROWS)
    sink.finish(1, 1, {"rows": 20})
    assert audit_files(tmp_path / "kargo" / "report" / "j1").is_whole


# -- who was first


def test_a_writer_learns_at_its_next_batch_that_its_part_is_taken(tmp_path: Path) -> None:
    one, other = make(tmp_path), make(tmp_path)
    one.open(1)
    commit(one, 1, 2)
    page(other, ROWS[:10])
    assert commit(one, 3, 4) == Refused(position(ROWS[:10], is_closed=True))
    assert not list(tmp_path.rglob("*.tmp"))


def test_of_two_that_take_a_part_at_once_one_wins(tmp_path: Path) -> None:
    record = FileRecord(tmp_path / "job")
    record.begin(1, "here")
    parts = []
    for rows in (ROWS[:2], ROWS[:3]):
        part = Part(record.rows_directory(1), 1, 1, 1, Checkpoint(), "none")
        part.append(Batch(rows, position(rows)))
        parts.append(part)
    assert FilePages(record).take(1, 1, parts[0], is_last=True) is not None
    assert FilePages(record).take(1, 1, parts[1], is_last=True) is None
    assert FilePages(record).last(1, 1).after == position(ROWS[:2], is_closed=True)
    assert names(tmp_path / "job") == ["page-00001.ndjson"]
    assert (tmp_path / "job" / "page-00001.ndjson").read_bytes() == b'{"n":1}\n{"n":2}\n'


def test_a_name_that_is_taken_stays_with_its_owner(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.write_text("second")
    assert create(tmp_path / "name", b"first")
    assert not create(tmp_path / "name", b"second")
    assert not publish(temporary, tmp_path / "name")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]
    assert (tmp_path / "name").read_bytes() == b"first"


def test_a_part_that_was_taken_but_not_named_is_named_by_whoever_comes_next(tmp_path: Path, job: Path) -> None:
    sink = make(tmp_path, part_rows=2)
    sink.open(1)
    page(sink, ROWS[:4])
    taken = FileRecord(job).part(1, 1, 2)
    assert taken is not None
    (job / taken.files[0].name).rename(job / taken.files[0].temporary)
    assert make(tmp_path).checkpoint(1, 1) == position(ROWS[:4], is_closed=True)
    assert names(job) == ["page-00001.part-0001.ndjson", "page-00001.part-0002.ndjson"]


# -- ends


def test_a_file_that_is_gone_or_changed_fails_the_job_at_its_end(tmp_path: Path, job: Path) -> None:
    sink = make(tmp_path)
    sink.open(1)
    page(sink, ROWS)
    lost = job / "page-00001.part-0002.ndjson"
    lost.unlink()
    with pytest.raises(FailJob, match=r"page-00001\.part-0002\.ndjson is gone"):
        make(tmp_path).finish(1, 1, {})
    lost.write_text("something else")
    with pytest.raises(FailJob, match="was changed"):
        make(tmp_path).finish(1, 1, {})
    assert not (job / "receipt.json").exists()


def test_a_receipt_that_was_not_written_is_written_by_the_next_finish(tmp_path: Path, job: Path) -> None:
    sink = make(tmp_path)
    sink.open(1)
    page(sink, ROWS)
    finished = sink.finish(1, 1, {"rows": 20})
    (job / "receipt.json").unlink()
    assert make(tmp_path).finish(1, 1, {}) == finished
    assert audit_files(job).is_whole


def test_a_void_takes_its_rows_away_and_nothing_else(tmp_path: Path, job: Path) -> None:
    sink = make(tmp_path)
    sink.open(1)
    page(sink, (*ROWS, DeadRow(b"x", "not a row")))
    (job / "notes.txt").write_text("mine")
    dead_writer = make(tmp_path)
    commit(dead_writer, 1, 2, page=2)
    make(tmp_path).void(1, "replay", 2)
    page(sink, ROWS[:2], generation=2)
    make(tmp_path).void(1, "replay", 2)
    assert names(job) == ["g2/page-00001.ndjson", "notes.txt"]
    dead_writer.release()


def test_a_writer_whose_generation_is_voided_beneath_it_is_told_so(tmp_path: Path, job: Path) -> None:
    late = make(tmp_path)
    late.open(1)
    commit(late, 1, 2)
    make(tmp_path).void(1, "cancelled")
    assert late.close(1, 1, position(ROWS[:2])) == Ended("void")
    late.release()
    assert names(job) == []


@pytest.mark.parametrize("is_first", [True, False])
def test_a_void_in_the_middle_of_a_close_leaves_no_rows(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    sink = make(tmp_path)
    sink.open(1)
    commit(sink, 1, 2)
    take = FilePages.take

    def take_amid_a_void(self: FilePages, *arguments: Any, **named: Any) -> Any:
        if is_first:
            make(tmp_path).void(1, "cancelled")
        kept = take(self, *arguments, **named)
        make(tmp_path).void(1, "cancelled")
        return kept

    monkeypatch.setattr(FilePages, "take", take_amid_a_void)
    assert sink.close(1, 1, position(ROWS[:2])) == Ended("void")
    sink.release()
    assert names(job) == []


def test_rows_that_may_be_taken_are_not_thrown_away(tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = make(tmp_path)
    sink.open(1)
    commit(sink, 1, 2)
    take = FileRecord.take

    def take_and_lose_the_answer(self: FileRecord, *arguments: Any) -> bool:
        take(self, *arguments)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(FileRecord, "take", take_and_lose_the_answer)
        with pytest.raises(RetryLater, match="Input/output error"):
            sink.close(1, 1, position(ROWS[:2]))
        sink.release()
    assert make(tmp_path).close(1, 1, position(ROWS[:2])) == Kept(position(ROWS[:2], is_closed=True))
    assert names(job) == ["page-00001.ndjson"]


# -- the place


def test_a_worker_that_does_not_find_the_token_fails_the_job(tmp_path: Path) -> None:
    sink = make(tmp_path / "here")
    sink.open(1)
    with pytest.raises(FailJob, match="is not the same place for every worker"):
        make(tmp_path / "there").checkpoint(1, 1)
    (tmp_path / "here" / ".millrace").write_text("another token")
    with pytest.raises(FailJob, match="is not the same place for every worker"):
        make(tmp_path / "here").checkpoint(1, 1)


def test_a_job_that_fails_before_anything_was_opened_leaves_nothing(tmp_path: Path) -> None:
    assert make(tmp_path / "never").void(1, "failed") == Ended("missing")
    assert not (tmp_path / "never").exists()


def test_a_file_in_the_place_of_a_directory_fails_the_job_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "kargo").write_text("not a directory")
    with pytest.raises(FailJob, match=r"kargo.*Not a directory"):
        make(tmp_path).open(1)


def fill(directory: Path, *wrapper: str) -> subprocess.CompletedProcess[str]:
    """Publish four mebibytes in a process of its own; it says how that ended."""
    script = ROOT / "tests" / "fixtures" / "sink_fill.py"
    command = [*wrapper, sys.executable, str(script), str(directory)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_full_disk_fails_the_job_and_leaves_no_unfinished_file(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=1m none {tmp_path} && exec "$@"'
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount, "sh", "true"], check=False).returncode:
        pytest.skip("no small disk can be had here")
    filled = fill(tmp_path, "unshare", "-rm", "sh", "-c", mount, "sh")
    assert filled.stdout.splitlines() == [f"FailJob: {tmp_path}/kargo/report/j1: No space left on device", "[]"], filled


def test_a_file_that_may_not_grow_fails_the_job_and_is_removed(tmp_path: Path) -> None:
    filled = fill(tmp_path, "sh", "-c", 'ulimit -f 1000 && exec "$@"', "sh")
    assert filled.stdout.splitlines() == [f"FailJob: {tmp_path}/kargo/report/j1: File too large", "[]"], filled


# -- crashes


@pytest.mark.timeout(300)
def test_a_crash_at_any_touch_of_the_file_system_is_mended(tmp_path: Path) -> None:
    script = ROOT / "tests" / "fixtures" / "sink_crash.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    lives = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(lives) > 50
    assert [life.pop("died") for life in lives] == [True] * (len(lives) - 1) + [False]
    expected = {"is_whole": True, "rows": [8, 1], "voided": {"1": "replay"}, "leftovers": []}
    assert [life for life in lives if life != expected] == []


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    rows = tuple(b'{"n":%d,"text":"%s"}' % (number, b"x" * 100) for number in range(1000))
    peaks = []
    for batches in (5, 100):
        sink = make(tmp_path, job=f"j{batches}", part_rows=1_000_000)
        sink.open(1)
        at = Checkpoint()
        tracemalloc.start()
        for number in range(1, batches + 1):
            after = Checkpoint(number * 1000, f"{number:064x}", 0, number, "ijson")
            sink.commit(1, 1, at, Batch(rows, after))
            at = after
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sink.release()
    assert peaks[1] < peaks[0] + 100_000
