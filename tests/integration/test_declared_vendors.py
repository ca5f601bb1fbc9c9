"""Each case of `tests/cases`: its vendor over real HTTP, its source file, and a job from request to receipt."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from redis import Redis

from tests.cases.case import SOURCES, Case
from tests.cases.table import CASES
from tests.in_process import world


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_case_ends_as_a_user_expects(
    case: Case, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = yaml.safe_load(case.source.read_text(encoding="utf-8"))
    with world(redis, tmp_path, source, case.vendor(), monkeypatch, credentials=case.credentials) as made:
        made.ask()
        receipt = made.run()
        if case.fails:
            assert receipt["state"] == "failed"
            assert [words for words in case.fails if words not in receipt["error"]] == [], receipt["error"]
        else:
            assert (receipt["state"], receipt["error"]) == ("done", None)
            assert receipt["rows"] == case.rows == len({str(row) for row in made.rows()})
        assert case.at_most is None or len(made.asked) <= case.at_most


def test_every_source_file_has_its_case() -> None:
    assert {path.stem for path in SOURCES.glob("*.yaml")} == {case.name for case in CASES}
