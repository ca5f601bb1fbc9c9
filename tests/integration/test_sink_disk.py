"""The file sink survives rival writers, crashes and full disks, and refuses an unusable directory."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.sinks import (
    DONE,
    READING,
    Closed,
    batch,
    commit,
    file_names,
    finish,
    job_directory,
    make,
    opened,
    position,
    publish,
)
from worker.errors import FailJob, RetryLater
from worker.model import Checkpoint, OpenPages, Totals
from worker.sinks.files.audit import audit_files
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.generations import FileGenerations
from worker.sinks.files.pages import FilePages
from worker.sinks.files.part import Layout, Part
from worker.sinks.files.record import FileRecord, KeptPart
from worker.sinks.files.store import Key

ROOT = Path(__file__).parents[2]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return job_directory(tmp_path)


def test_a_writer_learns_at_its_next_batch_that_its_part_is_taken(tmp_path: Path) -> None:
    one, other = make(f"file:{tmp_path}"), make(f"file:{tmp_path}")
    one.open(1)
    commit(one, 1, 2)
    publish(other, READING)
    assert commit(one, 3, 4) == position(READING, is_closed=True)
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("is_at_its_end", [False, True])
def test_a_part_is_begun_where_its_first_row_belongs_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_at_its_end: bool
) -> None:
    """Another writer continues between the reading of the page's position and the beginning of a part."""
    one, other = make(f"file:{tmp_path}", part_rows=2), make(f"file:{tmp_path}", part_rows=2)
    one.open(1)
    looks, look = [], FilePages.last

    def look_and_be_overtaken(pages: FilePages, generation: int, page: int) -> KeptPart:
        looks.append(page)
        if len(looks) == 2:
            for first in (1, 3, 5):
                commit(other, first, first + 1)
        return look(pages, generation, page)

    monkeypatch.setattr(FilePages, "last", look_and_be_overtaken)
    answer = one.close(1, 1, Checkpoint()) if is_at_its_end else commit(one, 1, 2)
    assert answer == position(READING, 4)
    other.release()


