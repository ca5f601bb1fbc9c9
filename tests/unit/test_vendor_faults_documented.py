"""The table of what vendors do names every test that shows it, and only tests there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN_IN = {"": "test_vendor_faults", " (t)": "test_tolerant_reading", " (r)": "test_all_reports"}


def documented(mark: str) -> set[str]:
    text = (ROOT / "docs" / "vendor-faults.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+)`( \([tr]\))?", text)
    return {test for test, given in named if given == mark}


@pytest.mark.parametrize(("mark", "module"), list(SHOWN_IN.items()))
def test_every_test_of_a_vendors_behaviour_is_in_the_table_and_every_one_in_the_table_exists(
    mark: str, module: str
) -> None:
    source = (ROOT / "tests" / "integration" / f"{module}.py").read_text(encoding="utf-8")
    assert documented(mark) == set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
