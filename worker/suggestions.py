"""Texts for messages about wrong input: which values are allowed, and which one was probably meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

SHOWN_NAMES = 24
FIRST_NAMES = 5
SHOWN_CHARACTERS = 200
MOST_CLOSE = 3
SHORTEST_BEGINNING = 3
OURS = {
    "api_key": "header", "body": "json", "csv": "delimited", "cursor": "token", "data": "json", "decimal": "number",
    "double": "number", "endpoint": "path", "float": "number", "jsonl": "ndjson", "page_param": "number_param",
    "page_size": "size", "pagination": "paging", "paginator": "paging", "params": "query", "rate_limit": "limits",
    "records": "rows", "text": "string", "timestamp": "datetime", "tsv": "delimited", "url": "path",
}  # fmt: skip
"""Words of HTTP libraries and other declarative connectors, and what they are called in source files."""


def close_names(given: object, names: Iterable[object]) -> list[str]:
    """The name that means the same; else those spelt almost like what was given, the closest first, and then those that
    begin with it, such as `int`.
    """
    folded = {str(name).casefold(): str(name) for name in names}
    text = str(given).casefold()
    if OURS.get(text) in folded:
        return [folded[OURS[text]]]
    close = difflib.get_close_matches(text, list(folded), n=MOST_CLOSE, cutoff=0.7)
    begun = [name for name in folded if len(text) >= SHORTEST_BEGINNING and name.startswith(text)]
    return [folded[name] for name in dict.fromkeys([*close, *begun])][:MOST_CLOSE]


def did_you_mean(given: object, names: Iterable[object]) -> str:
    """`; did you mean 'fields'?` if a name is close to what was given, else an empty string."""
    close = close_names(given, names)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def one_of(given: object, names: Iterable[Any], many: str = "names") -> str:
    """`one of a, b, c`; for a long list only the beginning, and how many there are."""
    listed = list(names)
    if not listed:
        return f"no {many} here"
    is_long = len(listed) > SHOWN_NAMES
    shown = listed[:FIRST_NAMES] if is_long else listed
    text = ", ".join(name if isinstance(name, str) else json.dumps(name, default=str) for name in shown)
    allowed = f"one of {len(listed)} {many} ({text}, ...)" if is_long else f"one of {text}"
    return allowed + did_you_mean(given, listed)


def shorten(value: Any) -> Any:
    """The value, or the beginning of its text if it is long, for messages that people read."""
    text = repr(value)
    return value if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
