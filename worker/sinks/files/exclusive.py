"""Creates durable files under names that must be free: if several workers create the same file, only one succeeds."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import uuid4

from worker.errors import FailJob, RetryLater

TEMPORARY_SUFFIX = ".tmp"
# Errors that trying again cannot help.
PERMANENT = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR,
    errno.ENAMETOOLONG, errno.ENOTSUP, errno.ENOSYS, errno.ELOOP,
}  # fmt: skip


def temporary_name(name: str) -> str:
    """A unique name for a temporary file in the directory of `name`."""
    return f".{name}.{uuid4().hex}{TEMPORARY_SUFFIX}"


def create(path: Path, content: bytes) -> bool:
    """Create a durable file with this content; False, with nothing created, if the name exists."""
    if path.exists():
        return False
    temporary = path.with_name(temporary_name(path.name))
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        is_ours = publish(temporary, path)
        sync_directory(path.parent)
        return is_ours
    finally:
        temporary.unlink(missing_ok=True)


def publish(temporary: Path, path: Path) -> bool:
    """Give a synced file its name, and remove the temporary name; False if another file has the name.

    The name is durable once its directory is synced. Raises FileNotFoundError if neither name exists.
    """
    try:
        # Unlike a rename, a link fails if the name exists.
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


def make_directory(path: Path) -> None:
    """Create a directory and its parents, durably. Raises FailJob if that is not possible there."""
    if path.is_dir():
        return
    make_directory(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        if path.is_symlink() and not path.exists():
            raise FailJob(f"{path}: leads to {os.readlink(path)}, which does not exist (is it mounted?)") from None
    except FileNotFoundError as error:
        # The parent exists, yet some file systems (automounters, /proc) give this error and always will.
        raise FailJob(f"{path}: no directory can be made there ({error.strerror})") from error
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_error(error: OSError, place: str) -> FailJob | RetryLater:
    """The error to raise for a file system's error: retry the step, or fail the job, with path and reason."""
    text = f"{error.filename or place}: {error.strerror or error}"
    if error.filename2 and error.errno in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}:
        text = f"{error.filename2}: {error.strerror}; rows are published by hard links, which may not exist there"
    return FailJob(text) if error.errno in PERMANENT else RetryLater(text)
