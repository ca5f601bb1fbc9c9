"""The table of what vendors do and what Millrace makes of it: every section, every case by its name."""

from __future__ import annotations

from tests.scenarios import bodies, broken, pages, preparation, questions, refusals, rows
from tests.scenarios.scenario import Behaviour, Expectation, Scenario

SECTIONS: dict[str, tuple[Behaviour, ...]] = {
    "The body breaks off": bodies.BREAKS,
    "Errors that look like success": bodies.ERRORS,
    "Counts": bodies.COUNTS,
    "Credentials": refusals.CREDENTIALS,
    "Refusals and trouble": refusals.REFUSALS,
    "Answers that are no data": refusals.NO_DATA,
    "Asking for a report": preparation.SUBMITTING,
    "Waiting for it": preparation.WAITING,
    "Reports that are gone": preparation.GONE,
    "Links": pages.LINKS,
    "Ends of paging": pages.ENDS,
    "Values": rows.VALUES,
    "Where rows stand": rows.PLACES,
    "Broken bytes": broken.BYTES,
    "Files": broken.FILES,
    "Requests": questions.REQUESTS,
}


def cases() -> dict[str, tuple[Scenario, Expectation]]:
    """Every case of the table, by the name its test has: `what the vendor does: the case`."""
    return {
        f"{behaviour.vendor}: {name}": case
        for behaviours in SECTIONS.values()
        for behaviour in behaviours
        for name, case in behaviour.scenarios().items()
    }
