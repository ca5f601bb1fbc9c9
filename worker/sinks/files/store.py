"""The interface of a store of files (a directory, a bucket): a file is complete or absent, and a name is given once.

Keys are paths relative to the store's root. A format produces bytes, a store keeps them; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Protocol

Key = PurePosixPath


class NewFile(Protocol):
    """A file that is being written where no reader sees it."""

    def write(self, data: bytes) -> None: ...

    def complete(self) -> None:
        """Complete the file: nothing more is written."""

    def keep_as(self, name: str) -> tuple[str, str]:
        """Make the completed file durable, still invisible; returns its temporary name and the name it will have.

        The latter is `name`, or a unique variant of it.
        """

    def sha256(self) -> str:
        """The SHA-256 of the completed file, which is read again for it."""

    def release(self) -> None:
        """Close a file that was kept, once it has its name or is not needed."""

    def discard(self) -> None:
        """Remove a file that was not kept."""


class Store(Protocol):
    """A place for files. Its methods raise OSError, RetryLater or FailJob if they fail.

    `look_seconds` is how long a writer may rely on what it has read of a record, because every read costs a request. A
    part of `part_bytes` takes no more rows. `uri` is the place for Hadoop, Spark and the like; empty if it has none.
    """

    display_name: str
    uri: str
    look_seconds: float
    part_bytes: float

    def mark(self, key: Key, token: bytes) -> None:
        """Leave a token unless there is one.

        Raises FailJob if the place does not do what this interface promises, so that rows cannot be kept there.
        """

    def read(self, key: Key) -> bytes | None:
        """A file's content; None if it does not exist."""

    def create(self, key: Key, content: bytes) -> bool:
        """Create a durable file with this content; False, with nothing created, if the name exists."""

    def size(self, key: Key) -> int | None:
        """A file's size in bytes; None if it does not exist."""

    def names(self, directory: Key) -> list[str]:
        """The names of the files in a directory, temporary ones included."""

    def find(self, directory: Key, ending: str) -> list[Key]:
        """The files anywhere below a directory whose paths end like this, the newest first."""

    def remove(self, key: Key) -> None:
        """Remove a file, if it exists."""

    def begin(self, directory: Key, stem: str) -> NewFile:
        """Begin a new file that will be in a directory."""

    def remove_abandoned(self, directory: Key, stem: str, put_in_place: Callable[[], object]) -> None:
        """Remove unfinished files of this stem whose writers are dead; those of living writers stay.

        Before that, `put_in_place` is called: it gives files their names that were kept before their writers died.
        """

    def publish(self, directory: Key, temporary: str, name: str) -> None:
        """Give a kept file its name, which is durable once the directory is synced.

        Raises FileNotFoundError if neither name exists.
        """

    def sync(self, directory: Key) -> None:
        """Make the names of the files in a directory durable, if there is one."""

    def change(self, key: Key, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace a file atomically by what `change` returns for its content; None leaves it as it is.

        No change of another worker is lost: `change` may be called again with newer content.
        """

    def local(self, key: Key) -> AbstractContextManager[Path]:
        """The file as a local path, valid in the `with` block. Raises FileNotFoundError."""
