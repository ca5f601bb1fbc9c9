"""Faults in the number of rows a vendor names, and in how long its pages are."""

from __future__ import annotations

from sandbox.fault_types import Arg, Kind, choice, roles

_PAGE = roles("page")
_PAGED = roles("page", "list")
_KARGO = frozenset({"kargo"})
_MEDIAMATH = frozenset({"mediamath"})

COUNT_KINDS: tuple[Kind, ...] = (
    Kind(
        "wrong_total",
        roles("status", "page", "stream", "link", "list"),
        "The number of rows the vendor names is off by `by`, or is `value`, whatever that is.",
        {"by": Arg(int, 1), "value": Arg(object, None), "is_value": Arg(bool, False)},
        _KARGO | _MEDIAMATH,
    ),
    Kind(
        "capped_total",
        roles("status", "page", "link"),
        "The number of rows the vendor names is never more than this.",
        {"at": Arg(int, 10_000)},
        _KARGO,
    ),
    Kind(
        "drifting_total",
        _PAGE,
        "The number of rows grows by this much with every page asked for beyond the first.",
        {"by": Arg(int, 1)},
        _KARGO | _MEDIAMATH,
    ),
    Kind(
        "short_page",
        _PAGED,
        "No page has more rows than this, whatever was asked.",
        {"rows": Arg(int)},
        _KARGO | _MEDIAMATH,
    ),
    Kind(
        "past_end",
        _PAGE,
        "What a page past the end is: empty, or refused.",
        {"answer": choice("empty", "400", default="400")},
        _KARGO | _MEDIAMATH,
    ),
)
