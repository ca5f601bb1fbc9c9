"""The storm, short enough for every test run; `make stress` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stress.storm import storm_over


@pytest.mark.timeout(400)
def test_a_short_storm_of_kills_loses_and_doubles_nothing(tmp_path: Path) -> None:
    lines: list[str] = []
    damage = storm_over(tmp_path, 40_000, 12, seed=20_261_121, say=lines.append)
    assert {shape: found.is_none for shape, found in damage.items()} == {"pages": True, "one long stream": True}, lines
    assert sum(found.sigkills for found in damage.values()) >= 12
