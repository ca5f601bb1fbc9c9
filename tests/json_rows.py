"""Rows as vendors write them, for property tests: every kind of number, text, nesting and blank."""

from __future__ import annotations

import json

from hypothesis import strategies as st

numbers = st.one_of(
    st.integers(),
    st.integers(min_value=10**17, max_value=10**40),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.sampled_from(["-0", "0.0", "-0.0", "57.1000", "1E5", "1e-7", "1.50e+3", "123456789012345678901.50"]),
).map(str)
texts = st.text(alphabet=st.sampled_from('ab "\\/{}[],:\n\té€😀\u2028\x7f'), max_size=6).map(
    lambda text: json.dumps(text, ensure_ascii=len(text) % 2 == 0)
)
leaves = st.one_of(numbers, texts, st.sampled_from(["null", "true", "false"]))
blanks = st.sampled_from(["", "", "", " ", "\t"])
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda items, blank: "[" + (blank + "," + blank).join(items) + "]", st.lists(inner, max_size=3), blanks
        ),
        st.lists(st.tuples(texts, inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{k}:{v}" for k, v in pairs) + "}"
        ),
    ),
    max_leaves=6,
)
rows = st.builds(
    lambda pairs, blank: (
        "{" + blank + (blank + "," + blank).join(f"{key}{blank}:{value}" for key, value in pairs) + "}"
    ),
    st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"c d"', '"\\u00e9"']), values), max_size=4),
    blanks,
)
ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", " \n "])
