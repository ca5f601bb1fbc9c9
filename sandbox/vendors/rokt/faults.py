"""Rokt's own switches: where its documents and working clients of it disagree."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kinds, choice, roles

ROKT = Kinds("rokt")
ROKT.switch(
    "envelope",
    roles("single"),
    "How a legacy answer is wrapped: `data` is a list or one row at data, `bare` the list or the row itself.",
    shape=choice("data.items", "items", "data", "bare", "first_row", default="data.items"),
)
ROKT.switch(
    "comma_joined",
    roles("single"),
    "Rows joined by commas and nothing around them, as the documents print the histogram.",
)
ROKT.switch("audiences", roles("single"), "How the campaigns breakdown spells its column.", name=Arg(str, "audiences"))
ROKT.switch("group_spelling", roles("single"), "groupBy is understood as well as groupby.")
ROKT.switch("strict_zones", roles("single"), "Only the three documented time zones are allowed.")
ROKT.switch(
    "blank_rows", roles("single"), "Empty rows stand before every third row.", text=choice("[]", "{}", default="[]")
)
ROKT.switch("no_rows_key", roles("single"), "The answer has no `data` at all.")
ROKT.switch("null_group", roles("single"), "The first row's group (or campaign id) is null.")
ROKT.switch("round_cap", roles("single"), "There are never more rows than this, without a word.", rows=Arg(int, 100))
ROKT.switch(
    "slash",
    roles("single"),
    "What a wrong slash at the end of a Query path gets.",
    answer=choice("301", "404", "accepted", default="301"),
)
ROKT.switch("future_refused", roles("single"), "An endDate beyond tomorrow's is refused.")
