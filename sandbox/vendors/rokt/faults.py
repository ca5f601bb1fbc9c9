"""Rokt's own switches: where its documents and working clients of it disagree."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kind, choice, roles

_SINGLE = roles("single")
_ROKT = frozenset({"rokt"})

ROKT_KINDS: tuple[Kind, ...] = (
    Kind(
        "envelope",
        _SINGLE,
        "How a legacy answer is wrapped: `data` is a list or one row at data, `bare` the list or the row itself.",
        {"shape": choice("data.items", "items", "data", "bare", "first_row", default="data.items")},
        _ROKT,
    ),
    Kind(
        "comma_joined",
        _SINGLE,
        "Rows joined by commas and nothing around them, as the documents print the histogram.",
        {},
        _ROKT,
    ),
    Kind(
        "audiences", _SINGLE, "How the campaigns breakdown spells its column.", {"name": Arg(str, "audiences")}, _ROKT
    ),
    Kind("group_spelling", _SINGLE, "groupBy is understood as well as groupby.", {}, _ROKT),
    Kind("strict_zones", _SINGLE, "Only the three documented time zones are allowed.", {}, _ROKT),
    Kind(
        "blank_rows",
        _SINGLE,
        "Empty rows stand before every third row.",
        {"text": choice("[]", "{}", default="[]")},
        _ROKT,
    ),
    Kind("no_rows_key", _SINGLE, "The answer has no `data` at all.", {}, _ROKT),
    Kind("null_group", _SINGLE, "The first row's group (or campaign id) is null.", {}, _ROKT),
    Kind("round_cap", _SINGLE, "There are never more rows than this, without a word.", {"rows": Arg(int, 100)}, _ROKT),
    Kind(
        "slash",
        roles("single"),
        "What a wrong slash at the end of a Query path gets.",
        {"answer": choice("301", "404", "accepted", default="301")},
        _ROKT,
    ),
    Kind("future_refused", _SINGLE, "An endDate beyond tomorrow's is refused.", {}, _ROKT),
)
