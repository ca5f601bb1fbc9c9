"""Instal's own switches: what its documents leave open."""

from __future__ import annotations

from typing import Literal

from sandbox.faults.kind import Kinds

INSTAL = Kinds("instal")
INSTAL.switch(
    "task_state",
    {"status"},
    "The task's state is this word; `text` is the result beside it. `polls`: only in the first so many polls.",
    state=str,
    text=(str | None, None),
    polls=(int | None, None),
)
INSTAL.switch(
    "null_result",
    {"status"},
    "SUCCESS comes with a null result, in the first `polls` polls that say so.",
    polls=(int | None, None),
)
INSTAL.switch(
    "create_error",
    {"submit"},
    "The create answer says ERROR, with a task id or without.",
    with_id=(bool, False),
    code=(int, 200),
)
INSTAL.switch(
    "task_slash",
    {"status"},
    "The task's address wants a slash at its end; without one: redirect or 404.",
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
    "The download answers this code; Instal's link stays dead until the task is asked again for a new one.",
    "instal",
    "kargo",
    code=(int, 403),
)
INSTAL.switch(
    "storage_accepts_token", {"csv"}, "Storage does not refuse a request with credentials.", "instal", "kargo"
)
