"""A body comes out whole however the network cuts it, and what is cut off is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import cuts, pieces
from worker.transport import framing


class Pieces:
    """A connection that delivers its bytes in these pieces, then ends."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read1(self, size: int, /) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]


CHUNKED = b"4\r\nWiki\r\n6;name=value\r\npedia \r\nE \r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n"


@settings(deadline=None, max_examples=100)
@given(cuts)
def test_chunks_are_taken_apart_wherever_the_network_cuts_them(at: list[int]) -> None:
    source = Pieces(*pieces(CHUNKED, at))
    assert b"".join(framing.read_chunked(source)) == b"Wikipedia in \r\n\r\nchunks."
    assert source.read1(1) == b""


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10), cuts)
def test_any_chunks_come_out_as_they_went_in(chunks: list[bytes], at: list[int]) -> None:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert b"".join(framing.read_chunked(Pieces(*pieces(framed, at)))) == b"".join(chunks)


@pytest.mark.parametrize("length", range(len(CHUNKED) - len("0\r\nTrailer: x\r\n\r\n")))
def test_a_chunked_body_without_its_last_chunk_is_cut(length: int) -> None:
    with pytest.raises(framing.Cut):
        list(framing.read_chunked(Pieces(CHUNKED[:length])))


# The last is longer than any line of framing may be.
@pytest.mark.parametrize(
    "broken",
    [b"x\r\nrow\r\n", b"-3\r\nrow\r\n", b"0x3\r\nrow\r\n", b"3\nrow\n", b"3\r\nrows\r\n", b"<html>\r\n", b"F" * 70_000],
)
def test_broken_framing_is_a_cut_and_never_rows(broken: bytes) -> None:
    with pytest.raises(framing.Cut, match="framing"):
        list(framing.read_chunked(Pieces(broken, broken)))


def test_a_chunk_of_any_size_is_passed_on_as_it_comes() -> None:
    arrived = framing.read_chunked(Pieces(b"40000000\r\n", b"row", b"row"))
    assert next(arrived) == b"row"


def test_a_sized_body_ends_at_its_size_and_nowhere_else() -> None:
    assert b"".join(framing.read_sized(Pieces(b"row", b"row"), 6)) == b"rowrow"
    assert list(framing.read_sized(Pieces(b"next answer"), 0)) == []
    with pytest.raises(framing.Cut, match="1 of 7 bytes are missing"):
        list(framing.read_sized(Pieces(b"row", b"row"), 7))
