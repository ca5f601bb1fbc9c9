"""Writes the page about what vendors do wrong: `python -m tests.scenarios.page > docs/vendor-faults.md`."""

from __future__ import annotations

import sys
from itertools import starmap

from tests.gallery.declared import DECLARED, PULLS
from tests.gallery.pull import Pull
from tests.scenarios.scenario import Behaviour, Expectation, Failed
from tests.scenarios.table import SECTIONS, cases

PROSE = """\
# What vendors do, and how Millrace reacts

Written by `python -m tests.scenarios.page > docs/vendor-faults.md` from the table in `tests/scenarios/`.
Do not edit the page itself.

Each of the {count} cases is played end to end against the simulated vendors: a real Redis, both workers, real HTTP. The
settings and faults of these vendors are in [sandbox.md](sandbox.md). To run one case:
`.venv/bin/python -m pytest tests/integration/test_cases.py -k "part of its name"`.

If the request for a page is **tried again**, the page is read from its start; what was published is checked by its
digest and skipped, so each row is published once. If a job **fails**, its receipt says why, and its rows get no end.
The column *published* says what a consumer sees: `whole`; `rows, voided`; `nothing`; it is empty if the job may fail
before or after the first rows.
"""

OWN_PROSE = """\
## Vendors declared by a user

Each of these is a small simulated vendor (`tests/gallery/declared.py`), what a user declares of it
(`tests/gallery/declared.yaml`), and a job from request to receipt. To run one:
`.venv/bin/python -m pytest tests/integration/test_gallery.py -k "case"`.
"""


def page() -> str:
    """The text of the whole page."""
    lines = [PROSE.format(count=len(cases()))]
    for title, behaviours in SECTIONS.items():
        lines += [f"## {title}", "", "| the vendor | Millrace | published | cases |", "| --- | --- | --- | --- |"]
        lines += [behaviour_line(behaviour) for behaviour in behaviours]
        lines.append("")
    lines += [
        OWN_PROSE,
        "| the vendor | Millrace | case |",
        "| --- | --- | --- |",
        *starmap(declared_line, PULLS.items()),
        "",
    ]
    return "\n".join(lines)


def declared_line(name: str, pull: Pull) -> str:
    outcome = f"failed: {', '.join(pull.fails)}" if pull.fails else f"done: {pull.rows} rows"
    bound = f", in at most {pull.at_most} request{'' if pull.at_most == 1 else 's'}" if pull.at_most else ""
    return f"| {DECLARED[name]['title']} | {outcome}{bound} | {name} |"


def behaviour_line(behaviour: Behaviour) -> str:
    expectations = [expected for _, expected in behaviour.scenarios().values()]
    published = " or ".join(dict.fromkeys(filter(None, map(what_is_published, expectations))))
    names = "; ".join(name.replace("|", r"\|") for name in behaviour.cases)
    return f"| {behaviour.vendor} | {behaviour.millrace} | {published} | {names} |"


def what_is_published(expected: Expectation) -> str:
    if not isinstance(expected, Failed):
        return "whole"
    return {True: "rows, voided", False: "nothing", None: ""}[expected.published]


if __name__ == "__main__":
    sys.stdout.write(page())
