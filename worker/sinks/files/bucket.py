"""Files in an S3 bucket: each a whole object under a key of its own, made by a conditional put or one completed upload.

A file grows in an unnamed file of this machine and is uploaded when it is complete, so nothing is seen of it before,
and nothing is left of it where its worker dies. Objects cannot be renamed: a file keeps the key it was uploaded under,
which no other writer has, and the record says which of them count.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from worker.errors import FailJob, RetryLater
from worker.sinks.files.store import Key

if TYPE_CHECKING:
    from obstore.store import S3Store

UPLOAD_CHUNK_BYTES = 16 * 1024 * 1024
"""An object up to this size is one request; a larger one an upload in pieces."""
UPLOADS_AT_ONCE = 4
MOST_CHANGES = 50
MOST_RETRIES = 4
RETRY_SECONDS = 10
"""Of one request; then the step is given back and waits without a worker."""
LOOK_SECONDS = 1.0
BEFORE_FORMAT = re.compile(r"(?=\.(ndjson|csv|parquet))")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects go. Credentials come from the environment, as AWS's own tools take them."""

    bucket: str
    prefix: str
    endpoint: str = ""
    region: str = ""
    sse: str = ""
    sse_kms_key: str = ""
    ca: str = ""


class BucketFile:
    """A file on its way into a bucket."""

    def __init__(self, store: BucketStore, directory: Key) -> None:
        self._store = store
        self._directory = directory
        self._file = tempfile.TemporaryFile(prefix="millrace-")  # noqa: SIM115 - it lives as long as this object

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def complete(self) -> None:
        self._file.flush()

    def keep_as(self, name: str) -> tuple[str, str]:
        unique = BEFORE_FORMAT.sub(f".{uuid4().hex}", name, count=1)
        self._file.seek(0)
        self._store.upload(self._directory / unique, self._file)
        self._file.close()
        return unique, unique

    def sha256(self) -> str:
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()

    def discard(self) -> None:
        self._file.close()


class BucketStore:
    """A store below a prefix of a bucket. Made without asking it anything."""

    def __init__(self, bucket: Bucket) -> None:
        self.shown = f"s3://{bucket.bucket}/{bucket.prefix}".rstrip("/")
        self.look_seconds = LOOK_SECONDS
        self._store = _connect(bucket)

    def read(self, key: Key) -> bytes | None:
        return self._read(key)[0]

    def create(self, key: Key, content: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._named():
            try:
                obstore.put(self._store, str(key), content, mode="create")
            except (AlreadyExistsError, PreconditionError):
                # A put whose answer was lost is tried again, and finds what it made itself.
                return self.read(key) == content
        return True

    def size(self, key: Key) -> int | None:
        import obstore

        with self._named():
            try:
                return obstore.head(self._store, str(key))["size"]
            except FileNotFoundError:
                return None

    def names(self, directory: Key) -> list[str]:
        import obstore

        with self._named():
            found = obstore.list_with_delimiter(self._store, prefix=str(directory))
            return [Key(item["path"]).name for item in found["objects"]]

    def remove(self, key: Key) -> None:
        import obstore

        with self._named():
            try:
                obstore.delete(self._store, str(key))
            except FileNotFoundError:
                return

    def begin(self, directory: Key, stem: str) -> BucketFile:
        return BucketFile(self, directory)

    def upload(self, key: Key, file: Any) -> None:
        """Make an object of a local file, as a whole or not at all; nobody else has its key."""
        import obstore

        with self._named():
            obstore.put(self._store, str(key), file, chunk_size=UPLOAD_CHUNK_BYTES, max_concurrency=UPLOADS_AT_ONCE)

    def publish(self, directory: Key, temporary: str, name: str) -> None:
        if self.size(directory / name) is None:
            raise FileNotFoundError(str(directory / name))

    def change(self, key: Key, change: Callable[[bytes | None], bytes | None]) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        for _ in range(MOST_CHANGES):
            held, tag = self._read(key)
            content = change(held)
            if content is None or content == held:
                return
            with self._named():
                try:
                    obstore.put(self._store, str(key), content, mode="create" if tag is None else {"e_tag": tag})
                except (AlreadyExistsError, PreconditionError):
                    continue
            return
        raise RetryLater(f"{self.shown}/{key} is being changed by others")

    @contextmanager
    def local(self, key: Key) -> Iterator[Path]:
        import obstore

        with tempfile.TemporaryDirectory(prefix="millrace-") as directory:
            path = Path(directory) / key.name
            with self._named(), path.open("wb") as file:
                for chunk in obstore.get(self._store, str(key)).stream():
                    file.write(chunk)
            yield path

    def _read(self, key: Key) -> tuple[bytes | None, str | None]:
        """An object's content and its tag."""
        import obstore

        with self._named():
            try:
                found = obstore.get(self._store, str(key))
                return bytes(found.bytes()), found.meta["e_tag"]
            except FileNotFoundError:
                return None, None

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name what the library raises for what the caller does next."""
        from obstore import exceptions

        try:
            yield
        except (
            PermissionError,
            exceptions.PermissionDeniedError,
            exceptions.UnauthenticatedError,
            exceptions.NotSupportedError,
        ) as error:
            raise FailJob(f"{self.shown}: {_first_line(error)}") from error
        except FileNotFoundError as error:
            raise FailJob(f"{self.shown}: there is no such bucket or object: {_first_line(error)}") from error
        except exceptions.BaseError as error:
            raise RetryLater(f"{self.shown}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


def _connect(bucket: Bucket) -> S3Store:
    from obstore.store import S3Store

    config: dict[str, Any] = {"conditional_put": "etag"}
    if bucket.endpoint:
        config |= {"endpoint": bucket.endpoint}
    if bucket.region:
        config |= {"region": bucket.region}
    if bucket.sse:
        config |= {"server_side_encryption": bucket.sse}
    if bucket.sse_kms_key:
        config |= {"sse_kms_key_id": bucket.sse_kms_key}
    options: dict[str, Any] = {
        "allow_http": bucket.endpoint.startswith("http://"),
        "connect_timeout": "5s",
        "timeout": "60s",
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
        retry_config={
            "max_retries": MOST_RETRIES,
            "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            "backoff": backoff,
        },
    )
