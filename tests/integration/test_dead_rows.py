"""Rows set aside in files, in a directory and in a bucket: readable with their reasons, in every state of the job."""

from __future__ import annotations

import os
from pathlib import Path

from obstore.store import MemoryStore

from tests.sinks import READING, finish, make, publish
from worker.jobs.dead_letters import dead_rows_in_files
from worker.model import DeadRow
from worker.sinks.address import BucketAddress
from worker.sinks.files.bucket import BucketStore
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.store import Key
from worker.sinks.kinds import file_store, parse_address


def test_dead_rows_of_done_and_failed_jobs_are_shown_and_those_that_were_read_again_are_not(any_files: str) -> None:
    for job in ("done", "failed"):
        sink = make(any_files, job=job)
        sink.open(1)
        publish(sink, (DeadRow(b"first reading", "it is none"),))
        sink.void(1, "replay", 2)
        publish(sink, (*READING[:1], DeadRow(b"{clicks: many}", f"clicks of {job}")), generation=2)
        if job == "done":
            finish(sink, generation=2)
        else:
            sink.void(2, "failed")
    address = parse_address(any_files)
    shown = list(dead_rows_in_files(file_store(address), Key("kargo", "report")))
    assert sorted(shown, key=lambda letter: letter["job"]) == [
        {"job": job, "at": "2.1.2", "reason": f"clicks of {job}", "row": "{clicks: many}"} for job in ("done", "failed")
    ]


def test_the_outcome_of_the_newest_job_is_found_first(tmp_path: Path) -> None:
    address = parse_address("s3://rows/x")
    assert isinstance(address, BucketAddress)
    directory, bucket = DirectoryStore(tmp_path), BucketStore(address.bucket)
    vars(bucket)["_store"] = MemoryStore()
    outcomes = [Key("report", job, "outcome.json") for job in ("b", "a", "c")]
    for seconds, key in enumerate(outcomes):
        assert directory.create(key, b"{}")
        assert bucket.create(key, b"{}")
        os.utime(tmp_path / key, (seconds, seconds))
    for store in (directory, bucket):
        assert store.find(Key("report"), "outcome.json") == outcomes[::-1]
