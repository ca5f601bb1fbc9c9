"""The audit of a job in files: what its receipt names, read again to the last byte."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from worker.model import Json
from worker.sinks.audit import Audit, Auditor
from worker.sinks.files.compression import open_unpacked
from worker.sinks.files.record import FileRecord


def audit_files(job_directory: Path) -> Audit:
    """One job's directory, as its consumers see it now: without `receipt.json` there is nothing to read.

    Files carry no row addresses: a file that is missing or not as it was kept stands in `changed`, and then no rows
    are read at all.
    """
    record = FileRecord(job_directory)
    auditor = Auditor(job_directory.name)
    for generation, outcome in _outcomes(record):
        if outcome["state"] == "void" and outcome["rows"]:
            auditor.entry({b"void": orjson.dumps({"generation": generation, "reason": outcome["reason"]})})
    path = job_directory / "receipt.json"
    if not path.exists():
        return auditor.result()
    receipt: Json = orjson.loads(path.read_bytes())
    changed = [file["path"] for file in _files(receipt) if not _is_as_kept(job_directory / file["path"], file)]
    if not changed:
        _read(auditor, job_directory, receipt, record.standing().generation)
    auditor.entry({b"end": path.read_bytes()})
    return auditor.result(changed)


def _outcomes(record: FileRecord) -> Iterator[tuple[int, Json]]:
    """The generations that are over, from the first on."""
    for generation in range(1, record.standing().generation + 1):
        if outcome := record.outcome(generation):
            yield generation, outcome


def _read(auditor: Auditor, directory: Path, receipt: Json, generation: int) -> None:
    dead: dict[int, set[int]] = {}
    for file in receipt.get("dead_files", ()):
        for line in _lines(directory / file["path"]):
            letter = orjson.loads(line)
            page, row = (int(part) for part in letter["at"].split(".")[1:])
            dead.setdefault(page, set()).add(row)
            auditor.dead_letter({b"at": letter["at"].encode(), b"row": letter["row"].encode()})
    numbers: dict[int, int] = {}
    for file in receipt.get("files") or ():
        page = int(re.findall(r"page-(\d+)", file["path"])[-1])
        for line in _lines(directory / file["path"]):
            number = numbers.get(page, 0) + 1
            while number in dead.get(page, ()):
                number += 1
            numbers[page] = number
            auditor.entry({b"at": b"%d.%d.%d" % (generation, page, number), b"row": line.rstrip(b"\n")})


def _lines(path: Path) -> Iterable[bytes]:
    with open_unpacked(path) as file:
        yield from file


def _files(receipt: Json) -> list[Json]:
    return [*(receipt.get("files") or ()), *receipt.get("dead_files", ())]


def _is_as_kept(path: Path, file: Json) -> bool:
    if not path.exists() or path.stat().st_size != file["bytes"]:
        return False
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == str(file["sha256"])
