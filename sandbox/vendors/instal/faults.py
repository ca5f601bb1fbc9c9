"""Instal's own switches: what its documents leave open."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kind, choice, roles

_STATUS = roles("status")
_SUBMIT = roles("submit")
_KARGO = frozenset({"kargo"})
_INSTAL = frozenset({"instal"})

INSTAL_KINDS: tuple[Kind, ...] = (
    Kind(
        "task_state",
        _STATUS,
        "The task's state is this word; `text` is the result beside it. `polls`: only in the first so many polls.",
        {
            "state": Arg(str),
            "text": Arg(str, None),
            "polls": Arg(int, None),
        },
        _INSTAL,
    ),
    Kind(
        "null_result",
        _STATUS,
        "SUCCESS comes with a null result, in the first `polls` polls that say so.",
        {"polls": Arg(int, None)},
        _INSTAL,
    ),
    Kind(
        "create_error",
        _SUBMIT,
        "The create answer says ERROR, with a task id or without.",
        {"with_id": Arg(bool, False), "code": Arg(int, 200)},
        _INSTAL,
    ),
    Kind(
        "task_slash",
        _STATUS,
        "The task's address wants a slash at its end; without one: redirect or 404.",
        {"answer": choice("301", "404", default="301")},
        _INSTAL,
    ),
    Kind(
        "download_link",
        _STATUS,
        "The form of the download link: on the API's host, relative, or on storage.",
        {"form": choice("own", "relative", "storage", default="relative")},
        _INSTAL,
    ),
    Kind(
        "link_expires",
        roles("csv"),
        "The download answers this code; Instal's link stays dead until the task is asked again for a new one.",
        {"code": Arg(int, 403)},
        _INSTAL | _KARGO,
    ),
    Kind(
        "storage_accepts_token",
        roles("csv"),
        "Storage does not refuse a request with credentials.",
        {},
        _INSTAL | _KARGO,
    ),
)
