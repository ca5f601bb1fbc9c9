"""Instal's own switches: what its documents leave open."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kinds, choice, roles

INSTAL = Kinds("instal")
INSTAL.switch(
    "task_state",
    roles("status"),
    "The task's state is this word; `text` is the result beside it. `polls`: only in the first so many polls.",
    state=Arg(str),
    text=Arg(str, None),
    polls=Arg(int, None),
)
INSTAL.switch(
    "null_result",
    roles("status"),
    "SUCCESS comes with a null result, in the first `polls` polls that say so.",
    polls=Arg(int, None),
)
INSTAL.switch(
    "create_error",
    roles("submit"),
    "The create answer says ERROR, with a task id or without.",
    with_id=Arg(bool, False),
    code=Arg(int, 200),
)
INSTAL.switch(
    "task_slash",
    roles("status"),
    "The task's address wants a slash at its end; without one: redirect or 404.",
    answer=choice("301", "404", default="301"),
)
INSTAL.switch(
    "download_link",
    roles("status"),
    "The form of the download link: on the API's host, relative, or on storage.",
    form=choice("own", "relative", "storage", default="relative"),
)
INSTAL.switch(
    "link_expires",
    roles("csv"),
    "The download answers this code; Instal's link stays dead until the task is asked again for a new one.",
    vendors=("instal", "kargo"),
    code=Arg(int, 403),
)
INSTAL.switch(
    "storage_accepts_token",
    roles("csv"),
    "Storage does not refuse a request with credentials.",
    vendors=("instal", "kargo"),
)
