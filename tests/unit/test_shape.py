"""The code keeps those rules of the house that a machine can check."""

from __future__ import annotations

from pathlib import Path

from tests.shape import broken_rules

ROOT = Path(__file__).parents[2]


def test_every_file_and_function_keeps_the_shape_of_the_house() -> None:
    assert broken_rules(ROOT) == []


def test_everything_that_breaks_a_rule_is_named(tmp_path: Path) -> None:
    (tmp_path / "worker").mkdir()
    long = "def f():\n" + "    print()\n" * 60
    (tmp_path / "worker" / "helpers.py").write_text(long + "\n" * 400)
    named = broken_rules(tmp_path)
    assert [rule.partition(": ")[2][:20] for rule in named] == [
        *("461 lines, at most 4", "f has 61 lines", "the name says nothin", "does not begin with ")
    ]
