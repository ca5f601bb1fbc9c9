"""Reports that a vendor prepares: how to submit, poll and discard one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from worker.sources.schema.declared import Declared, JsonPath, JsonPathWithStar, Status, UnusualStatus
from worker.sources.schema.request import Request, RequestOfTwoPaths, SelectorOfSeveral, Selectors


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
    """How to find, in the vendor's list of reports, one that an interrupted submit may have created.

    `match` maps paths in a listed report to the values it must have there; absent, null and empty are equal, and the
    order of keys does not matter. `created_at` is the path of a time, which must not be before the attempt. `next`
    leads to the next page of the list. A report may be missing from the list for `grace_seconds` after its creation.
    """

    request: Request
    rows: JsonPath
    next: list[JsonPath] = []
    id: JsonPath = "id"
    created_at: JsonPath = "created_at"
    match: dict[JsonPath, Any]
    grace_seconds: int = Field(default=60, ge=0)


class Duplicate(Declared):
    """A refusal that names the report of an earlier, equal request. If it names none, it is handled like any other."""

    statuses: list[UnusualStatus] = Field(min_length=1)
    report_id: Selectors = Field(min_length=1)


class Submit(Declared):
    """Ask the vendor to prepare a report. `is_repeatable`: asking twice does not make a second report.

    The answer has the report's id at `report_id`, or the address to poll at `poll_link`, or both. `refused` maps paths
    in the answer to values that mean a refusal. `ask_anew_at_most` is how many times in all the report is requested
    again if its status is a word in the poll's `ask_anew`, or the vendor no longer has it.
    """

    request: RequestOfTwoPaths
    report_id: Selectors = []
    poll_link: Selectors = []
    duplicate: Duplicate | None = None
    refused: dict[JsonPath, list[Any]] = {}
    is_repeatable: bool = False
    adopt: Adoption | None = None
    grace_seconds: int = Field(default=60, ge=0)
    ask_anew_at_most: int = Field(default=1, ge=0)


class Poll(Declared):
    """Ask whether the report is ready, by `request`, or else by a GET of the submit's `poll_link`.

    `waits_on` are HTTP statuses that mean not ready, and `empty` for an empty body; `done_on` are those that mean
    ready, such as 303. In any other success the word at `status` decides; without `status`, it means ready. Words are
    compared trimmed and in lower case, numbers and `true` by their spelling. `done`, `failed` and `ask_anew` list the
    words; any other word means not ready. After a word in `ask_anew` the report is requested again, as often as the
    submit allows.

    If the answer has a list at `reports`, our report is the one whose `id` is our report id, never simply the first.
    If there is a value at `ready_when_set` other than false and 0, the report is ready. `link` leads to the address of
    the rows, or of several files: `files.*.url`. With `no_link_is_no_rows`, ready without a link means that there are
    no rows; without it, we wait for the link. With `holds_rows`, the answer that says ready has the rows itself: the
    `poll_link` is requested again and read, and the `link_kind` of the read is its own too. `total` may be too low
    while the vendor prepares; the total of a page is preferred. A report that the vendor does not know is waited for,
    for `listing_grace_seconds`; a missing link, and rows that are not found although the report is ready, for
    `missing_link_grace_seconds`.
    """

    request: RequestOfTwoPaths | None = None
    every_seconds: float = Field(default=15, gt=0)
    waits_on: list[Status | Literal["empty"]] = []
    done_on: list[Status] = []
    reports: JsonPath | None = None
    id: JsonPath = "id"
    status: Selectors = []
    done: list[StatusWord] = []
    failed: list[StatusWord] = []
    ask_anew: list[StatusWord] = []
    ready_when_set: JsonPath | None = None
    total: Selectors = []
    link: list[JsonPathWithStar | SelectorOfSeveral] = []
    no_link_is_no_rows: bool = False
    holds_rows: bool = False
    match: dict[JsonPath, Any] = Field(
        default={},
        description="paths in the answer for a ready report, with the values that were requested. A report that has "
        "another value at one of them fails the job; a path without a value is ignored",
    )
    expires_at: JsonPath | None = None
    listing_grace_seconds: int = Field(default=60, ge=0)
    missing_link_grace_seconds: int = Field(default=60, ge=0)


class Discard(Declared):
    """Cancel or delete a report at the vendor once its job has ended in one of the states `after`.

    The request is sent once, with a few seconds for the answer; whether it succeeds does not affect the job.
    """

    request: Request
    after: list[Literal["cancelled", "failed", "done"]] = Field(default=["cancelled"], min_length=1)
