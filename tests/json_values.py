"""JSON values of every kind for property tests, and text made of them that keeps every digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

texts = st.text(alphabet=st.sampled_from('ab "\\/{}[],:\n€😀'), max_size=5)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.decimals(-1000, 1000, places=4).map(Decimal), texts
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
rows = st.dictionaries(st.sampled_from(["a", "b", "c d", 'q"{}']), values, max_size=3)
others = st.dictionaries(
    st.sampled_from(["status", "note", "list"]), st.one_of(values, st.lists(rows, max_size=3)), max_size=3
)


def dumped(value: Any, *, compact: bool = True) -> str:
    """JSON with Decimals as numbers."""
    between = "," if compact else ", "
    if isinstance(value, dict):
        members = (f"{json.dumps(key)}:{dumped(inner, compact=compact)}" for key, inner in value.items())
        return "{" + between.join(members) + "}"
    if isinstance(value, list):
        return "[" + between.join(dumped(inner, compact=compact) for inner in value) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def exact(raw: bytes | str) -> Any:
    return json.loads(raw, parse_int=str, parse_float=str)
