"""The page about what vendors do is the table the tests play."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.page import page
from tests.scenarios.scenario import Behaviour
from tests.scenarios.table import SECTIONS, cases

PAGE = Path(__file__).parents[2] / "docs" / "vendor-faults.md"


def behaviours() -> list[Behaviour]:
    return [behaviour for section in SECTIONS.values() for behaviour in section]


def test_the_page_is_as_the_table_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_no_case_hides_another_of_its_name() -> None:
    assert len(cases()) == sum(len(behaviour.cases) for behaviour in behaviours())
