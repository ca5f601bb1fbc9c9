"""Reports that a vendor prepares: asking for one, polling, and discarding it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from worker.sources.schema.declared import Declared
from worker.sources.schema.request import Paths, Request, Selectors


def status_word(value: Any) -> Any:
    """A status in the form in which statuses are compared: trimmed, lower case, numbers as digits; None for others."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        # Without the fraction of a whole number: 100.0 and 100 are one status.
        return f"{value:.15g}"
    return value.strip().lower() if isinstance(value, str) else None


StatusWord = Annotated[str, BeforeValidator(status_word, json_schema_input_type=str | float | bool)]


class Adoption(Declared):
    """How to find, in the vendor's list of reports, one that we may have asked for.

    `match` maps paths in a listed report to the values that must be there; absent, null and empty are equal, and the
    order of keys does not matter. `created_at` must not be before the attempt. `next` leads to the list's next page. A
    report may be missing from the list for `grace_seconds` after it was made.
    """

    request: Request
    rows: str
    next: Paths = []
    id: str = "id"
    created_at: str = "created_at"
    match: dict[str, Any]
    grace_seconds: int = 60


class Duplicate(Declared):
    """A refusal that names the report which an earlier, equal request made. If it names none, it is like any other."""

    statuses: list[int] = Field(min_length=1)
    report_id: Selectors = Field(min_length=1)


class Submit(Declared):
    """Ask the vendor to prepare a report. `is_repeatable`: asking twice does not make a second report.

    The answer has the report's id at `report_id`, or the address to poll at `poll_link`, or both. `refused` maps paths
    in the answer to values that mean a refusal. `ask_anew_at_most` is how often in all the report is requested again if
    the vendor says one of the words in the poll's `ask_anew` or no longer has the report.
    """

    request: Request
    report_id: Selectors = []
    poll_link: Selectors = []
    duplicate: Duplicate | None = None
    refused: dict[str, list[Any]] = {}
    is_repeatable: bool = False
    adopt: Adoption | None = None
    grace_seconds: int = 60
    ask_anew_at_most: int = Field(default=1, ge=0)


class Poll(Declared):
    """Ask whether the report is ready, by `request`, or else by a GET of the submit's `poll_link`.

    `waits_on` are HTTP statuses that mean not ready, and `empty` for an empty body; `done_on` are those that mean
    ready, such as 303. Any other success is judged by the word at `status`, or means ready if no `status` is declared.
    Words are compared trimmed and in lower case, numbers and `true` by their spelling. `done`, `failed` and `ask_anew`
    list the words; any other word means not ready. After one in `ask_anew` the report is requested again, as often as
    the submit allows.

    If the answer has a list at `reports`, our report is the one whose `id` is our report id, never simply the first.
    `ready_when_set` leads to a value that means ready by being there. `link` leads to the address of the rows, or of
    several files: `files.*.url`. With `no_link_is_no_rows`, ready without a link means that there are no rows; without
    it, the link is waited for. With `holds_rows` the ready answer itself has the rows: the `poll_link` is requested
    again and read. `total` may lag behind while the vendor prepares; a page's own total is better.
    """

    request: Request | None = None
    every_seconds: float = Field(default=15, gt=0)
    waits_on: list[int | Literal["empty"]] = []
    done_on: list[int] = []
    reports: str | None = None
    id: str = "id"
    status: Selectors = []
    done: list[StatusWord] = []
    failed: list[StatusWord] = []
    ask_anew: list[StatusWord] = []
    ready_when_set: str | None = None
    total: Selectors = []
    link: Selectors = []
    no_link_is_no_rows: bool = False
    holds_rows: bool = False
    match: dict[str, Any] = Field(
        default={},
        description="what a report that is ready must say of itself, by its places, where it says anything there: the "
        "values it was asked for with. Another report is not read",
    )
    expires_at: str | None = None
    listing_grace_seconds: int = 60
    missing_link_grace_seconds: int = 60


class Discard(Declared):
    """Cancel or delete a prepared report at the vendor, once its job has ended in one of the states `after`.

    Sent once, with a few seconds for the answer; the job does not depend on whether it worked.
    """

    request: Request
    after: list[Literal["cancelled", "failed", "done"]] = Field(default=["cancelled"], min_length=1)
