"""Writes the page about what vendors do: `python -m tests.scenarios.page > docs/vendor-faults.md`."""

from __future__ import annotations

import sys

import yaml

from tests.cases.case import Case
from tests.cases.table import CASES
from tests.scenarios.scenario import Behaviour, Expectation, Failed
from tests.scenarios.table import SECTIONS, cases

PROSE = """\
# What vendors do, and what Millrace makes of it

Written by `python -m tests.scenarios.page > docs/vendor-faults.md` from the table in `tests/scenarios/`.
Do not edit the page itself.

Each of the {count} cases is played end to end against the simulated vendors: a real Redis, both workers, real HTTP. The
settings and faults the vendors have are in [sandbox.md](sandbox.md). One case alone:
`.venv/bin/python -m pytest tests/integration/test_cases.py -k "part of its name"`.

**Tried again** means: the same page is read from its start, what was published is checked by its digest and skipped, so
each row is published once. **Failed** means: the receipt says why, and there is no end. The column *published* says
what a consumer sees: `whole`; `rows, voided`; `nothing`; empty where a failure may come before the rows or after.
"""

OWN_PROSE = """\
## Vendors declared by a user

Each of these is a vendor in a few lines (`tests/cases/`), the source file a user would write for it, and a job played
end to end: `.venv/bin/python -m pytest tests/integration/test_declared_vendors.py -k "case"`.
"""


def page() -> str:
    """The whole page."""
    lines = [PROSE.format(count=len(cases()))]
    for title, behaviours in SECTIONS.items():
        lines += [f"## {title}", "", "| the vendor | Millrace | published | cases |", "| --- | --- | --- | --- |"]
        lines += [_line(behaviour) for behaviour in behaviours]
        lines.append("")
    lines += [OWN_PROSE, "| the vendor | Millrace | case |", "| --- | --- | --- |", *map(_case, CASES), ""]
    return "\n".join(lines)


def _case(case: Case) -> str:
    title = yaml.safe_load(case.source.read_text(encoding="utf-8"))["title"]
    outcome = f"failed: {', '.join(case.fails)}" if case.fails else f"done: {case.rows} rows"
    bound = f", in {case.at_most} requests at most" if case.at_most else ""
    link = f"[{case.name}](../tests/fixtures/cases/{case.name}.yaml)"
    return f"| {title} | {outcome}{bound} | {link} |"


def _line(behaviour: Behaviour) -> str:
    expectations = [expected for _, expected in behaviour.scenarios().values()]
    published = " or ".join(dict.fromkeys(filter(None, map(_published, expectations))))
    names = "; ".join(name.replace("|", r"\|") for name in behaviour.cases)
    return f"| {behaviour.vendor} | {behaviour.millrace} | {published} | {names} |"


def _published(expected: Expectation) -> str:
    if not isinstance(expected, Failed):
        return "whole"
    return {True: "rows, voided", False: "nothing", None: ""}[expected.published]


if __name__ == "__main__":
    sys.stdout.write(page())
