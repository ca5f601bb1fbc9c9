"""The rows that a client must have received, for tests: the bytes that the vendors serve, without a request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sandbox.rows import Rendering, RowPlan, digest
from sandbox.settings import TODAY
from sandbox.vendors.instal.export import plan as instal_plan
from sandbox.vendors.instal.export import read_export
from sandbox.vendors.kargo.reports import plan as kargo_plan
from sandbox.vendors.mediamath.query import Query, datasets
from sandbox.vendors.mediamath.rows import buckets
from sandbox.vendors.mediamath.rows import plan as mediamath_plan
from sandbox.vendors.rokt.legacy import METADATA_PATHS, SHAPES, legacy_plan, metadata, read_legacy_request, summary
from sandbox.vendors.rokt.query import account_plan, query_plan

Params = Mapping[str, Any]


def expected_rows(report: str, params: Params, rows: int, *, typed: bool = False, **how: Any) -> Iterator[bytes]:
    """The rows of `vendor.report` as the vendor sends them, in order.

    `params` are the request's, under the vendor's names, ids in the path included. `typed` gives each row as a JSON
    object with numbers as numbers, even if the vendor sends CSV or text. `how` may contain `seed`, `revision`,
    `restate`, `style`, `form` (`csv` for a file) and `today`, as the settings and faults of the sandbox do.
    """
    return expected_plan(report, params, rows, typed=typed, **how).rows()


def expected_digest(report: str, params: Params, rows: int, *, page_rows: int | None = None, **how: Any) -> str:
    """SHA-256 over the rows, each with a newline.

    With `page_rows`, SHA-256 over the hex digests of pages of that many rows.
    """
    plan = expected_plan(report, params, rows, **how)
    if page_rows is None:
        return digest(plan.rows())
    pages = [digest(plan.rows(start, start + page_rows)) for start in range(0, plan.total, page_rows)]
    return hashlib.sha256("".join(pages).encode()).hexdigest()


def expected_plan(report: str, params: Params, rows: int, *, typed: bool = False, **how: Any) -> RowPlan:
    """The plan of these rows, from which any row can be made directly."""
    today = how.pop("today", TODAY)
    vendor, _, name = report.partition(".")
    rendering = Rendering(rows, **how)
    # The form in which a vendor sends rows, unless a fault changes it.
    if vendor == "kargo" and "style" not in how:
        rendering = replace(rendering, style="numbers" if rendering.form == "csv" else "strings")
    if vendor == "instal" and "form" not in how:
        rendering = replace(rendering, form="csv")
    if typed:
        rendering = replace(rendering, form="json", style="numbers")
    match vendor:
        case "kargo":
            asked = params.get("parameters", params)
            return kargo_plan(name, tuple(asked["dimensions"]), tuple(asked["measures"]), rendering)
        case "mediamath":
            query = Query(datasets()[name], tuple(params["fields"]), dict(params))
            return mediamath_plan(query, rendering, buckets(query.body, today))
        case "instal":
            return instal_plan(read_export(dict(params)), rendering)
    return _plan_rokt(name, params, rendering)


def _plan_rokt(name: str, params: Params, rendering: Rendering) -> RowPlan:
    ids = {path: str(params[given]) for given, path in _ROKT_IDS.items() if given in params}
    rest = {name: value for name, value in params.items() if name not in _ROKT_IDS}
    if name in METADATA_PATHS:
        return metadata(name, ids)
    if name == "account-summary":
        return summary(read_legacy_request(rest, None), rendering)
    if name in SHAPES:
        return legacy_plan(name, read_legacy_request(rest, SHAPES[name]), rendering)
    return account_plan(rendering) if name == "query-accounts" else query_plan(name, rest, rendering)


_ROKT_IDS = {"accountId": "account", "campaignId": "campaign", "audienceId": "audience", "creativeId": "creative"}