def test_a_part_whose_record_is_not_seen_a_second_time_is_not_left_out_of_the_receipt(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system that another machine writes to."""
    sink, hidden = opened(f"file:{tmp_path}"), job / ".sink/g1/page-00001.part-0002.json"
    publish(sink, READING)
    tally = FileGenerations.tally

    def tally_and_hide(generations: FileGenerations, generation: int, pages: int) -> Totals | OpenPages:
        totals = tally(generations, generation, pages)
        hidden.rename(tmp_path / "hidden")
        return totals

    monkeypatch.setattr(FileGenerations, "tally", tally_and_hide)
    with pytest.raises(RetryLater, match="part 2 of page 1 is no longer on record"):
        sink.finish(1, 1, {})
    monkeypatch.undo()
    (tmp_path / "hidden").rename(hidden)
    assert sum(file["rows"] for file in sink.finish(1, 1, {})["files"]) == len(READING)


def test_a_record_is_not_begun_in_a_place_whose_token_is_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = make(f"file:{tmp_path}")
    monkeypatch.setattr(DirectoryStore, "mark", lambda *_: None)
    with pytest.raises(FailJob, match="is not the same place for all workers"):
        sink.open(1)
    monkeypatch.undo()
    assert sink.open(1) == DONE


@pytest.mark.parametrize("token", [b"", b"\xff"])
def test_any_token_marks_a_place_while_it_stays_the_same(tmp_path: Path, token: bytes) -> None:
    (tmp_path / ".millrace").write_bytes(token)
    assert make(f"file:{tmp_path}").open(1) == DONE
    (tmp_path / ".millrace").write_bytes(b"another")
    with pytest.raises(FailJob, match="is not the same place for all workers"):
        make(f"file:{tmp_path}").open(1)


def test_of_two_that_take_a_part_at_once_one_wins(tmp_path: Path) -> None:
    record = FileRecord(DirectoryStore(tmp_path / "job"), Key())
    record.begin(1, "here")
    parts = []
    for rows in (2, 3):
        part = Part(record.store, record.rows_directory(1), 1, 1, 1, Checkpoint(), Layout())
        part.append(batch(READING, 1, rows))
        parts.append(part)
    assert FilePages(record).take(1, 1, parts[0], is_last=True) is not None
    assert FilePages(record).take(1, 1, parts[1], is_last=True) is None
    assert FilePages(record).last(1, 1).after == position(READING, 2, is_closed=True)
    assert file_names(tmp_path / "job") == ["page-00001.ndjson"]
    assert (tmp_path / "job" / "page-00001.ndjson").read_bytes() == b'{"row":1}\n{"row":2}\n'
    for part in parts:
        part.discard()


def test_a_name_that_is_taken_stays_with_its_owner(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    (tmp_path / "temporary").write_text("second")
    assert store.create(Key("name"), b"first")
    assert not store.create(Key("name"), b"second")
    store.publish(Key(), "temporary", "name")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]
    assert store.read(Key("name")) == b"first"


def test_a_name_that_was_given_though_the_answer_was_lost_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_and_fail(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError

    monkeypatch.setattr(os, "link", link_and_fail)
    assert DirectoryStore(tmp_path).create(Key("name"), b"ours")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_a_missing_file_gets_no_name(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    with pytest.raises(FileNotFoundError):
        store.publish(Key(), "nothing", "name")
    (tmp_path / "name").write_text("another worker gave the file its name")
    store.publish(Key(), "nothing", "name")


def test_a_file_that_is_taken_for_abandoned_before_it_is_locked_is_begun_anew(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, cleaner = opened(f"file:{tmp_path}"), make(f"file:{tmp_path}")
    lock = fcntl.flock

    def lock_after_another(file: BinaryIO, how: int) -> None:
        monkeypatch.undo()
        cleaner.remove_abandoned(1, 1)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_after_another)
    publish(sink, READING)
    finish(sink)
    assert audit_files(job).is_whole


def test_a_part_that_was_taken_but_not_named_is_named_by_the_next_writer(tmp_path: Path, job: Path) -> None:
    sink = opened(f"file:{tmp_path}", part_rows=2)
    publish(sink, READING[:4])
    taken = FileRecord(DirectoryStore(job), Key()).part(1, 1, 2)
    assert taken is not None
    (job / taken.files[0].name).rename(job / taken.files[0].temporary)
    assert make(f"file:{tmp_path}").checkpoint(1, 1) == position(READING, 4, is_closed=True)
    assert file_names(job) == ["page-00001.part-0001.ndjson", "page-00001.part-0002.ndjson"]


def test_names_that_a_machine_forgot_are_given_again_at_the_end(tmp_path: Path, job: Path) -> None:
    publish(opened(f"file:{tmp_path}", part_rows=2), READING[:4])
    record = FileRecord(DirectoryStore(job), Key())
    for number in (1, 2):
        taken = record.part(1, 1, number)
        assert taken is not None
        (job / taken.files[0].name).rename(job / taken.files[0].temporary)
    finish(make(f"file:{tmp_path}"))
    assert file_names(job) == ["page-00001.part-0001.ndjson", "page-00001.part-0002.ndjson", "receipt.json"]


def test_what_a_killed_writer_left_is_removed_and_what_another_writes_stays(tmp_path: Path, job: Path) -> None:
    taking_over, living = make(f"file:{tmp_path}"), make(f"file:{tmp_path}")
    living.open(1)
    commit(living, 1, 2)
    (written,) = job.glob(".page-00001.*.tmp")
    child = os.fork()
    if not child:
        commit(make(f"file:{tmp_path}"), 1, 2)
        commit(make(f"file:{tmp_path}"), 1, 2, page=2)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(list(job.glob("*.tmp"))) == 3
    taking_over.remove_abandoned(1, 1)
    assert sorted(path.name[:11] for path in job.glob("*.tmp")) == [".page-00001", ".page-00002"]
    assert written.exists()
    assert commit(living, 3, 9) == position(READING, 9)
    assert living.close(1, 1, position(READING, 9)) == position(READING, is_closed=True)
    finish(taking_over)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_part_of_a_writer_that_died_before_naming_it_is_not_removed(
    tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking_over = make(f"file:{tmp_path}")
    taking_over.open(1)
    assert taking_over.checkpoint(1, 1) == Checkpoint()
    child = os.fork()
    if not child:
        monkeypatch.setattr(DirectoryStore, "publish", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        publish(make(f"file:{tmp_path}", part_rows=9), READING)
    os.waitpid(child, 0)
    assert len(list(job.glob(".page-00001.*.tmp"))) == 1
    taking_over.remove_abandoned(1, 1)
    finish(taking_over)
    assert audit_files(job).is_whole


def test_a_worker_that_does_not_find_the_token_fails_the_job(tmp_path: Path) -> None:
    opened(f"file:{tmp_path}/here")
    with pytest.raises(FailJob, match="is not the same place for all workers"):
        make(f"file:{tmp_path}/there").checkpoint(1, 1)
    (tmp_path / "here" / ".millrace").write_text("another token")
    with pytest.raises(FailJob, match="is not the same place for all workers"):
        make(f"file:{tmp_path}/here").checkpoint(1, 1)


def test_a_job_that_fails_before_anything_was_opened_leaves_nothing(tmp_path: Path) -> None:
    assert make(f"file:{tmp_path}/never").void(1, "failed") == Closed("missing")
    assert not (tmp_path / "never").exists()


def test_a_file_in_the_place_of_a_directory_fails_the_job_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "kargo").write_text("not a directory")
    with pytest.raises(FailJob, match=r"kargo.*Not a directory"):
        make(f"file:{tmp_path}").open(1)


@pytest.mark.parametrize("below", ["", "/below"])
def test_a_directory_that_cannot_be_made_fails_the_job_at_once(tmp_path: Path, below: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "unmounted")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "file").write_text("")
    for base, words in (
        (tmp_path / "link", "link: leads to .*/unmounted, which does not exist"),
        (tmp_path / "circle", "circle.*(does not exist|Too many levels of symbolic links)"),
        (tmp_path / "file", "file.*Not a directory"),
        (Path("/proc/none"), "/proc/none: no directory can be made there"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(FailJob, match=words):
            make(f"file:{base}{below}").open(1)


@pytest.mark.parametrize("options", ["ro", "mode=555"])
def test_a_directory_that_cannot_be_written_to_fails_the_job_at_once(tmp_path: Path, options: str) -> None:
    mount = f'mount -t tmpfs -o size=1m,{options} none {tmp_path} && exec "$@"'
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount, "sh", "true"], check=False).returncode:
        pytest.skip("no disk of one's own can be had here")
    drop_rights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    filled = fill(tmp_path, "ndjson", "unshare", "-rm", "sh", "-c", mount, "sh", *drop_rights)
    assert filled.stdout.startswith("FailJob: "), filled
    assert "Read-only file system" in filled.stdout or "Permission denied" in filled.stdout


def test_a_file_system_without_hard_links_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(source), None, str(target))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(FailJob, match=r"\.millrace: Operation not permitted; rows are published by hard links"):
        make(f"file:{tmp_path}").open(1)


def fill(directory: Path, kind: str, *wrapper: str) -> subprocess.CompletedProcess[str]:
    """Publish four mebibytes in a process of its own; it says how that ended."""
    script = ROOT / "tests" / "fixtures" / "sink_fill.py"
    command = [*wrapper, sys.executable, str(script), str(directory), kind]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_a_full_disk_fails_the_job_and_leaves_no_unfinished_file(tmp_path: Path, kind: str) -> None:
    mount = f'mount -t tmpfs -o size=1m none {tmp_path} && exec "$@"'
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount, "sh", "true"], check=False).returncode:
        pytest.skip("no small disk can be had here")
    filled = fill(tmp_path, kind, "unshare", "-rm", "sh", "-c", mount, "sh")
    assert filled.stdout.splitlines() == [f"FailJob: {tmp_path}/kargo/report/j1: No space left on device", "[]"], filled


def test_a_file_that_may_not_grow_fails_the_job_and_is_removed(tmp_path: Path) -> None:
    filled = fill(tmp_path, "ndjson", "sh", "-c", 'ulimit -f 1000 && exec "$@"', "sh")
    assert filled.stdout.splitlines() == [f"FailJob: {tmp_path}/kargo/report/j1: File too large", "[]"], filled


@pytest.mark.timeout(300)
def test_a_crash_at_any_touch_of_the_file_system_is_mended(memory_path: Path) -> None:
    script = ROOT / "tests" / "fixtures" / "sink_crash.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(memory_path)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    lives = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(lives) > 50
    assert [life.pop("died") for life in lives] == [True] * (len(lives) - 1) + [False]
    expected = {"is_whole": True, "rows": [8, 1], "voided": {"1": "replay"}, "leftovers": []}
    expected |= {"newest": True, "links": True}
    assert [life for life in lives if life != expected] == []
