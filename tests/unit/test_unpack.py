"""Packed responses: unpacked on the way, bounded, and never taken for whole when cut."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import pieces
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
cuts = st.lists(st.integers(min_value=0, max_value=10**6), max_size=6)


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


@pytest.mark.parametrize("rest", [b"<br>", b"\x1f", PACKED["gzip"][:9]])
def test_what_follows_a_body_and_is_neither_blank_nor_compressed_is_broken(rest: bytes) -> None:
    with pytest.raises(RetryLater):
        list(unpack([PACKED["gzip"] + rest], "gzip"))


def test_nothing_but_zeros_is_no_empty_body() -> None:
    with pytest.raises(RetryLater):
        list(unpack([b"\0" * 20], "gzip"))


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
def test_a_packed_file_is_known_by_its_first_bytes(name: str) -> None:
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
def test_five_packings_around_one_another_are_no_report(names: str | None) -> None:
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


@pytest.mark.parametrize("name", ["gzip", "zstd", "deflate", "zip"])
def test_what_is_not_packed_though_it_says_so_is_broken(name: str) -> None:
    with pytest.raises(RetryLater):
        b"".join(unpack([b"<html>no</html>"], name))


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


def test_pieces_are_of_a_bearable_size() -> None:
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
def test_an_unknown_packing_fails_the_job_and_says_what_is_known(name: str) -> None:
    with pytest.raises(FailJob, match="gzip"):
        list(unpack([b"x"], name))


@pytest.mark.parametrize("name", [None, "gzip", "zstd", "deflate"])
def test_an_empty_body_is_empty(name: str | None) -> None:
    assert list(unpack([], name)) == []
    assert list(unpack([b""], name)) in ([], [b""])


@pytest.mark.parametrize("name", [None, "gzip"])
def test_what_the_transport_raises_goes_through(name: str | None) -> None:
    def chunks() -> Iterator[bytes]:
        yield PACKED["gzip"][:100]
        raise RetryLater("connection reset")

    with pytest.raises(RetryLater, match="connection reset"):
        list(unpack(chunks(), name))


# ---------------------------------------------------------------- ZIP archives


CSV = b"Campaign,Clicks\r\n" + b"".join(b"c%d,%d\r\n" % (number, number * 7919 % 1000) for number in range(2_000))


class Unseekable(io.BytesIO):
    """An archive as a server writes it while it creates it: sizes come after the data."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, *_: int) -> int:
        raise OSError


def archive(
    *names: str, file: io.BytesIO | None = None, method: int = zipfile.ZIP_DEFLATED, text: bytes = CSV
) -> bytes:
    file = file or io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name in names:
            out.writestr(name, b"" if name.endswith(("/", "\\")) else b"notes" if "MACOSX" in name else text)
    return file.getvalue()


def described(form: str, mark: bytes, *, text: bytes = CSV) -> bytes:
    """An archive whose sum and sizes follow the data in one of the forms there are."""
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(text) + packer.flush()
    name, crc = b"report.csv", zlib.crc32(text)
    head = struct.pack("<5H3L2H", 20, 8, 8, 0, 0, 0, 0, 0, len(name), 0)
    listed = struct.pack("<6H3L5H2L", 20, 20, 8, 8, 0, 0, crc, len(data), len(text), len(name), 0, 0, 0, 0, 0, 0)
    body = b"PK\x03\x04" + head + name + data + mark + struct.pack(form, crc, len(data), len(text))
    directory = b"PK\x01\x02" + listed + name
    return body + directory + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, len(directory), len(body), 0)


def zip64() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out, out.open("a.csv", "w", force_zip64=True) as entry:
        entry.write(CSV)
    return file.getvalue()


def with_comment() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("a.csv", CSV)
        out.comment = b"made by PK\x01\x02"
    return file.getvalue()


WHOLE = {
    "deflate": archive("150.csv"),
    "stored": archive("150.csv", method=zipfile.ZIP_STORED),
    "sizes after the data": archive("150.csv", file=Unseekable()),
    "sizes after the data, long": described("<L2Q", b"PK\x07\x08"),
    "sizes after the data, unmarked": described("<3L", b""),
    "sizes after the data, long and unmarked": described("<L2Q", b""),
    "zip64": zip64(),
    "a folder and macOS's notes": archive("2026/", "2026/150.csv", "__MACOSX/2026/._150.csv"),
    "a folder of Windows": archive("2026\\", "2026\\150.csv"),
    "notes first": archive("__MACOSX/._150.csv", "150.csv", file=Unseekable()),
    "a comment": with_comment(),
}


