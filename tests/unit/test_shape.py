"""The code keeps the rules of the house that a machine can hold."""

from __future__ import annotations

from pathlib import Path

from tests.shape import broken_rules, table

ROOT = Path(__file__).parents[2]


def test_every_file_and_function_keeps_the_shape_of_the_house() -> None:
    assert broken_rules(ROOT) == []


def test_what_breaks_a_rule_is_named(tmp_path: Path) -> None:
    (tmp_path / "worker").mkdir()
    long = "def f():\n" + "    print()\n" * 60
    (tmp_path / "worker" / "helpers.py").write_text(long + "\n" * 400)
    named = broken_rules(tmp_path)
    assert [rule.partition(": ")[2][:20] for rule in named] == [
        *("461 lines, at most 4", "f has 61 lines", "the name says nothin", "does not begin with ")
    ]


def test_the_table_has_a_column_for_each_part(tmp_path: Path) -> None:
    for part in ("worker", "sandbox", "tests"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "one.py").write_text('"""One."""\n\n\ndef one() -> int:\n    """One."""\n    return 1\n')
    header, _, files, *_ = table(tmp_path).splitlines()
    assert (header, files) == ("|  | product | sandbox | tests |", "| files | 1 | 1 | 1 |")
