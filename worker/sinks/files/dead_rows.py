"""Reads the dead rows of a report, each with its reason, from the files of its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import orjson

from worker.model import Json
from worker.sinks.files.formats.ndjson import rows
from worker.sinks.files.record import OUTCOME_ENDING, read_json
from worker.sinks.files.store import Key, Store


def dead_rows(store: Store, report_directory: Key) -> Iterator[Json]:
    """The dead rows of all jobs that are done or failed, the newest job first: `job`, `at`, `reason` and `row`.

    Files that the operator has removed are skipped.
    """
    for key in store.find(report_directory, OUTCOME_ENDING):
        outcome = read_json(store, key) or {}
        job_directory = key.parent.parent
        for file in outcome.get("receipt", outcome).get("dead_files", ()):
            with suppress(FileNotFoundError), store.local(job_directory / file["path"]) as path:
                yield from ({"job": job_directory.name, **orjson.loads(line)} for line in rows(path))
