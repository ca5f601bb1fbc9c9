"""The audit of a job in files: what its receipt names, read again to the last byte."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson

from worker.model import Json
from worker.sinks.audit import Audit, Auditor
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.formats.kinds import format_of
from worker.sinks.files.formats.ndjson import rows
from worker.sinks.files.pages import FilePages
from worker.sinks.files.record import FileRecord
from worker.sinks.files.store import Key, Store
from worker.sinks.sink import totals


def audit_files(job_directory: Path) -> Audit:
    """The audit of a job in a directory of this machine."""
    return audit_stored(DirectoryStore(job_directory), Key(), job_directory.name)


def audit_stored(store: Store, job_directory: Key, job: str) -> Audit:
    """One job's files, as its consumers see it now: without `receipt.json` there is nothing to read.

    Files carry no row addresses: a file that is missing or not as it was kept stands in `changed`, and then no rows
    are read at all. A table does not hold the JSON its digest ran over: its rows are counted, its bytes compared, and
    the digest is the one the sink record kept of what was written there.
    """
    record = FileRecord(store, job_directory)
    auditor = Auditor(job)
    for generation in range(1, record.standing().generation + 1):
        outcome = record.outcome(generation)
        if outcome and outcome["state"] == "void" and outcome["rows"]:
            auditor.add_entry({b"void": orjson.dumps({"generation": generation, "reason": outcome["reason"]})})
    content = store.read(job_directory / "receipt.json")
    if content is None:
        return auditor.result()
    receipt: Json = orjson.loads(content)
    files: list[Json] = [*(receipt.get("files") or ()), *receipt.get("dead_files", ())]
    changed = [file["path"] for file in files if not _is_as_kept(store, job_directory / file["path"], file)]
    generation = record.standing().generation
    is_table = any(format_of(Path(file["path"])).rows is None for file in receipt.get("files") or ())
    if not changed:
        held = {"dead_files": receipt.get("dead_files", ())} if is_table else receipt
        _read_rows(auditor, record, held, generation)
    auditor.add_entry({b"end": content})
    found = auditor.result(changed)
    return _audit_tables(found, record, receipt, generation) if is_table and not changed else found


def _audit_tables(found: Audit, record: FileRecord, receipt: Json, generation: int) -> Audit:
    """The audit with the rows of tables, which are only counted, against what the sink record kept of them."""
    there = 0
    for file in receipt["files"]:
        with record.store.local(record.job_directory / file["path"]) as path:
            there += format_of(path).count(path)
    pages = FilePages(record)
    kept = totals(pages.last(generation, page).after for page in range(1, int(receipt.get("pages", 0)) + 1))
    return replace(
        found,
        generation=generation,
        generations=tuple(sorted({*found.generations, generation})),
        rows=there,
        lost=max(0, kept.rows - there),
        doubled=max(0, there - kept.rows),
        digest=kept.digest,
    )


def _read_rows(auditor: Auditor, record: FileRecord, receipt: Json, generation: int) -> None:
    """Give the auditor the dead rows and then the rows; a row's number is found by leaving out those of dead rows."""
    dead: dict[int, set[int]] = {}
    for file in receipt.get("dead_files", ()):
        for line in _rows(record, file):
            letter = orjson.loads(line)
            page, row = (int(part) for part in letter["at"].split(".")[1:])
            dead.setdefault(page, set()).add(row)
            auditor.add_dead_letter({b"at": letter["at"].encode(), b"row": letter["row"].encode()})
    numbers: dict[int, int] = {}
    for file in receipt.get("files") or ():
        page = int(re.findall(r"page-(\d+)", file["path"])[-1])
        for line in _rows(record, file):
            number = numbers.get(page, 0) + 1
            while number in dead.get(page, ()):
                number += 1
            numbers[page] = number
            auditor.add_entry({b"at": b"%d.%d.%d" % (generation, page, number), b"row": line})


def _rows(record: FileRecord, file: Json) -> Iterator[bytes]:
    with record.store.local(record.job_directory / file["path"]) as path:
        yield from rows(path)


def _is_as_kept(store: Store, key: Key, file: Json) -> bool:
    """Is the file there, with the size and the SHA-256 that its receipt names?"""
    if store.size(key) != file["bytes"]:
        return False
    with store.local(key) as path, path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == str(file["sha256"])
