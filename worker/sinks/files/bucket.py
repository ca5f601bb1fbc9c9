"""The store in a bucket: each file is a whole object under a unique key, created by one put.

A file grows in an unnamed temporary file of this machine and is uploaded in one request when it is complete. So readers
never see a part of it, and nothing is left behind if its worker dies. Objects cannot be renamed: a file keeps its
unique key, and the sink record says which files count.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore

from worker.errors import FailJob, MillraceError, RetryLater
from worker.sinks.files.bucket_kinds import BUCKET_KINDS, Bucket, connect
from worker.sinks.files.store import Key
from worker.sinks.files.store_errors import store_error

PART_BYTES = 64 * 1024 * 1024
"""A part of this size takes no more rows and is uploaded: one request is enough then, with bounded memory and time."""
MOST_CHANGES = 50
LOOK_SECONDS = 1.0
OTHER_VERSION = {"e_tag": '"00000000000000000000000000000000"', "version": "1"}
"""The version of no object: a put on the condition that the object has this version must be refused."""
BEFORE_FORMAT = re.compile(r"(?=\.(ndjson|csv|parquet))")


class BucketFile:
    """A file on its way into a bucket."""

    def __init__(self, store: BucketStore, directory: Key) -> None:
        self._store = store
        self._directory = directory
        self._file = tempfile.TemporaryFile(prefix="millrace-")  # noqa: SIM115 - it lives as long as this object

    def write(self, data: bytes) -> None:
        with self._on_disk():
            self._file.write(data)

    def complete(self) -> None:
        with self._on_disk():
            self._file.flush()

    def keep_as(self, name: str) -> tuple[str, str]:
        unique = BEFORE_FORMAT.sub(f".{uuid4().hex}", name, count=1)
        self._store.upload(self._directory / unique, self._file)
        self._file.close()
        return unique, unique

    def sha256(self) -> str:
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()

    def release(self) -> None:
        """Nothing to do: after the upload there is no local file."""

    def discard(self) -> None:
        # If the disk is full, closing fails too, because it tries to write the rest of the buffer.
        with suppress(OSError):
            self._file.close()

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            text = f"{tempfile.gettempdir()}: {error.strerror}; a part grows there before it is uploaded (TMPDIR)"
            raise FailJob(text) from error


class BucketStore:
    """A store below a prefix of a bucket. Creating this object sends nothing."""

    part_bytes: float = PART_BYTES

    def __init__(self, bucket: Bucket) -> None:
        self.display_name = bucket.display_name
        self.uri = bucket.uri
        self.look_seconds = LOOK_SECONDS
        self._bucket = bucket

    @cached_property
    def _store(self) -> ObjectStore:
        return connect(self._bucket)

    def mark(self, key: Key, token: bytes) -> None:
        if self.read(key) is None:
            self.try_conditions()
            self.create(key, token)

    def try_conditions(self) -> None:
        """Raise FailJob if the service ignores the conditions of puts, or does not let us write."""
        key = Key(f".millrace.{uuid4().hex}.tmp")
        try:
            self.create(key, b"")  # an answer of 409 is a conflict, not a condition that does not hold
            is_ignored = self._put(key, b"", "create") or self._put(key, b"", OTHER_VERSION)
        except MillraceError:
            with suppress(MillraceError):
                self.remove(key)
            raise
        self.remove(key)
        if is_ignored:
            raise FailJob(
                f"{self.display_name}: the service ignores the conditions of puts (If-None-Match, If-Match), "
                "so two workers could not be kept apart and rows could be written twice"
            )

    def read(self, key: Key) -> bytes | None:
        return self._read(key)[0]

    def create(self, key: Key, content: bytes) -> bool:
        if self._put(key, content, "create"):
            return True
        held = self.read(key)
        if held is None:
            raise RetryLater(
                f"{self.display_name}/{key}: a request to create it collided with another, and neither succeeded"
            )
        # If the answer to a put is lost, the library repeats it, and then finds its own object.
        return held == content

    def size(self, key: Key) -> int | None:
        with self._ignore_missing():
            try:
                return obstore.head(self._store, str(key))["size"]
            except (PermissionError, BaseError):
                # An answer to HEAD has no body, which would say whether trying again can help (`ExpiredToken`).
                return obstore.get(self._store, str(key)).meta["size"]
        return None

    def names(self, directory: Key) -> list[str]:
        with self._translate_errors():
            found = obstore.list_with_delimiter(self._store, prefix=str(directory))
            return [Key(item["path"]).name for item in found["objects"]]

    def find(self, directory: Key, ending: str) -> list[Key]:
        with self._translate_errors():
            found = obstore.list(self._store, prefix=str(directory)).collect()
        newest_first = sorted(found, key=lambda item: item["last_modified"], reverse=True)
        return [Key(item["path"]) for item in newest_first if item["path"].endswith(ending)]

    def remove(self, key: Key) -> None:
        with self._ignore_missing():
            obstore.delete(self._store, str(key))

    def remove_abandoned(self, directory: Key, stem: str, put_in_place: Callable[[], object]) -> None:
        """Nothing to do: a bucket has no unfinished files, and a worker's temporary file vanishes with the worker."""

    def begin(self, directory: Key, stem: str) -> BucketFile:
        return BucketFile(self, directory)

    def upload(self, key: Key, file: BinaryIO) -> None:
        """Upload a local file as one object, as a whole or not at all; no other writer uses its key."""
        # One request: if a worker died during a multipart upload, its parts would stay, invisible but paid for.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with self._translate_errors():
            obstore.put(self._store, str(key), content, use_multipart=False)

    def publish(self, directory: Key, temporary: str, name: str) -> None:
        if self.size(directory / name) is None:
            raise FileNotFoundError(str(directory / name))

    def sync(self, directory: Key) -> None:
        """Nothing to do: an object is durable as soon as it exists."""

    def change(self, key: Key, change: Callable[[bytes | None], bytes | None]) -> None:
        refused: dict[str, str] | None = None
        for _ in range(MOST_CHANGES):
            held, version = self._read(key)
            content = change(held)
            if content is None or content == held:
                return
            if version and version == refused:
                # Some services (Ceph 16) compare ETags without quotes, and refuse a current one that has quotes.
                version = version | {"e_tag": version["e_tag"].strip('"')}
            if self._put(key, content, version or "create"):
                return
            refused = version
        raise RetryLater(f"{self.display_name}/{key}: other workers kept changing it")

    @contextmanager
    def local(self, key: Key) -> Iterator[Path]:
        found = None
        with self._ignore_missing():
            found = obstore.get(self._store, str(key))
        if found is None:
            raise FileNotFoundError(f"{self.display_name}/{key}")
        with tempfile.TemporaryDirectory(prefix="millrace-") as directory:
            path = Path(directory) / key.name
            with self._translate_errors(), path.open("wb") as file:
                for chunk in found.stream():
                    file.write(chunk)
            yield path

    def _put(self, key: Key, content: bytes, mode: Any) -> bool:
        """Create or replace an object under a condition; False, with nothing written, if it does not hold."""
        with self._translate_errors():
            try:
                obstore.put(self._store, str(key), content, mode=mode)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _read(self, key: Key) -> tuple[bytes | None, dict[str, str]]:
        """An object's content and the identity of its version; None and nothing if it does not exist."""
        with self._ignore_missing():
            found = obstore.get(self._store, str(key))
            version = {"e_tag": found.meta["e_tag"], "version": found.meta["version"]}
            return bytes(found.bytes()), {name: value for name, value in version.items() if value is not None}
        return None, {}

    @contextmanager
    def _ignore_missing(self) -> Iterator[None]:
        """Leave the block if an object does not exist; a bucket that does not exist is still an error."""
        with self._translate_errors():
            try:
                yield
            except FileNotFoundError as error:
                if f"<Code>{BUCKET_KINDS[self._bucket.scheme].no_bucket}<" in str(error):
                    raise

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Turn the library's errors into RetryLater and FailJob."""
        try:
            yield
        except (FileNotFoundError, PermissionError, BaseError) as error:
            raise store_error(error, self._bucket) from error
