"""From what a client asked to the rows it gets.

One function for the vendors and for tests that expect their rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.columns import Column, Style, with_carrier
from sandbox.rows import Form, Look, Restatement, RowPlan


@dataclass(frozen=True, slots=True)
class Telling:
    """How rows are told, whatever report they belong to.

    Which numbers, in which revision, written how.
    """

    rows: int
    seed: int = 1
    revision: int = 1
    restate: Restatement = "values"
    style: Style = "numbers"
    form: Form = "json"
    delimiter: str = ","


def planned(
    report: str, columns: tuple[Column, ...], telling: Telling, buckets: tuple[str, ...] = ("2026-02-01T00:00:00Z",)
) -> RowPlan:
    """The rows of `vendor.report` with these columns.

    The same arguments give the same rows, in any process.
    """
    is_other_order = telling.restate == "order"
    seed = f"{telling.seed}/{report}/{1 if is_other_order else telling.revision}"
    look = Look(with_carrier(columns), seed, telling.form, telling.style, buckets, telling.delimiter)
    return RowPlan(look, telling.rows, telling.revision - 1 if is_other_order else 0)
