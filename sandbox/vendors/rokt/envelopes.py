"""What Rokt's answers have around their rows; its documents and working clients disagree."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.exchange import Exchange
from sandbox.faults.lines import before_every
from sandbox.faults.rows import set_value
from sandbox.http.message import Answer, dumps, streamed
from sandbox.rows import Block, Rows

_LISTS: dict[str, tuple[bytes, bytes]] = {
    "data.items": (b'{"data":{"items":[', b"]}}"),
    "items": (b'{"items":[', b"]}"),
    "data": (b'{"data":[', b"]}"),
    "bare": (b"[", b"]"),
    "first_row": (b"", b""),
}
_SINGLES: dict[str, tuple[bytes, bytes]] = {
    "data.items": (b'{"data":', b"}"),
    "items": (b"", b""),
    "data": (b'{"data":', b"}"),
    "bare": (b"", b""),
    "first_row": (b"", b""),
}


def legacy(exchange: Exchange, report: str, rows: Rows, *, is_list: bool) -> Answer:
    """A legacy answer: rows at data.items, one row at data, unless a fault says otherwise."""
    fault = exchange.fault("envelope")
    shape = fault["shape"] if fault else "data.items"
    before, after = (_LISTS if is_list else _SINGLES)[shape]
    stop = 1 if shape == "first_row" else None
    if exchange.fault("comma_joined") is not None:
        before = after = b""
    blocks = _add_odd_rows(exchange, exchange.blocks(report, rows, 0, _limit(exchange, stop)))
    return streamed(exchange.as_list(before, blocks, after), "application/json")


def query(exchange: Exchange, report: str, rows: Rows, account: str) -> Answer:
    """A Query answer: rows at data, beside the account and the time the query took."""
    head = dumps({"accountId": account, "queryTimeMs": 42})
    if exchange.fault("no_rows_key") is not None:
        return Answer(200, (head,), len(head), {"Content-Type": "application/json"})
    blocks = _add_odd_rows(exchange, exchange.blocks(report, rows, 0, _limit(exchange, None)))
    return streamed(exchange.as_list(head[:-1] + b',"data":[', blocks, b"]}"), "application/json")


def _limit(exchange: Exchange, stop: int | None) -> int | None:
    cap = exchange.fault("round_cap")
    return int(cap["rows"]) if cap and stop is None else stop


def _add_odd_rows(exchange: Exchange, blocks: Iterator[Block]) -> Iterator[Block]:
    if exchange.fault("null_group") is not None:
        for column in ("groupByValue", "campaign_id"):
            blocks = set_value(blocks, {"row": 1, "column": column, "text": "null"})
    if blank := exchange.fault("blank_rows"):
        text = str(blank["text"]).encode()
        blocks = (before_every(block, 3, text) for block in blocks)
    return blocks
