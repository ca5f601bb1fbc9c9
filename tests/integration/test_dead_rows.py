"""Rows set aside in files, in a directory and in a bucket: readable with their reasons, in every state of the job."""

from __future__ import annotations

from tests.sinks import READING, finish, make, publish
from worker.jobs.dead_letters import dead_rows_in_files
from worker.model import DeadRow
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
