"""`latest.json`: of each window of a report, the newest job that is done, so that a restated day is read once."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import orjson

from worker.model import Json
from worker.sinks.files.exclusive import sync_directory

MANIFEST = "latest.json"
LOCK = ".latest.lock"


def note_latest(report_directory: Path, job_directory: Path, receipt: Json) -> None:
    """Put a done job into its report's manifest, unless a newer one of its window stands there.

    The manifest is replaced as a whole: a reader sees the old one or the new one. May be repeated.
    """
    with (report_directory / LOCK).open("ab") as lock:
        # Two jobs that end at once would each leave the other out; a process that dies lets go of the lock.
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = report_directory / MANIFEST
        held: Json = orjson.loads(path.read_bytes()) if path.exists() else {"windows": []}
        entry = _entry(job_directory.relative_to(report_directory).as_posix(), receipt)
        others = []
        for other in held["windows"]:
            if _covers(other) != _covers(entry):
                others.append(other)
            elif _age(other) > _age(entry):
                return
        windows = sorted([*others, entry], key=lambda window: json.dumps(_covers(window), sort_keys=True))
        content = {"connection": receipt.get("connection"), "report": receipt.get("report"), "windows": windows}
        _replace(path, json.dumps(content, ensure_ascii=False, indent=1).encode())


def _entry(job: str, receipt: Json) -> Json:
    copied = {name: receipt.get(name) for name in ("window", "params", "job", "ready_at", "finished_at", "rows")}
    files = [f"{job}/{file['path']}" for file in receipt["files"]]
    return {**copied, "receipt": f"{job}/receipt.json", "files": files}


def _covers(entry: Json) -> list[object]:
    return [entry["window"], entry["params"]]


def _age(entry: Json) -> tuple[str, str, str]:
    """Of two readings of a window the one the vendor had ready later counts; times are UTC in one form."""
    return tuple(entry[name] or "" for name in ("ready_at", "finished_at", "job"))  # type: ignore[return-value]


def _replace(path: Path, content: bytes) -> None:
    # The lock is held, so that the name needs to be nobody else's only beside the dead.
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)
