"""A source file can only choose and write values that its parameters have; the rest is refused when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.source_files import READ, loaded, report, source
from worker.errors import BadInput

PARAMS: dict[str, Any] = {
    "kind": {"allowed": ["day", "week"]},
    "size": {"type": "integer", "maximum": 10, "default": 1},
    "flag": {"type": "boolean"},
    "names": {"type": "list", "items": "string", "join": ","},
    "day": {"type": "date"},
    "hour": {"type": "integer"},
}
AT: dict[str, Any] = {**READ, "request": {"path": "/rows", "query": {name: f"{{{name}}}" for name in PARAMS}}}


def load(directory: Path, when: dict[str, Any], **of_report: Any) -> None:
    loaded(directory, source(report({**AT, "when": when}, AT, params=PARAMS, **of_report)))


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"kind": "month"}, "one of day, week"),
        ({"kind": ["day", "week"]}, "text"),
        ({"size": "3"}, "an integer"),
        ({"size": 30}, "a number of at most 10"),
        ({"size": None}, "a value, since size is always given"),
        ({"flag": "true"}, "true or false"),
        ({"names": ["a", "b"]}, "the value as it is sent, which is 'a,b'"),
        ({"day": "{today}"}, "the value as it is sent"),
    ],
)
def test_a_read_for_a_value_that_its_parameter_never_has_is_refused(
    tmp_path: Path, when: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, when)
    assert caught.value.where.endswith(f"read.0.when.{next(iter(when))}")
    assert words in caught.value.allowed


@pytest.mark.parametrize("when", [{"kind": "week"}, {"kind": None}, {"size": 3}, {"names": "a,b"}, {"names": "*"}])
def test_a_read_for_a_value_that_its_parameter_may_have_is_accepted(tmp_path: Path, when: dict[str, Any]) -> None:
    load(tmp_path, when)


@pytest.mark.parametrize(
    ("form", "end", "words"),
    [
        ("YYYYMMDD", "hour", "%Y %m %d"),
        ("%Q", "hour", "%Y %m %d"),
        ("%Y%m%d", "day", "a date such as"),
        ("%Y-%m-%d", "hour", "an integer"),
    ],
)
def test_a_form_in_which_a_window_cannot_be_written_is_refused(tmp_path: Path, form: str, end: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, {"kind": "day"}, window={"from": end, "to": end}, window_form=form)
    assert caught.value.where.endswith("reports.r.window_form")
    assert words in caught.value.allowed
    load(tmp_path, {"kind": "day"}, window={"from": "hour", "to": "hour"}, window_form="%Y%m%d%H")
