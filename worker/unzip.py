"""Unpacks the only file in a ZIP archive while the archive arrives.

A ZIP archive is a sequence of entries, each a header and its data, followed by a directory that lists them again.
Python's `zipfile` begins with the directory, so it needs the whole archive. This module reads from the front, and
compares what it found with the directory at the end. An archive that ends before the end of its directory is cut off.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zlib_ng import zlib_ng

from worker.errors import FailJob

PIECE_BYTES = 256 * 1024

_ENTRY, _DESCRIPTOR, _DIRECTORY = b"PK\x03\x04", b"PK\x07\x08", b"PK\x01\x02"
_END = b"PK\x05\x06"
_ENTRY_HEADER = struct.Struct("<4s5H3L2H")
_END_RECORD = struct.Struct("<4s4H2LH")
_LARGEST_DIRECTORY_BYTES = 1024 * 1024
_ENCRYPTED, _SIZES_FOLLOW, _UTF8_NAME = 0x2041, 0x0008, 0x0800
_STORED, _DEFLATED = 0, 8
_OFFICE_NAMES = ("[Content_Types].xml", "_rels/", "docProps/", "xl/")
"""The first names in an Office document, which is a ZIP archive too, begin with one of these."""
_IN_ZIP64, _ZIP64_FIELD = 0xFFFFFFFF, 1


class BrokenZip(Exception):
    """The archive contradicts itself."""


def unzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of the archive's only file, in pieces of up to 256 KB; nothing if there is none.

    Folders and the extra files that macOS adds are skipped. Raises FailJob if there is more than one file, or if it
    is encrypted or compressed by an unusual method; EOFError if the archive is cut off; BrokenZip or zlib_ng.error
    if it is broken. A wrong checksum is noticed only at the end of the file.
    """
    archive = _Bytes(chunks)
    entries, file = 0, None
    while (mark := archive.peek(4)) == _ENTRY:
        entry = _Entry.read(archive)
        entries += 1
        if entry.name.startswith(_OFFICE_NAMES):
            raise FailJob("the file is an Excel workbook (XLSX) or another Office document, which is not supported")
        if entry.is_file and file is not None:
            raise FailJob(f"the ZIP holds more than one file: {file!r} and {entry.name!r}")
        file = entry.name if entry.is_file else file
        for piece in entry.data(archive):
            if entry.is_file:
                yield piece
    if mark not in (_DIRECTORY, _END):
        raise BrokenZip("neither an entry nor the directory follows the last entry")
    _check_directory(archive, entries)


def inflate(unpacker: zlib_ng._Decompress, packed: bytes) -> Iterator[bytes]:
    """Yield what these bytes decompress to, in pieces; `unpacker.unused_data` then has the bytes after the end."""
    while True:
        piece = unpacker.decompress(packed, PIECE_BYTES)
        yield piece
        packed = unpacker.unconsumed_tail
        # After a full piece there may be more output although no input is left.
        if unpacker.eof or (not packed and len(piece) < PIECE_BYTES):
            return


