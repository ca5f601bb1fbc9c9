"""What a place for files promises: complete or absent, and under a name nobody else can take.

Keys are paths from the place's root. A format makes bytes, a store keeps them; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Protocol

Key = PurePosixPath


class NewFile(Protocol):
    """A file that grows where no reader sees it."""

    def write(self, data: bytes) -> None: ...

    def complete(self) -> None:
        """End it: nothing more is written."""

    def keep_as(self, name: str) -> tuple[str, str]:
        """Keep what was completed durably, still in nobody's sight: its temporary name, and the one it is to have.

        That is `name`, or one like it that is nobody else's.
        """

    def sha256(self) -> str:
        """Read again what was completed: its SHA-256."""

    def release(self) -> None:
        """Let go of a file that was kept, once it has its name or is nobody's."""

    def discard(self) -> None:
        """Take the file away; nobody has heard of it."""


class Store(Protocol):
    """A place for files. Raises OSError, RetryLater or FailJob where it cannot do what it is asked.

    `look_seconds` is for how long a writer may rely on what it saw of a record: every look costs a request. A part that
    has `part_bytes` takes no more rows. `uri` is the place as programs of Hadoop's kind name it; empty where they have
    no name for it.
    """

    shown: str
    uri: str
    look_seconds: float
    part_bytes: float

    def mark(self, key: Key, token: bytes) -> None:
        """Leave a token unless there is one.

        Raises FailJob where the place does not do what is promised here, so that no rows can be kept in it.
        """

    def read(self, key: Key) -> bytes | None:
        """A file's content; None where there is none."""

    def create(self, key: Key, content: bytes) -> bool:
        """Make a durable file with this content; False, and nothing made, where the name is taken."""

    def size(self, key: Key) -> int | None:
        """A file's bytes; None where there is none."""

    def names(self, directory: Key) -> list[str]:
        """The files right below a directory, those nobody sees included."""

    def find(self, directory: Key, ending: str) -> list[Key]:
        """The files anywhere below a directory whose paths end like this, the newest first."""

    def remove(self, key: Key) -> None:
        """Take a file away, if it is there."""

    def begin(self, directory: Key, stem: str) -> NewFile:
        """A new file on its way into a directory."""

    def remove_abandoned(self, directory: Key, stem: str, put_in_place: Callable[[], object]) -> None:
        """Take away new files of this stem whose writers are dead; one whose writer lives stays.

        `put_in_place` gives those their names that were kept before their writers died.
        """

    def publish(self, directory: Key, temporary: str, name: str) -> None:
        """Give a kept file its name, for good once the directory is synced.

        Raises FileNotFoundError where there is neither.
        """

    def sync(self, directory: Key) -> None:
        """Make the names of the files in a directory durable, if there is one."""

    def change(self, key: Key, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace a file as a whole by what `change` makes of it, with no change of others lost; None: leave it."""

    def local(self, key: Key) -> AbstractContextManager[Path]:
        """The file as one of this machine. Raises FileNotFoundError."""
