"""ZIP archives: the only file in one is read as its bytes arrive; anything else is refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from itertools import chain, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import pieces
from worker.decompress import unpack
from worker.errors import FailJob, RetryLater

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
    last = len(WHOLE[kind]) - 1
    at = data.draw(st.integers(5, last) | st.integers(last - 120, last))  # half of the cuts are in the directory
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
def test_an_archive_without_a_file_holds_nothing(names: tuple[str, ...]) -> None:
    assert list(unpack([archive(*names)], None)) == []


@pytest.mark.parametrize("names", [("[Content_Types].xml", "_rels/.rels"), ("docProps/app.xml",), ("xl/workbook.xml",)])
def test_an_excel_workbook_is_named(names: tuple[str, ...]) -> None:
    with pytest.raises(FailJob, match=r"an Excel workbook \(XLSX\)"):
        list(unpack([archive(*names)], None))


def test_an_encrypted_file_fails_with_its_name() -> None:
    body = bytearray(archive("secret.csv"))
    body[6] |= 1
    with pytest.raises(FailJob, match=r"'secret.csv' in the ZIP is encrypted"):
        list(unpack([bytes(body)], None))


def test_a_file_packed_by_another_method_fails_with_the_methods_there_are() -> None:
    with pytest.raises(FailJob, match=r"method 14; only 0 \(stored\) and 8 \(deflate\) are"):
        list(unpack([archive("a.csv", method=zipfile.ZIP_LZMA)], None))


@pytest.mark.parametrize("is_zip64", [False, True])
def test_a_file_stored_without_its_size_fails(is_zip64: bool) -> None:
    file = Unseekable()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as out,
        out.open("a.csv", "w", force_zip64=is_zip64) as entry,
    ):
        entry.write(CSV)
    with pytest.raises(FailJob, match="stored without its size"):
        list(unpack([file.getvalue()], None))


@pytest.mark.parametrize("kind", ["deflate", "stored", "sizes after the data", "sizes after the data, unmarked"])
def test_a_file_with_a_wrong_checksum_is_broken(kind: str) -> None:
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


def test_a_directory_that_never_ends_does_not_fill_the_memory() -> None:
    body = archive("a.csv")
    chunks = chain([body[: body.index(b"PK\x01\x02")]], repeat(b"PK\x01\x02" * 1_000))
    with pytest.raises(FailJob, match="the directory of the ZIP is larger than 1 MiB"):
        list(unpack(chunks, None))


def test_a_large_file_without_its_size_is_broken() -> None:
    body = bytearray(archive("a.csv"))
    body[18:26] = b"\xff" * 8  # the sizes are said to be in an extra field, and there is none
    with pytest.raises(RetryLater, match="neither in its header nor in an extra field"):
        list(unpack([bytes(body)], None))


def test_an_archive_that_is_a_bomb_fails() -> None:
    with pytest.raises(FailJob, match="200 times"):
        for _ in unpack([archive("a.csv", text=b"\0" * 50_000_000)], None):
            pass
