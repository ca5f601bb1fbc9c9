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
    job = job_directory.relative_to(report_directory).as_posix()
    copied = {name: receipt.get(name) for name in ("window", "params", "job", "ready_at", "finished_at", "rows")}
    files = [f"{job}/{file['path']}" for file in receipt["files"]]
    entry: Json = {**copied, "receipt": f"{job}/receipt.json", "files": files}

    def with_entry(content: bytes | None) -> bytes | None:
        held: Json = {"windows": []} if content is None else orjson.loads(content)
        others = []
        for other in held["windows"]:
            if _window_and_params(other) != _window_and_params(entry):
                others.append(other)
            elif _ready_order(other) > _ready_order(entry):
                return None
        windows = sorted([*others, entry], key=lambda window: json.dumps(_window_and_params(window), sort_keys=True))
        written = {"connection": receipt.get("connection"), "report": receipt.get("report"), "windows": windows}
        return json.dumps(written, ensure_ascii=False, indent=1).encode()

    store.change(report_directory / MANIFEST, with_entry)


def _window_and_params(entry: Json) -> list[object]:
    return [entry["window"], entry["params"]]


def _ready_order(entry: Json) -> tuple[str, str, str]:
    """Orders readings of a window by when the vendor had them ready: the last one counts. Times are UTC in one form."""
    return tuple(entry[name] or "" for name in ("ready_at", "finished_at", "job"))  # type: ignore[return-value]
