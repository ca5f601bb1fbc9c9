"""Error shapes: how to recognise a vendor's error in a body, and what follows from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from worker.sources.schema.declared import Declared, JsonPath

Consequence = Literal["fail", "retry", "rate-limit", "login", "end"]


class ErrorShape(Declared):
    """How to recognise an error: a body is one if `when` leads to a value other than null, empty or false.

    `equals` narrows that to one value or several, `unless` to any other value, `contains` to text that contains it; the
    path `""` is the whole body, as text if it is not JSON. `then` is the consequence: `fail` the job; `retry` the
    request; `rate-limit`, which keeps all workers from sending requests for the seconds that `wait` states or leads to;
    `login` again; or `end` the pages. Without `then`, a refusal is handled by its HTTP status, and an error in an
    answer with a status of success fails the job. The other paths lead to what is shown to people.
    """

    when: JsonPath
    equals: Any = None
    unless: Any = None
    contains: str | None = None
    then: Consequence | None = None
    wait: JsonPath | Annotated[float, Field(gt=0)] | None = None
    code: JsonPath | None = None
    message: JsonPath | None = None
    request_id: JsonPath | None = None
