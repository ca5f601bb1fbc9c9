"""The manifest of a report: for each window the newest done job, so that a restated day is read only once.

REPORT/latest.json                                         for readers that accept a list of files
REPORT/_symlink_format_manifest/date=2026-11-01/manifest   for engines that accept only a directory
"""

from __future__ import annotations

import json

import orjson

from worker.errors import FailJob
from worker.model import Json
from worker.sinks.files.record import RECEIPT, read_json
from worker.sinks.files.store import Key, Store

MANIFEST = "latest.json"
LINKS = Key("_symlink_format_manifest", "manifest")
"""The name that Delta Lake uses. Hive's SymlinkTextInputFormat reads it, which Athena, Trino and Spark support."""


def note_latest(store: Store, report_directory: Key, job_directory: Key, receipt: Json) -> None:
    """Put a done job into its report's manifest, unless it has a newer job for the same window. May be repeated.

    The manifest is replaced as a whole, so a reader sees the old one or the new one. If the job has a partition, the
    partition's list of links is replaced in the same way. Raises FailJob if somebody else changed the manifest.
    """
    _replace_manifest(store, report_directory, job_directory, receipt)
    partition = job_directory.relative_to(report_directory).parent
    if partition.parts and store.uri:
        _replace_links(store, report_directory, partition)


def _replace_manifest(store: Store, report_directory: Key, job_directory: Key, receipt: Json) -> None:
    def with_entry(content: bytes | None) -> bytes | None:
        windows: list[Json] | None
        if content is None:
            # The first job of the report, or somebody removed the manifest: readers must not lose the other windows.
            windows = _windows_of_receipts(store, report_directory)
        else:
            try:
                entry = _entry(report_directory, job_directory, receipt)
                windows = _with_entry(orjson.loads(content)["windows"], entry)
            except (ValueError, LookupError, TypeError) as error:
                place = f"{store.display_name}/{report_directory}/{MANIFEST}"
                reason = f"{place} was changed and is no longer a manifest ({type(error).__name__}: {error})"
                raise FailJob(f"{reason}; restore or remove it, then retry the job") from error
        if windows is None:
            return None
        windows.sort(key=lambda window: json.dumps(_window_and_params(window), sort_keys=True))
        written = {"connection": receipt.get("connection"), "report": receipt.get("report"), "windows": windows}
        return json.dumps(written, ensure_ascii=False, indent=1).encode()

    store.change(report_directory / MANIFEST, with_entry)


def _entry(report_directory: Key, job_directory: Key, receipt: Json) -> Json:
    """What the manifest says of a done job."""
    job = job_directory.relative_to(report_directory).as_posix()
    copied = {name: receipt.get(name) for name in ("window", "params", "job", "ready_at", "finished_at", "rows")}
    files = [f"{job}/{file['path']}" for file in receipt["files"]]
    return {**copied, "receipt": f"{job}/{RECEIPT}", "files": files}


def _with_entry(windows: list[Json], entry: Json) -> list[Json] | None:
    """The windows with this entry in its place; None if a newer one has it."""
    others = []
    for other in windows:
        if _window_and_params(other) != _window_and_params(entry):
            others.append(other)
        elif _ready_order(other) > _ready_order(entry):
            return None
    return [*others, entry]


def _windows_of_receipts(store: Store, report_directory: Key) -> list[Json]:
    """The windows as the receipts of all done jobs have them."""
    windows: list[Json] = []
    for key in store.find(report_directory, f"/{RECEIPT}"):
        if receipt := read_json(store, key):
            windows = _with_entry(windows, _entry(report_directory, key.parent, receipt)) or windows
    return windows


def _replace_links(store: Store, report_directory: Key, partition: Key) -> None:
    """Write the files of a partition that are in the manifest, one URI per line."""

    def links(held: bytes | None) -> bytes:
        # The manifest is read after the old links. So a worker that is late finds the links changed, starts again, and
        # reads the newer manifest.
        windows = orjson.loads(store.read(report_directory / MANIFEST) or b'{"windows": []}')["windows"]
        files = (file for window in windows for file in window["files"] if Key(file).is_relative_to(partition))
        return "".join(f"{store.uri}/{report_directory}/{file}\n" for file in files).encode()

    store.change(report_directory / LINKS.parent / partition / LINKS.name, links)


def _window_and_params(entry: Json) -> list[object]:
    return [entry["window"], entry["params"]]


def _ready_order(entry: Json) -> tuple[str, str, str]:
    """Orders jobs of a window by when the report was ready: the last one counts. Times are UTC text of one format."""
    return tuple(entry[name] or "" for name in ("ready_at", "finished_at", "job"))  # type: ignore[return-value]
