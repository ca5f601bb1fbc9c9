"""What Rokt's answers have around their rows; its documents and working clients disagree."""

from __future__ import annotations

from sandbox.exchange import Exchange
from sandbox.http.body import as_list
from sandbox.http.message import Answer, dumps, streamed, whole
from sandbox.rows import Rows

_LISTS = {
    "data.items": (b'{"data":{"items":[', b"]}}"),
    "items": (b'{"items":[', b"]}"),
    "data": (b'{"data":[', b"]}"),
    "bare": (b"[", b"]"),
    "first_row": (b"", b""),
}
_SINGLES = {"data.items": (b'{"data":', b"}"), "data": (b'{"data":', b"}")}


def legacy(exchange: Exchange, rows: Rows, *, is_list: bool) -> Answer:
    """A legacy answer: rows at data.items, one row at data, unless a fault says otherwise."""
    shape = exchange.value("envelope", "shape", "data.items")
    before, after = (_LISTS if is_list else _SINGLES).get(shape, (b"", b""))
    if exchange.has("comma_joined"):
        before = after = b""
    stop = 1 if shape == "first_row" else exchange.value("round_cap", "rows", None)
    return streamed(as_list(before, exchange.blocks(rows, 0, stop), after), "application/json")


def query(exchange: Exchange, rows: Rows) -> Answer:
    """A Query answer: rows at data, beside the account and the time the query took."""
    head = dumps({"accountId": exchange.parts["account"], "queryTimeMs": 42})
    if exchange.has("no_rows_key"):
        return whole(200, head, "application/json")
    blocks = exchange.blocks(rows, 0, exchange.value("round_cap", "rows", None))
    return streamed(as_list(head[:-1] + b',"data":[', blocks, b"]}"), "application/json")
