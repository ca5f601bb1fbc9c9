"""Compressed responses: decompressed as they arrive, bounded, and never considered complete if they are cut."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import cuts, pieces
from worker.decompress import unpack
from worker.errors import FailJob, RetryLater

# Numbers that pack badly: a text that packs well would be taken for a bomb.
TEXT = b"".join(b'{"id":%d,"spend":%.4f}\n' % (number, random.Random(number).random()) for number in range(3_000))


def deflated(text: bytes, level: int = -1) -> bytes:
    packer = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush()


def flushed_first(text: bytes) -> bytes:
    """Raw deflate as a server sends it that flushes before there is anything to send: it begins with zeros."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.flush(zlib.Z_SYNC_FLUSH) + packer.compress(text) + packer.flush()


def zipped(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.csv", text)
    return file.getvalue()


def gzip_with_fields(flags: int) -> bytes:
    """TEXT as gzip whose header has the optional fields of these flags (RFC 1952, 2.3)."""
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\x03"
    header += b"\x06\0AB\x02\0ab" if flags & 4 else b""
    header += b"report.csv\0" if flags & 8 else b""
    header += b"a comment\0" if flags & 16 else b""
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF) if flags & 2 else b""
    return header + deflated(TEXT) + struct.pack("<2L", zlib.crc32(TEXT), len(TEXT))


def drain(pieces: Iterator[bytes], until: str) -> int:
    """Read until the job fails; how many bytes came before."""
    came: list[int] = []
    with pytest.raises(FailJob, match=until):
        came.extend(map(len, pieces))
    return sum(came)


PACKED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:500]) + gzip.compress(b"") + gzip.compress(TEXT[500:]) + b"\0" * 20,
    "zstd": zstandard.compress(TEXT[:700]) + zstandard.ZstdCompressor(write_checksum=True).compress(TEXT[700:]),
    "deflate": zlib.compress(TEXT),
    "Deflate": deflated(TEXT),
    **dict.fromkeys(["", "identity", "none", "UTF-8", "binary", "aws-chunked"], TEXT),
    "gzip,aws-chunked": gzip.compress(TEXT),
    "gzip, zstd": zstandard.compress(gzip.compress(TEXT)),
    "zip": zipped(TEXT),
}
NAMES = pytest.mark.parametrize("name", list(PACKED))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (PACKED["gzip"] + b"\r\n", "gzip"),
        (PACKED["gzip"] + b"\0" * 100, "gzip"),
        (PACKED["deflate"] + b"\n", "deflate"),
        (deflated(TEXT, 0), "deflate"),
        (flushed_first(TEXT), "deflate"),
    ],
    ids=["a line end", "zeros", "a line end after deflate", "stored blocks", "flushed before its start"],
)
@given(some=cuts)
@settings(deadline=None, max_examples=20)
def test_blanks_may_follow_a_body_and_zeros_begin_one(body: bytes, name: str, some: list[int]) -> None:
    assert b"".join(unpack(pieces(body, some), name)) == TEXT


@pytest.mark.parametrize("rest", [b"<br>", b"\x1f", PACKED["gzip"][:9]], ids=["text", "one byte", "half a header"])
def test_what_follows_a_body_and_is_neither_blank_nor_compressed_is_broken(rest: bytes) -> None:
    with pytest.raises(RetryLater):
        list(unpack([PACKED["gzip"] + rest], "gzip"))


def test_a_body_of_zeros_alone_is_not_an_empty_body() -> None:
    assert list(unpack([b"\0" * 100], "gzip")) == [b"\0" * 100]


@NAMES
@given(some=cuts)
@settings(deadline=None, max_examples=20)
def test_decompressed_bytes_are_the_same_for_any_chunks(name: str, some: list[int]) -> None:
    assert b"".join(unpack(pieces(PACKED[name], some), name or None)) == TEXT


@pytest.mark.parametrize("flags", range(32))
def test_a_gzip_header_may_have_any_fields_and_be_cut_anywhere(flags: int) -> None:
    body = gzip_with_fields(flags)
    assert b"".join(unpack(pieces(body, range(60)), "gzip")) == TEXT


@pytest.mark.parametrize("name", ["gzip", "zstd", "zip"])
def test_a_compressed_file_is_recognized_by_its_first_bytes(name: str) -> None:
    body = PACKED[name]
    assert b"".join(unpack(pieces(body, range(len(body))), None)) == TEXT


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (gzip.compress(PACKED["gzip"]), "gzip"),
        (PACKED["gzip, zstd"], "zstd"),
        (gzip.compress(PACKED["zip"]), "gzip"),
        (zipped(PACKED["gzip"]), None),
        (gzip.compress(gzip.compress(gzip.compress(PACKED["zstd"]))), None),
    ],
    ids=["gzip in gzip", "gzip in zstd", "zip in gzip", "gzip in zip", "four of them"],
)
@given(some=cuts)
@settings(deadline=None, max_examples=10)
def test_a_file_packed_before_it_was_sent_is_unpacked_to_its_core(
    body: bytes, name: str | None, some: list[int]
) -> None:
    assert b"".join(unpack(pieces(body, some), name)) == TEXT


@pytest.mark.parametrize("names", [None, "gzip", "gzip, gzip, gzip, gzip, gzip"])
def test_a_body_that_is_packed_five_times_is_refused(names: str | None) -> None:
    body = b"x"
    for _ in range(5):
        body = gzip.compress(body)
    with pytest.raises(FailJob, match="compressed more than 4 times"):
        list(unpack([body], names))