class _Bytes:
    """Bytes that arrive in chunks of any size and can be taken in portions of any size; `taken` counts them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.taken = 0
        self._chunks = iter(chunks)
        self._held = b""

    def peek(self, count: int) -> bytes:
        """The next bytes, without taking them. Raises EOFError if there are fewer."""
        while len(self._held) < count:
            if (chunk := next(self._chunks, None)) is None:
                raise EOFError
            self._held += chunk
        return self._held[:count]

    def take(self, count: int) -> bytes:
        taken = self.peek(count)
        self._held = self._held[count:]
        self.taken += count
        return taken

    def take_some(self, limit: int) -> bytes:
        """Take what has arrived: at least one byte, at most `limit`."""
        self.peek(1)
        return self.take(min(limit, len(self._held)))

    def take_in_pieces(self, count: int) -> Iterator[bytes]:
        """Take the next `count` bytes as they arrive."""
        while count:
            piece = self.take_some(min(count, PIECE_BYTES))
            count -= len(piece)
            yield piece

    def inflate(self) -> Iterator[bytes]:
        """Decompress the raw deflate stream that begins here, and take no byte after its end."""
        unpacker = zlib_ng.decompressobj(-zlib_ng.MAX_WBITS)
        while not unpacker.eof:
            yield from inflate(unpacker, self.take_some(PIECE_BYTES))
        self.give_back(unpacker.unused_data)

    def give_back(self, rest: bytes) -> None:
        self._held = rest + self._held
        self.taken -= len(rest)

    def rest(self, limit: int) -> bytes:
        """All bytes that are left; if they are more than `limit`, the first `limit` + 1 of them."""
        for chunk in self._chunks:
            self._held += chunk
            if len(self._held) > limit:
                break
        return self._held[: limit + 1]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry, as its header says. With `has_descriptor`, checksum and sizes follow the data instead."""

    name: str
    method: int
    has_descriptor: bool
    crc: int
    packed_bytes: int
    unpacked_bytes: int

    @classmethod
    def read(cls, archive: _Bytes) -> _Entry:
        fields = _ENTRY_HEADER.unpack(archive.take(_ENTRY_HEADER.size))
        _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = fields
        name = archive.take(name_bytes).decode("utf-8" if flags & _UTF8_NAME else "cp437", "replace")
        extra = archive.take(extra_bytes)
        has_descriptor = bool(flags & _SIZES_FOLLOW)
        if flags & _ENCRYPTED:
            raise FailJob(f"{name!r} in the ZIP is encrypted")
        if method not in (_STORED, _DEFLATED):
            raise FailJob(f"{name!r} in the ZIP uses method {method}; only 0 (stored) and 8 (deflate) are supported")
        if has_descriptor and method == _STORED and packed in (0, _IN_ZIP64) and not name.endswith("/"):
            raise FailJob(f"{name!r} in the ZIP is stored without its size, so its end cannot be found")
        if _IN_ZIP64 in (packed, size) and not has_descriptor:
            size, packed = _zip64_sizes(extra)
        return cls(name, method, has_descriptor, crc, packed, size)

    @property
    def is_file(self) -> bool:
        """Is this a real file, and neither a folder nor one of the extra files that macOS adds?"""
        # Some programs on Windows end the names of folders with a backslash.
        return not (self.name.endswith(("/", "\\", ".DS_Store")) or self.name.startswith("__MACOSX/"))

    def data(self, archive: _Bytes) -> Iterator[bytes]:
        """Yield the entry's bytes, decompressed. Raises BrokenZip at the end if checksum or sizes are wrong."""
        crc = size = 0
        start = archive.taken
        for piece in archive.take_in_pieces(self.packed_bytes) if self.method == _STORED else archive.inflate():
            crc, size = zlib_ng.crc32(piece, crc), size + len(piece)
            yield piece
        packed = archive.taken - start
        if self.has_descriptor:
            _take_descriptor(archive, crc, packed, size)
        elif (crc, packed, size) != (self.crc, self.packed_bytes, self.unpacked_bytes):
            raise BrokenZip(f"checksum or sizes of {self.name!r} are not those in its header")


def _zip64_sizes(extra: bytes) -> tuple[int, int]:
    """The sizes of an entry that is too large for its header: they are in one of the extra fields after the header."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _ZIP64_FIELD and length >= 16:
            size, packed = struct.unpack_from("<2Q", field)
            return size, packed
    raise BrokenZip("the size of an entry is neither in its header nor in an extra field")


def _take_descriptor(archive: _Bytes, crc: int, packed: int, size: int) -> None:
    """Take the data descriptor, which has checksum and sizes if they were unknown when the header was written.

    It has four forms, with or without a signature, with sizes of 4 or 8 bytes, and no field says which. But its content
    is known by now, so the form is the one that matches it and is followed by an entry or the directory.
    """
    forms = ["<L2Q"] if max(packed, size) >= _IN_ZIP64 else ["<3L", "<L2Q"]
    for expected in (mark + struct.pack(form, crc, packed, size) for mark in (_DESCRIPTOR, b"") for form in forms):
        following = archive.peek(len(expected) + 4)
        if following.startswith(expected) and following[-4:] in (_ENTRY, _DIRECTORY):
            archive.take(len(expected))
            return
    raise BrokenZip("checksum or sizes after a file's data do not match it")


def _check_directory(archive: _Bytes, entries: int) -> None:
    """Read the directory to its end. Raises BrokenZip if it does not list as many entries as came."""
    directory = archive.rest(_LARGEST_DIRECTORY_BYTES)
    if len(directory) > _LARGEST_DIRECTORY_BYTES:
        raise FailJob("the directory of the ZIP is larger than 1 MiB")
    at = directory.rfind(_END)
    if at < 0 or len(directory) < at + _END_RECORD.size:
        raise EOFError
    _, _, _, _, listed, _, _, comment_bytes = _END_RECORD.unpack_from(directory, at)
    if len(directory) < at + _END_RECORD.size + comment_bytes:
        raise EOFError
    if listed not in (entries, 0xFFFF):
        raise BrokenZip(f"its directory lists {listed} entries, but it has {entries}")