@pytest.mark.parametrize("kind", list(WHOLE))
@given(some=st.lists(st.integers(min_value=0, max_value=10**6), max_size=8))
@settings(deadline=None, max_examples=15)
def test_the_only_file_comes_out_for_any_chunks(kind: str, some: list[int]) -> None:
    assert b"".join(unpack(pieces(WHOLE[kind], some), None)) == CSV


@pytest.mark.parametrize("kind", list(WHOLE))
@given(data=st.data())
@settings(deadline=None, max_examples=15)
def test_an_archive_cut_anywhere_is_never_a_clean_end(kind: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(min_value=5, max_value=len(WHOLE[kind]) - 1))
    with pytest.raises(RetryLater, match="cut"):
        list(unpack([WHOLE[kind][:at]], None))


def test_the_file_comes_out_before_the_archive_is_whole() -> None:
    text = CSV * 50
    body = archive("a.csv", text=text)
    coming = unpack(pieces(body, range(0, len(body), 1000)), None)
    assert text.startswith(next(coming))


@pytest.mark.parametrize("name", ["b.csv", "readme.txt", "._a.csv"])
def test_more_than_one_file_fails_and_names_two(name: str) -> None:
    with pytest.raises(FailJob, match=f"more than one file: 'a.csv' and '{name}'"):
        list(unpack([archive("a.csv", name)], None))


@pytest.mark.parametrize("names", [(), ("2026/",), ("2026/", "__MACOSX/._x")])
def test_no_file_fails(names: tuple[str, ...]) -> None:
    with pytest.raises(FailJob, match="the ZIP holds no file"):
        list(unpack([archive(*names)], None))


@pytest.mark.parametrize("names", [("[Content_Types].xml", "_rels/.rels"), ("docProps/app.xml",), ("xl/workbook.xml",)])
def test_an_excel_workbook_is_called_by_its_name(names: tuple[str, ...]) -> None:
    with pytest.raises(FailJob, match=r"an Excel workbook \(XLSX\)"):
        list(unpack([archive(*names)], None))


def test_an_encrypted_file_fails_with_its_name() -> None:
    body = bytearray(archive("secret.csv"))
    body[6] |= 1
    with pytest.raises(FailJob, match=r"'secret.csv' in the ZIP is encrypted"):
        list(unpack([bytes(body)], None))


def test_another_method_fails_and_says_what_is_known() -> None:
    with pytest.raises(FailJob, match=r"method 14; only 0 \(stored\) and 8 \(deflate\) are"):
        list(unpack([archive("a.csv", method=zipfile.ZIP_LZMA)], None))


def test_a_file_stored_without_its_size_fails() -> None:
    with pytest.raises(FailJob, match="stored without its size"):
        list(unpack([archive("a.csv", file=Unseekable(), method=zipfile.ZIP_STORED)], None))


@pytest.mark.parametrize("kind", ["deflate", "stored", "sizes after the data", "sizes after the data, unmarked"])
def test_a_file_that_is_not_what_its_sum_says_is_broken(kind: str) -> None:
    body = WHOLE[kind]
    crc = struct.pack("<L", zlib.crc32(CSV))
    at = body.index(crc)
    with pytest.raises(RetryLater, match="broken zip") as raised:
        list(unpack([body[:at] + bytes(byte ^ 1 for byte in crc) + body[at + 4 :]], None))
    assert raised.value.at_most == 3


def test_a_directory_that_lists_another_number_of_entries_is_broken() -> None:
    body = bytearray(archive("a.csv"))
    at = body.rindex(b"PK\x05\x06")
    body[at + 8 : at + 12] = struct.pack("<2H", 2, 2)
    with pytest.raises(RetryLater, match="lists 2 entries, but it has 1"):
        list(unpack([bytes(body)], None))


def test_an_archive_may_be_a_bomb() -> None:
    with pytest.raises(FailJob, match="200 times"):
        for _ in unpack([archive("a.csv", text=b"\0" * 50_000_000)], None):
            pass
