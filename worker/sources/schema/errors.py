"""How a vendor words its errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from worker.sources.schema.declared import Declared

Consequence = Literal["fail", "retry", "rate-limit", "login", "end"]


class ErrorShape(Declared):
    """How to recognize an error: a body is one if `when` leads to a value other than null, empty or false.

    `equals` narrows that to a value or one of several, `unless` to any other value, `contains` to a text with these
    words; the path `""` is the whole body, as text if it is not JSON. `then` is the consequence: fail the job; ask
    again (`retry`); ask again after the seconds at `wait`, or that many, and let no worker ask before (`rate-limit`);
    log in again (`login`); or stop, because nothing more is to be read (`end`). Without it a refusal is handled by its
    status, and an error in a success fails the job. The other paths lead to what is shown to people.
    """

    when: str
    equals: Any = None
    unless: Any = None
    contains: str | None = None
    then: Consequence | None = None
    wait: str | Annotated[float, Field(gt=0)] | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
