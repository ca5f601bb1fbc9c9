"""Faults of Instal and of storage: the variants that Instal's documents leave open."""

from __future__ import annotations

from typing import Literal

from sandbox.faults.kind import Kinds

INSTAL = Kinds("instal")
INSTAL.switch(
    "task_state",
    {"status"},
    "The state of the task is this word, and `text` the result with it. `polls`: only in the first `polls` polls.",
    state=str,
    text=(str | None, None),
    polls=(int | None, None),
)
INSTAL.switch(
    "null_result",
    {"status"},
    "SUCCESS comes with a null result in the first `polls` polls that say SUCCESS.",
    polls=(int | None, None),
)
INSTAL.switch(
    "create_error",
    {"submit"},
    "The answer to the request of an export says ERROR, with a task id or without.",
    with_id=(bool, False),
    code=(int, 200),
)
INSTAL.switch(
    "task_slash",
    {"status"},
    "The address of a task must have a slash at its end; without one, the answer is a redirect or 404.",
    answer=(Literal["301", "404"], "301"),
)
INSTAL.switch(
    "download_link",
    {"status"},
    "The form of the download link: on the API's host, relative, or on storage.",
    form=(Literal["own", "relative", "storage"], "relative"),
)
INSTAL.switch(
    "link_expires",
    {"csv"},
    "The download is answered with this code; Instal's link stays dead, and the next poll gives a new one.",
    "instal",
    "kargo",
    code=(int, 403),
)
INSTAL.switch(
    "storage_accepts_token", {"csv"}, "Storage does not refuse a request with credentials.", "instal", "kargo"
)
