"""Files in an S3 bucket: each a whole object under a key of its own, made by one put.

A file grows in an unnamed file of this machine and is uploaded in one request when it is complete, so nothing is seen
of it before, and nothing is left of it where its worker dies. Objects cannot be renamed: a file keeps the key it was
uploaded under, which no other writer has, and the record says which of them count.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

from worker.errors import FailJob, RetryLater
from worker.sinks.files.credentials import find_credentials
from worker.sinks.files.store import Key
from worker.sinks.files.store_errors import store_error

if TYPE_CHECKING:
    from obstore.store import S3Store

PART_BYTES = 64 * 1024 * 1024
"""A part that has grown so large is uploaded, so that one request is enough for it, and its memory and time bounded."""
REQUEST_SECONDS = 120
MOST_CHANGES = 50
MOST_RETRIES = 4
RETRY_SECONDS = 10
"""Of one request; then the step is given back and waits without a worker."""
LOOK_SECONDS = 1.0
OTHER_TAG = '"00000000000000000000000000000000"'
"""A tag that no object has: a put on condition of it must be refused."""
BEFORE_FORMAT = re.compile(r"(?=\.(ndjson|csv|parquet))")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects go. Credentials are no part of it (`credentials.py`)."""

    bucket: str
    prefix: str
    endpoint: str = ""
    region: str = ""
    sse: str = ""
    sse_kms_key: str = ""
    ca: str = ""
    allow_http: str = ""


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

    def discard(self) -> None:
        # What did not fit on the disk is still to be written, and closing tries it once more.
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
    """A store below a prefix of a bucket. Made without asking anybody anything."""

    part_bytes: float = PART_BYTES

    def __init__(self, bucket: Bucket) -> None:
        self.shown = f"s3://{bucket.bucket}/{bucket.prefix}".rstrip("/")
        self.look_seconds = LOOK_SECONDS
        self._bucket = bucket

    @cached_property
    def _store(self) -> S3Store:
        return _connect(self._bucket)

    def mark(self, key: Key, token: bytes) -> None:
        if self.read(key) is None:
            self._try_conditions(key.with_name(f"{key.name}.{uuid4().hex}.tmp"))
            self.create(key, token)

    def read(self, key: Key) -> bytes | None:
        return self._read(key)[0]

    def create(self, key: Key, content: bytes) -> bool:
        if self._put(key, content, "create"):
            return True
        held = self.read(key)
        if held is None:
            raise RetryLater(f"{self.shown}/{key}: two requests for it met, and neither was kept")
        # A put whose answer was lost is tried again by the library, and finds what it made itself.
        return held == content

    def size(self, key: Key) -> int | None:
        import obstore

        with self._ignore_missing():
            return obstore.head(self._store, str(key))["size"]
        return None

    def names(self, directory: Key) -> list[str]:
        import obstore

        with self._translate_errors():
            found = obstore.list_with_delimiter(self._store, prefix=str(directory))
            return [Key(item["path"]).name for item in found["objects"]]

    def find(self, directory: Key, ending: str) -> list[Key]:
        import obstore

        with self._translate_errors():
            found = obstore.list(self._store, prefix=str(directory)).collect()
        newest_first = sorted(found, key=lambda item: item["last_modified"], reverse=True)
        return [Key(item["path"]) for item in newest_first if item["path"].endswith(ending)]

    def remove(self, key: Key) -> None:
        import obstore

        with self._ignore_missing():
            obstore.delete(self._store, str(key))

    def begin(self, directory: Key, stem: str) -> BucketFile:
        return BucketFile(self, directory)

    def upload(self, key: Key, file: BinaryIO) -> None:
        """Make an object of a local file, as a whole or not at all; nobody else has its key."""
        import obstore

        # One request: of an upload in pieces whose worker dies, the pieces would stay, unseen and paid for.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with self._translate_errors():
            obstore.put(self._store, str(key), content, use_multipart=False)

    def publish(self, directory: Key, temporary: str, name: str) -> None:
        if self.size(directory / name) is None:
            raise FileNotFoundError(str(directory / name))

    def change(self, key: Key, change: Callable[[bytes | None], bytes | None]) -> None:
        refused: str | None = None
        for _ in range(MOST_CHANGES):
            held, tag = self._read(key)
            content = change(held)
            if content is None or content == held:
                return
            # Some (Ceph 16) compare a tag without its quotes, and refuse one with them though nobody changed anything.
            tag = tag.strip('"') if tag is not None and tag == refused else tag
            if self._put(key, content, "create" if tag is None else {"e_tag": tag}):
                return
            refused = tag
        raise RetryLater(f"{self.shown}/{key} is being changed by others")

    @contextmanager
    def local(self, key: Key) -> Iterator[Path]:
        import obstore

        found = None
        with self._ignore_missing():
            found = obstore.get(self._store, str(key))
        if found is None:
            raise FileNotFoundError(f"{self.shown}/{key}")
        with tempfile.TemporaryDirectory(prefix="millrace-") as directory:
            path = Path(directory) / key.name
            with self._translate_errors(), path.open("wb") as file:
                for chunk in found.stream():
                    file.write(chunk)
            yield path

    def _try_conditions(self, key: Key) -> None:
        """Raise FailJob where the service ignores what everything here rests on; `key` is nobody else's."""
        self._put(key, b"", "create")
        is_ignored = self._put(key, b"", "create") or self._put(key, b"", {"e_tag": OTHER_TAG})
        self.remove(key)
        if is_ignored:
            raise FailJob(
                f"{self.shown}: the service ignores conditions (If-None-Match, If-Match): of two workers both would "
                "believe they were first, so rows cannot be kept there exactly once"
            )

    def _put(self, key: Key, content: bytes, mode: Any) -> bool:
        """Make an object under a condition; False, and nothing made, where it does not hold."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._translate_errors():
            try:
                obstore.put(self._store, str(key), content, mode=mode)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _read(self, key: Key) -> tuple[bytes | None, str | None]:
        """An object's content and its tag."""
        import obstore

        with self._ignore_missing():
            found = obstore.get(self._store, str(key))
            return bytes(found.bytes()), found.meta["e_tag"]
        return None, None

    @contextmanager
    def _ignore_missing(self) -> Iterator[None]:
        """Leave the block where an object does not exist; a bucket that does not exist is an error all the same."""
        with self._translate_errors():
            try:
                yield
            except FileNotFoundError as error:
                if "<Code>NoSuchBucket<" in str(error):
                    raise

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise what the library raises as an error that says what the caller does next."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (FileNotFoundError, PermissionError, BaseError) as error:
            raise store_error(error, self.shown) from error


