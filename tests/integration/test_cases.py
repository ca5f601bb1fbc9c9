"""What vendors do, and what Millrace makes of it: every case of the table, end to end against vendors of its own."""

from __future__ import annotations

import pytest

from tests.scenarios.outcome import Outcome
from tests.scenarios.scenario import Expectation
from tests.scenarios.table import cases


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(expected, id=name, marks=pytest.mark.played(scenario))
        for name, (scenario, expected) in cases().items()
    ],
)
def test_each_case_ends_as_the_table_says(outcome: Outcome, expected: Expectation) -> None:
    expected.check(outcome)