def test_the_bound_holds_for_all_layers_together() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 200_000_000, 1), 9)
    assert len(bomb) < 200_000_000 / 2_000
    assert drain(unpack([bomb], "gzip"), "200 times") <= 1024 * 1024 + 200 * len(bomb)


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "zstd", "deflate", "Deflate", "zip"])
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_a_packed_body_that_is_cut_is_never_a_clean_end(name: str, data: st.DataObject) -> None:
    body = PACKED[name].rstrip(b"\0")
    at = data.draw(st.integers(min_value=1, max_value=len(body) - 1))
    got = b""
    is_whole = True
    try:
        for piece in unpack([body[:at]], name):
            got += piece
    except RetryLater as cut:
        is_whole = cut.at_most != 3
    # Only between two members does a cut leave a whole body.
    members = (
        gzip.compress(TEXT[:500]),
        gzip.compress(TEXT[:500]) + gzip.compress(b""),
        zstandard.compress(TEXT[:700]),
    )
    assert not is_whole or at in map(len, members)
    assert TEXT.startswith(got)


@pytest.mark.parametrize("name", ["gzip", "zstd", "deflate", "zip"])
def test_broken_packing_is_read_again_first(name: str) -> None:
    body = bytearray(PACKED[name])
    # In the middle and in the check sum: some packings notice the one, some the other.
    body[len(body) // 2] ^= 0xFF
    body[-3] ^= 0xFF
    with pytest.raises(RetryLater, match=name) as raised:
        b"".join(unpack([bytes(body)], name))
    assert raised.value.at_most == 3


@pytest.mark.parametrize(
    ("packing", "stated"),
    [
        *(("identity", name) for name in ("gzip", "x-gzip", "zstd", "zip", "gzip, gzip, gzip, gzip, gzip, gzip")),
        *(("gzip", name) for name in ("gzip, gzip", "gzip, zstd", "zstd", "zip")),
        *(("deflate", name) for name in ("deflate, gzip", "gzip, deflate")),
        ("zip", "gzip"),
    ],
)
def test_a_body_that_is_not_packed_as_its_header_says_is_unpacked_as_it_begins(packing: str, stated: str) -> None:
    assert b"".join(unpack(pieces(PACKED[packing], range(1, 9)), stated)) == TEXT


def test_a_body_that_is_not_deflated_as_its_header_says_is_broken() -> None:
    with pytest.raises(RetryLater):
        b"".join(unpack([b"<html>no</html>"], "deflate"))


@pytest.mark.parametrize(
    ("name", "bomb", "ratio"),
    [
        ("gzip", gzip.compress(b"\0" * 50_000_000), 200),
        ("deflate", zlib.compress(b" " * 50_000_000), 200),
        ("zstd", zstandard.compress(b'{"a":1}' * 10_000_000), 2000),
    ],
)
def test_a_bomb_fails_the_job_before_it_goes_off(name: str, bomb: bytes, ratio: int) -> None:
    assert drain(unpack(iter([bomb]), name), f"{ratio} times") <= 1024 * 1024 + ratio * len(bomb)


def test_a_wide_report_of_zeros_is_not_a_bomb() -> None:
    zeros = ",".join(f'"a_measure_with_a_long_name_{number}":0' for number in range(200))
    text = "".join(f'{{"id":{number},{zeros}}}\n' for number in range(1_500)).encode()
    for body, name in ((gzip.compress(text), "gzip"), (zstandard.compress(text, 9), "zstd")):
        assert sum(map(len, unpack([body], name))) == len(text)


def test_a_report_that_compresses_well_is_not_a_bomb() -> None:
    text = b'{"impressions":0,"clicks":0,"spend":0.0,"campaign":"none"}\n' * 15_000 + TEXT * 20
    for body, name in ((gzip.compress(text), "gzip"), (zstandard.compress(text), "zstd")):
        assert sum(map(len, unpack([body], name))) == len(text)


def test_unpacked_pieces_are_of_bounded_size() -> None:
    text = random.Random(1).randbytes(300_000) + b"\0" * 900_000
    for body, name in (
        (gzip.compress(text), "gzip"),
        (zlib.compress(text), "deflate"),
        (zstandard.compress(text), "zstd"),
    ):
        got = list(unpack([body], name))
        assert max(map(len, got)) <= 256 * 1024
        assert b"".join(got) == text


@pytest.mark.parametrize("name", ["br", "compress", "gzip, br"])
def test_an_unknown_packing_fails_the_job_and_names_the_known_ones(name: str) -> None:
    with pytest.raises(FailJob, match="gzip"):
        list(unpack([b"x"], name))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (bz2.compress(TEXT), "compressed by bzip2"),
        (bz2.compress(TEXT, 1), "compressed by bzip2"),
        (lzma.compress(TEXT), "compressed by xz"),
        (b"PAR1\x15\x04\x15", "a Parquet file"),
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_an_unsupported_kind_of_file_is_named(body: bytes, what: str, is_packed: bool) -> None:
    body = gzip.compress(body) if is_packed else body
    with pytest.raises(FailJob, match=f"the response is {what}, which is not supported"):
        list(unpack(pieces(body, range(20)), None))


@pytest.mark.parametrize("name", [None, "gzip", "zstd", "deflate"])
def test_an_empty_body_stays_empty_under_any_encoding(name: str | None) -> None:
    assert list(unpack([], name)) == []
    assert list(unpack([b""], name)) in ([], [b""])


@pytest.mark.parametrize("name", [None, "gzip"])
def test_errors_of_the_transport_pass_through(name: str | None) -> None:
    def chunks() -> Iterator[bytes]:
        yield PACKED["gzip"][:100]
        raise RetryLater("connection reset")

    with pytest.raises(RetryLater, match="connection reset"):
        list(unpack(chunks(), name))