def _connect(bucket: Bucket) -> S3Store:
    from obstore.store import S3Store

    credentials, region = find_credentials()
    # Not every service knows the removal of many at once, and one is removed at a time here.
    config: dict[str, Any] = {"conditional_put": "etag", "disable_bulk_delete": True}
    if bucket.endpoint:
        config |= {"endpoint": bucket.endpoint}
    if bucket.region or region:
        config |= {"region": bucket.region or region}
    if bucket.sse:
        config |= {"server_side_encryption": bucket.sse}
    if bucket.sse_kms_key:
        config |= {"sse_kms_key_id": bucket.sse_kms_key}
    options: dict[str, Any] = {
        "allow_http": bucket.endpoint.startswith("http://"),
        "connect_timeout": "5s",
        "timeout": f"{REQUEST_SECONDS}s",
    }
    if bucket.ca:
        try:
            options["root_certificate"] = Path(bucket.ca).read_bytes()
        except OSError as error:
            raise FailJob(f"{bucket.ca}: {error.strerror}, and it is to vouch for {bucket.endpoint}") from error
    backoff: Any = {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=2), "base": 2}
    return S3Store(
        bucket.bucket,
        prefix=bucket.prefix or None,
        config=config,  # type: ignore[arg-type]
        client_options=options,  # type: ignore[arg-type]
        credential_provider=credentials,
        retry_config={
            "max_retries": MOST_RETRIES,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            "backoff": backoff,
        },
    )
