"""`latest.json`: of each window of a report, the newest job that is done, so that a restated day is read once."""

from __future__ import annotations

import json

import orjson

from worker.model import Json
from worker.sinks.files.store import Key, Store

MANIFEST = "latest.json"


def note_latest(store: Store, report_directory: Key, job_directory: Key, receipt: Json) -> None:
    """Put a done job into its report's manifest, unless a newer one of its window stands there.

    The manifest is replaced as a whole: a reader sees the old one or the new one. May be repeated.
    """
    entry = _entry(job_directory.relative_to(report_directory).as_posix(), receipt)

    def with_entry(content: bytes | None) -> bytes | None:
        held: Json = {"windows": []} if content is None else orjson.loads(content)
        others = []
        for other in held["windows"]:
            if _covers(other) != _covers(entry):
                others.append(other)
            elif _age(other) > _age(entry):
                return None
        windows = sorted([*others, entry], key=lambda window: json.dumps(_covers(window), sort_keys=True))
        written = {"connection": receipt.get("connection"), "report": receipt.get("report"), "windows": windows}
        return json.dumps(written, ensure_ascii=False, indent=1).encode()

    store.change(report_directory / MANIFEST, with_entry)


def _entry(job: str, receipt: Json) -> Json:
    copied = {name: receipt.get(name) for name in ("window", "params", "job", "ready_at", "finished_at", "rows")}
    files = [f"{job}/{file['path']}" for file in receipt["files"]]
    return {**copied, "receipt": f"{job}/receipt.json", "files": files}


def _covers(entry: Json) -> list[object]:
    return [entry["window"], entry["params"]]


def _age(entry: Json) -> tuple[str, str, str]:
    """Of two readings of a window the one the vendor had ready later counts; times are UTC in one form."""
    return tuple(entry[name] or "" for name in ("ready_at", "finished_at", "job"))  # type: ignore[return-value]
