"""The settings of the sandbox, which can be changed while it runs, and their errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

TODAY = "2026-02-01"

Count = Annotated[int, Field(ge=0)]


class Settings(BaseModel):
    """How large reports are, how slow the vendors are, and which revision of the figures they show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Count = Field(1000, description="rows of a report")
    rows_by_report: dict[str, Count] = Field(
        default_factory=dict, description="rows of single reports, by `vendor.report`; overrides `rows`"
    )
    polls_until_ready: Count = Field(2, description="polls that find a prepared report unfinished")
    latency_ms: Count = Field(0, description="milliseconds before every answer that carries rows")
    bytes_per_second: Count = Field(0, description="the highest speed at which a body is sent; 0: no limit")
    token_seconds: Count = Field(0, description="lifetime of a token; 0: the vendor's own (3600, MediaMath 86400)")
    report_seconds: Count = Field(86_400, description="how long a prepared report is kept")
    seed: int = Field(1, description="the seed of all values; another one gives other values")
    revision: Annotated[int, Field(ge=1)] = Field(1, description="a higher revision restates every report")
    restate: Literal["values", "order"] = Field(
        "values", description="what a higher revision changes: the values, or the order of the same rows"
    )
    restate_after_reads: Count = Field(
        0, description="after this many readings of a report, its revision rises by one; 0: never"
    )
    today: str = Field(TODAY, description="the day from which relative time windows are counted")
    journal_requests: Annotated[int, Field(ge=1)] = Field(20_000, description="how many requests are remembered")

    def changed(self, changes: Any) -> Settings:
        """These settings with some changed. Raises pydantic's ValidationError, which names each wrong one."""
        return Settings.model_validate({**self.model_dump(), **changes})

    def rows_of(self, vendor: str, report: str) -> int:
        """The number of rows of this report."""
        return self.rows_by_report.get(f"{vendor}.{report}", self.rows)


def explain(errors: ValidationError) -> str:
    """One line that says what is wrong with each value."""
    mistakes = []
    for error in errors.errors():
        given = "" if error["type"] == "missing" else f" (given: {error['input']!r})"
        mistakes.append(f"{'.'.join(map(str, error['loc']))}: {error['msg']}{given}")
    return "; ".join(mistakes)
