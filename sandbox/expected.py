"""The rows a client must have received, for tests.

The same bytes the vendors serve, without asking them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sandbox.columns import Style
from sandbox.rows import RowPlan, Rows, Telling
from sandbox.settings import TODAY
from sandbox.vendors.instal.export import plan as instal_plan
from sandbox.vendors.instal.export import read_export
from sandbox.vendors.kargo.reports import plan as kargo_plan
from sandbox.vendors.mediamath.datasets import datasets
from sandbox.vendors.mediamath.query import Query
from sandbox.vendors.mediamath.rows import plan as mediamath_plan
from sandbox.vendors.mediamath.times import buckets
from sandbox.vendors.rokt.legacy import read_ask
from sandbox.vendors.rokt.rows import account_plan, legacy_plan, metadata, query_plan, summary
from sandbox.vendors.rokt.shapes import METADATA_PATHS, SHAPE_BY_REPORT

Params = Mapping[str, Any]


def expected_rows(report: str, params: Params, rows: int, *, typed: bool = False, **how: Any) -> Iterator[bytes]:
    """The rows of `vendor.report` as the vendor sends them, in order.

    `params` are the request's, named as the vendor names them, ids of the path included. `typed` gives each row as a
    JSON object with numbers as numbers, whatever form the vendor has. `how` may say `seed`, `revision`, `restate`,
    `style`, `form` (`csv` for a file) and `today`, as the settings and faults of the sandbox do.
    """
    return expected_plan(report, params, rows, typed=typed, **how).rows()


def expected_digest(report: str, params: Params, rows: int, *, page_rows: int | None = None, **how: Any) -> str:
    """SHA-256 over the rows, each with a newline.

    With `page_rows`, SHA-256 over the hex digests of such pages.
    """
    plan = expected_plan(report, params, rows, **how)
    if page_rows is None:
        return _digest(plan.rows())
    pages = [_digest(plan.rows(start, start + page_rows)) for start in range(0, plan.total, page_rows)]
    return hashlib.sha256("".join(pages).encode()).hexdigest()


def expected_plan(report: str, params: Params, rows: int, *, typed: bool = False, **how: Any) -> Rows:
    """The plan behind the rows: any row of it can be addressed."""
    today = how.pop("today", TODAY)
    vendor, _, name = report.partition(".")
    telling = _USUAL[vendor](Telling(rows, **how), how)
    if typed:
        telling = replace(telling, form="json", style="numbers")
    return _PLANS[vendor](name, params, telling, today)


def _digest(rows: Iterator[bytes]) -> str:
    running = hashlib.sha256()
    for row in rows:
        running.update(row + b"\n")
    return running.hexdigest()


def _kargo(name: str, params: Params, telling: Telling, _today: str) -> RowPlan:
    asked = params.get("parameters", params)
    return kargo_plan(name, tuple(asked["dimensions"]), tuple(asked["measures"]), telling)


def _mediamath(name: str, params: Params, telling: Telling, today: str) -> RowPlan:
    query = Query(datasets()[name], tuple(params["fields"]), dict(params))
    return mediamath_plan(query, telling, buckets(query.body, today))


def _instal(_name: str, params: Params, telling: Telling, _today: str) -> RowPlan:
    return instal_plan(read_export(dict(params)), telling)


def _rokt(name: str, params: Params, telling: Telling, _today: str) -> Rows:
    ids = {path: str(params[told]) for told, path in _ROKT_IDS.items() if told in params}
    rest = {name: value for name, value in params.items() if name not in _ROKT_IDS}
    if name in METADATA_PATHS:
        return metadata(name, ids)
    if name == "account-summary":
        return summary(read_ask(rest, None), telling)
    if name in SHAPE_BY_REPORT:
        return legacy_plan(name, read_ask(rest, SHAPE_BY_REPORT[name]), telling)
    return account_plan(telling) if name == "query-accounts" else query_plan(name, rest, telling)


_ROKT_IDS = {"accountId": "account", "campaignId": "campaign", "audienceId": "audience", "creativeId": "creative"}
_PLANS: dict[str, Callable[[str, Params, Telling, str], Rows]] = {
    "kargo": _kargo,
    "mediamath": _mediamath,
    "rokt": _rokt,
    "instal": _instal,
}


def _kargo_usual(telling: Telling, how: Params) -> Telling:
    usual: Style = "numbers" if telling.form == "csv" else "strings"
    return telling if "style" in how else replace(telling, style=usual)


def _instal_usual(telling: Telling, how: Params) -> Telling:
    return telling if "form" in how else replace(telling, form="csv")


_USUAL: dict[str, Callable[[Telling, Params], Telling]] = {
    "kargo": _kargo_usual,
    "mediamath": lambda telling, _how: telling,
    "rokt": lambda telling, _how: telling,
    "instal": _instal_usual,
}
