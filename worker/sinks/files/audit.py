"""Audits a job in files: reads every file that its receipt names."""

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
from worker.sinks.files.record import RECEIPT, FileRecord, read_json
from worker.sinks.files.store import Key, Store
from worker.sinks.sink import totals


def audit_files(job_directory: Path) -> Audit:
    """Audit a job in a directory of this machine."""
    return audit_stored(DirectoryStore(job_directory), Key(), job_directory.name)


def audit_stored(store: Store, job_directory: Key, job: str) -> Audit:
    """Audit one job's files, as its consumers see them now: without `receipt.json` they see none.

    Files contain no row addresses, so if a file is missing or changed (`changed` names it), no rows are counted at all.
    A table (CSV, Parquet) does not contain the JSON that the digest was computed from: its bytes are compared, its rows
    counted, and the digest is the one in the sink record.
    """
    record = FileRecord(store, job_directory)
    auditor = Auditor(job)
    for generation in range(1, record.status().generation + 1):
        outcome = record.outcome(generation)
        if outcome and outcome["state"] == "void" and outcome["rows"]:
            auditor.add_void(generation, outcome["reason"])
    receipt = read_json(store, job_directory / RECEIPT)
    if receipt is None:
        return auditor.result()
    files: list[Json] = [*(receipt.get("files") or ()), *receipt.get("dead_files", ())]
    changed = [file["path"] for file in files if not _is_as_kept(store, job_directory / file["path"], file)]
    generation = record.status().generation
    is_table = any(format_of(Path(file["path"])).rows is None for file in receipt.get("files") or ())
    if not changed:
        held = {"dead_files": receipt.get("dead_files", ())} if is_table else receipt
        _read_rows(auditor, record, held, generation)
    auditor.add_end(receipt)
    found = auditor.result(changed)
    return _audit_tables(found, record, receipt, generation) if is_table and not changed else found


def _audit_tables(found: Audit, record: FileRecord, receipt: Json, generation: int) -> Audit:
    """The audit of tables, whose rows are only counted, against the sink record."""
    counted = 0
    for file in receipt["files"]:
        with record.store.local(record.job_directory / file["path"]) as path:
            counted += format_of(path).count(path)
    pages = FilePages(record)
    kept = totals(pages.last(generation, page).after for page in range(1, int(receipt.get("pages", 0)) + 1))
    return replace(
        found,
        generation=generation,
        generations=tuple(sorted({*found.generations, generation})),
        rows=counted,
        lost=max(0, kept.rows - counted),
        doubled=max(0, counted - kept.rows),
        digest=kept.digest,
    )


def _read_rows(auditor: Auditor, record: FileRecord, receipt: Json, generation: int) -> None:
    """Give the auditor the dead rows, then the rows, which are numbered in order, skipping the numbers of dead rows."""
    dead: dict[int, set[int]] = {}
    for file in receipt.get("dead_files", ()):
        for line in _rows(record, file):
            letter = orjson.loads(line)
            page, row = (int(part) for part in letter["at"].split(".")[1:])
            dead.setdefault(page, set()).add(row)
            auditor.add_dead_row(generation, page, row, letter["row"].encode())
    numbers: dict[int, int] = {}
    for file in receipt.get("files") or ():
        page = int(re.findall(r"page-(\d+)", file["path"])[-1])
        for line in _rows(record, file):
            number = numbers.get(page, 0) + 1
            while number in dead.get(page, ()):
                number += 1
            numbers[page] = number
            auditor.add_row(generation, page, number, line)


def _rows(record: FileRecord, file: Json) -> Iterator[bytes]:
    with record.store.local(record.job_directory / file["path"]) as path:
        yield from rows(path)


def _is_as_kept(store: Store, key: Key, file: Json) -> bool:
    """Does the file exist, with the size and the SHA-256 in the receipt?"""
    if store.size(key) != file["bytes"]:
        return False
    with store.local(key) as path, path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == str(file["sha256"])
