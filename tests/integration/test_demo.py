"""`millrace demo` on a machine with nothing running."""

from __future__ import annotations

from pathlib import Path

from tests.command import Command


def test_the_demonstration_brings_every_row_of_every_vendor_and_removes_its_directory(tmp_path: Path) -> None:
    answer = Command(tmp_path)("demo", "--rows", "2000", "--json", TMPDIR=str(tmp_path))
    assert answer.code == 0, answer.err
    # One of each vendor, and one more that goes to Parquet.
    assert [(line["state"], line["is_whole"], line["doubled"]) for line in answer.lines] == [("done", True, 0)] * 5
    assert list(tmp_path.glob("millrace-*")) == []
