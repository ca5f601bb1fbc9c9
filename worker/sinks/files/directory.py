"""The store in a directory that all workers share.

A hard link gives a file its name: unlike a rename, it fails if the name exists. Of several workers, one succeeds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from uuid import uuid4

from worker.errors import FailJob
from worker.sinks.files.store import Key

TEMPORARY_SUFFIX = ".tmp"

BUFFER_BYTES = 256 * 1024
DISK_BYTES = 512 * 1024
"""After this many bytes the system is asked to begin writing them to the disk."""


class DirectoryFile:
    """A temporary file, locked for as long as its writer lives and has not let go of it."""

    def __init__(self, directory: Path, stem: str) -> None:
        while True:
            self._path = directory / _temporary_name(stem)
            self._file = self._path.open("xb", buffering=BUFFER_BYTES)
            # A file system may have no locks. Then files are never considered abandoned either.
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_EX)
            if os.fstat(self._file.fileno()).st_nlink:
                break
            # Another worker took the file for abandoned before it was locked, and removed it.
            self._file.close()
        self._written = 0
        self._begun = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._written += len(data)
        if self._written - self._begun >= DISK_BYTES:
            self._begin_writing_to_disk()

    def complete(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def keep_as(self, name: str) -> tuple[str, str]:
        _sync_directory(self._path.parent)
        return self._path.name, name

    def sha256(self) -> str:
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def release(self) -> None:
        with suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        self.release()
        self._path.unlink(missing_ok=True)

    def _begin_writing_to_disk(self) -> None:
        """Have the system write while more rows are read, so that `complete` waits for the last bytes only."""
        # On Linux this starts to write what is not on the disk yet, and returns. What is there already would be dropped
        # from memory, so only new bytes are named. It is a request: other systems do not have it, or may refuse it.
        with suppress(AttributeError, OSError):
            os.posix_fadvise(self._file.fileno(), self._begun, self._written - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = self._written


class DirectoryStore:
    """A store in a directory. Creating this object does not access it."""

    look_seconds = 0.0
    part_bytes: float = inf

    def __init__(self, root: Path) -> None:
        self._root = root
        self.display_name = str(root)
        self.uri = f"file://{root}"

    def mark(self, key: Key, token: bytes) -> None:
        self.create(key, token)

    def read(self, key: Key) -> bytes | None:
        # Several such files are read for each page, so their paths are not made to objects.
        path = f"{self._root}/{key}"
        try:
            with open(path, "rb", opener=_open_at_once) as file:
                _refuse_endless(os.fstat(file.fileno()), path)
                return file.read()
        except FileNotFoundError:
            return None

    def create(self, key: Key, content: bytes) -> bool:
        path = self._root / key
        _make_directory(path.parent)
        if path.exists():
            return False
        temporary = path.with_name(_temporary_name(path.name))
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            is_ours = _publish(temporary, path)
            _sync_directory(path.parent)
            return is_ours
        finally:
            temporary.unlink(missing_ok=True)

    def size(self, key: Key) -> int | None:
        try:
            return (self._root / key).stat().st_size
        except FileNotFoundError:
            return None

    def names(self, directory: Key) -> list[str]:
        try:
            return os.listdir(self._root / directory)
        except FileNotFoundError:
            return []

    def find(self, directory: Key, ending: str) -> list[Key]:
        found = [path for path in (self._root / directory).rglob("*") if str(path).endswith(ending)]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return [Key(path.relative_to(self._root)) for path in found]

    def remove(self, key: Key) -> None:
        (self._root / key).unlink(missing_ok=True)

    def remove_abandoned(self, directory: Key, stem: str, put_in_place: Callable[[], object]) -> None:
        for path in (self._root / directory).glob(f".{stem}.*{TEMPORARY_SUFFIX}"):
            with suppress(OSError), path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The writer is dead. If it has taken the part, its file must get its name before this one is removed.
                put_in_place()
                path.unlink(missing_ok=True)

    def begin(self, directory: Key, stem: str) -> DirectoryFile:
        _make_directory(self._root / directory)
        return DirectoryFile(self._root / directory, stem)

    def publish(self, directory: Key, temporary: str, name: str) -> None:
        _publish(self._root / directory / temporary, self._root / directory / name)

    def sync(self, directory: Key) -> None:
        with suppress(FileNotFoundError):
            _sync_directory(self._root / directory)

    def change(self, key: Key, change: Callable[[bytes | None], bytes | None]) -> None:
        path = self._root / key
        _make_directory(path.parent)
        with path.with_name(f".{path.name}.lock").open("ab") as lock:
            # Without a lock, one of two changes at a time would be lost. The lock is released even if the process dies.
            fcntl.flock(lock, fcntl.LOCK_EX)
            content = change(self.read(key))
            if content is None:
                return
            # Because the lock is held, only a dead process can have left a file of this name.
            temporary = path.with_name(f".{path.name}.new")
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_directory(path.parent)

    @contextmanager
    def local(self, key: Key) -> Iterator[Path]:
        path = self._root / key
        _refuse_endless(path.stat(), str(path))
        yield path


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe without waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _refuse_endless(found: os.stat_result, path: str) -> None:
    """Raise FailJob for a pipe or a device, which might never end."""
    mode = found.st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FailJob(f"{path} was changed: it is no longer a file")


def _temporary_name(name: str) -> str:
    """A unique name for a temporary file in the directory of `name`."""
    return f".{name}.{uuid4().hex}{TEMPORARY_SUFFIX}"


def _publish(temporary: Path, path: Path) -> bool:
    """Give a synced file its name, and remove the temporary name; False if another file has the name.

    The name is durable once its directory is synced. Raises FileNotFoundError if neither name exists.
    """
    try:
        os.link(temporary, path)
        is_ours = True
    except (FileExistsError, FileNotFoundError):
        is_ours = _is_same(temporary, path)
    temporary.unlink(missing_ok=True)
    return is_ours


def _is_same(temporary: Path, path: Path) -> bool:
    """Do both names lead to the same file? A network file system may have linked it although the call failed."""
    published = path.stat()
    try:
        return os.path.samestat(temporary.stat(), published)
    except FileNotFoundError:
        return False


def _make_directory(path: Path) -> None:
    """Create a directory and its parents, durably. Raises FailJob if that is not possible there."""
    if path.is_dir():
        return
    _make_directory(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        if path.is_symlink() and not path.exists():
            raise FailJob(f"{path}: leads to {os.readlink(path)}, which does not exist (is it mounted?)") from None
    except FileNotFoundError as error:
        # The parent exists, yet some file systems (automounters, /proc) give this error and always will.
        raise FailJob(f"{path}: no directory can be made there ({error.strerror})") from error
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
