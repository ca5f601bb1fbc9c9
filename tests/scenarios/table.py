"""The table of what vendors do and what Millrace does then: all sections, and all cases by name."""

from __future__ import annotations

from tests.scenarios import bodies, broken, pages, preparation, questions, refusals, rows
from tests.scenarios.scenario import Behaviour, Expectation, Scenario

SECTIONS: dict[str, tuple[Behaviour, ...]] = {
    "The body breaks off": bodies.BREAKS,
    "Errors that look like success": bodies.ERRORS,
    "Counts": bodies.COUNTS,
    "Credentials": refusals.CREDENTIALS,
    "Refusals and server errors": refusals.REFUSALS,
    "Answers without data": refusals.NO_DATA,
    "Requesting a report": preparation.SUBMITTING,
    "Waiting for a report": preparation.WAITING,
    "Reports that are gone": preparation.GONE,
    "Links": pages.LINKS,
    "The end of paging": pages.ENDS,
    "Values": rows.VALUES,
    "Places and forms of rows": rows.PLACES,
    "Broken bytes": broken.BYTES,
    "Files": broken.FILES,
    "Requests": questions.REQUESTS,
}


def cases() -> dict[str, tuple[Scenario, Expectation]]:
    """All cases of the table, by the names of their tests: `what the vendor does: the case`."""
    return {
        f"{behaviour.vendor}: {name}": case
        for behaviours in SECTIONS.values()
        for behaviour in behaviours
        for name, case in behaviour.scenarios().items()
    }
