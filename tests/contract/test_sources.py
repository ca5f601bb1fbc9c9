"""The promises of every source file, packaged or an example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from config.settings import PACKAGED
from sandbox.vendors.mediamath.query import Dataset, datasets
from worker.errors import BadInput
from worker.sources.checks import check_json_schemas
from worker.sources.connections import connections_schema
from worker.sources.credentials import credential_names
from worker.sources.loading import load_catalogue, load_source, source_schema
from worker.sources.params import read_for, resolve
from worker.sources.placeholders import fill, fill_path, names_in
from worker.sources.schema import Param, Read, Report, Request, Source
from worker.sources.yaml_files import read_yaml

EXAMPLES = Path(__file__).parents[2] / "examples" / "sources"
FILES = sorted([*(PACKAGED / "sources").glob("*.yaml"), *EXAMPLES.glob("*.yaml")])
SOURCES = {path.stem: load_source(read_yaml(path)) for path in FILES}
REPORTS = {f"{name}.{report}": source.reports[report] for name, source in SOURCES.items() for report in source.reports}
NOW = datetime(2026, 11, 21, 6, 50, 33, tzinfo=UTC)

# Values no rule can be satisfied with by taking the first allowed one.
ORGANIZATION = {"field": "organization_id", "value": 1}
BY_HAND: dict[str, dict[str, Any]] = {
    **{name: {"filters": [ORGANIZATION]} for name in REPORTS if name.startswith("mediamath.")},
    "mediamath.deals": {"filters": [ORGANIZATION, {"field": "deal_id", "op": "=", "value": [2, 3]}]},
}
TYPICAL = {
    "string": "x",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "object": {},
    "any": 1,
    "date": "{yesterday}",
    "datetime": "{yesterday}",
    "local-datetime": "{yesterday}",
    "timezone": "Asia/Tokyo",
}

files = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
every_report = pytest.mark.parametrize("name", REPORTS)


def typical(param: Param) -> Any:
    if param.type == "list":
        return (param.items_allowed or [TYPICAL[param.items or "any"]])[-1:]
    if param.pattern:
        return "last_7_days" if "last_" in param.pattern else "17"
    return param.allowed[0] if param.allowed else TYPICAL[param.type]


def least(name: str) -> dict[str, Any]:
    """The fewest parameters a report can be asked for with."""
    report = REPORTS[name]
    named = {parameter for parameter, param in report.params.items() if param.required}
    named |= {group[0] for group in report.one_of}
    given = {parameter: typical(report.params[parameter]) for parameter in sorted(named)}
    return {**given, **BY_HAND.get(name, {})}


def resolved(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return resolve(REPORTS[name], given, now=NOW, timezone="America/New_York").params


def requests_of(report: Report) -> Iterator[Request]:
    submit, poll = report.submit, report.poll
    if submit:
        yield from [submit.request, *([submit.adopt.request] if submit.adopt else [])]
    if poll:
        yield poll.request
    for read in report.read:
        yield from [request for request in (read.request, read.resolve) if request]


def test_the_reports_that_must_exist_are_there() -> None:
    assert {name: list(source.reports) for name, source in load_catalogue().sources.items()} == {
        "amazon-ads": ["sp-campaigns", "sp-advertised-products", "sp-search-terms", "report"],
        "google-ads": ["campaigns", "ads", "keywords", "query"],
        "instal": ["advertiser-export"],
        "kargo": ["campaign-performance-metrics", "report", "completed-report", "reports", "report-definitions"],
        "linkedin": ["campaigns", "creatives", "breakdown"],
        "mediamath": [
            *("performance", "performance-hourly", "all-dimensions-and-metrics", "day-part", "deals", "win-loss"),
            *("pixel-loads", "reach-frequency", "brain-feature-summary", "brain-feature-value"),
        ],
        "meta": ["campaigns", "ads", "insights"],
        "microsoft-ads": ["campaigns", "ads", "keywords"],
        "pinterest": ["campaigns", "ads", "report"],
        "rokt": [
            *("account-campaigns-breakdown", "account-summary", "account-transactions-overview"),
            *("account-transactions-breakdown", "campaign-overview", "campaign-breakdown", "campaign-histogram"),
            *("creative-overview", "creative-breakdown", "campaign-metadata", "audience-metadata"),
            *("creative-metadata", "query-accounts", "query-campaigns", "query-transactions"),
        ],
        "the-trade-desk": ["report", "scheduled-report", "templates"],
        "tiktok": ["campaigns", "ads", "audience"],
    }


@files
def test_the_schema_editors_use_accepts_the_file(path: Path) -> None:
    Draft202012Validator(source_schema()).validate(read_yaml(path).content)


def test_the_schema_of_connections_accepts_the_packaged_ones() -> None:
    Draft202012Validator(connections_schema()).validate(read_yaml(PACKAGED / "connections.yaml").content)


@files
def test_the_file_is_named_as_the_source(path: Path) -> None:
    assert SOURCES[path.stem].source == path.stem


@every_source
def test_a_source_survives_being_kept_as_json(source: Source) -> None:
    assert Source.model_validate_json(source.model_dump_json(by_alias=True)) == source


@every_source
def test_credentials_are_names_never_values(source: Source) -> None:
    for auth in source.auth:
        for field in ("token", "value", "username", "password", "client_id", "client_secret"):
            text = getattr(auth, field, "{x}")
            assert list(names_in(text)) or (auth.kind == "session" and field == "token")
        assert (credential_names(auth) == []) == (auth.kind == "none")


@every_source
def test_the_base_is_https_with_no_slash_at_its_end(source: Source) -> None:
    assert source.base_url is not None
    assert source.base_url.startswith("https://")
    assert not source.base_url.endswith("/")


@every_report
def test_the_smallest_valid_parameters_fill_every_request(name: str) -> None:
    params = resolved(name, least(name))
    assert resolved(name, least(name)) == params
    values = {**params, "report_id": "71"}
    for request in requests_of(REPORTS[name]):
        path = fill_path(request.path, {**values, "report_id": "r/1"})
        assert path.startswith("/")
        assert not set(path) & set("{}?# ")
        json.dumps(fill([request.query, request.headers, request.json_body, request.form], values), allow_nan=False)


@every_report
def test_dates_understand_macros(name: str) -> None:
    for parameter, param in REPORTS[name].params.items():
        if param.type in ("date", "datetime", "local-datetime"):
            others = dict.fromkeys(param.needs, "{yesterday}")
            groups = [group for group in REPORTS[name].one_of if {parameter, *param.needs} & set(group)]
            given = {key: value for key, value in least(name).items() if not any(key in group for group in groups)}
            dates = {key: "{yesterday}" for key in given if REPORTS[name].params[key].type == param.type}
            value = resolved(name, {**given, **dates, **others, parameter: "{yesterday}"})[parameter]
            assert value.startswith("2026-11-20")


@every_report
def test_every_way_of_reading_can_be_chosen(name: str) -> None:
    report = REPORTS[name]
    chosen: list[Read] = [read_for(report, resolved(name, least(name)))]
    for read in report.read:
        when = {key: typical(report.params[key]) if wanted == "*" else wanted for key, wanted in read.when.items()}
        chosen.append(read_for(report, resolved(name, {**least(name), **when})))
    assert all(read in chosen for read in report.read)
    assert report.read[-1].when == {}


@pytest.mark.parametrize(("dataset", "defined"), datasets().items(), ids=list(datasets()))
def test_mediamath_has_the_fields_of_its_own_definition(dataset: str, defined: Dataset) -> None:
    fields = SOURCES["mediamath"].reports[dataset].params["fields"].items_allowed
    assert fields is not None
    assert sorted(fields) == sorted([*defined.dimensions, *defined.metrics])


def mediamath(dataset: str, **given: Any) -> dict[str, Any]:
    return resolved(f"mediamath.{dataset}", {**least(f"mediamath.{dataset}"), **given})


@pytest.mark.parametrize(
    "filters",
    [
        [ORGANIZATION, {"field": "campaign_name", "op": "=~", "value": "Test Campaign"}],
        [{"field": "campaign_id", "value": [1, 2]}, {"field": "campaign_name", "op": "isNotNull"}],
        [{"op": "or", "filters": [ORGANIZATION, {"field": "clicks", "op": ">=", "value": 10}]}],
        [{"field": "x", "op": "and", "filters": [ORGANIZATION, {"op": "or", "filters": [ORGANIZATION, ORGANIZATION]}]}],
    ],
)
def test_mediamath_takes_filters_as_documented(filters: list[Any]) -> None:
    assert mediamath("performance", filters=filters)["filters"] == filters


@pytest.mark.parametrize(
    ("dataset", "given", "where"),
    [
        ("performance", {"fields": ["campaign_id_test"]}, "params.fields.0"),
        ("performance", {"fields": []}, "params.fields"),
        ("performance", {"filters": []}, "params.filters"),
        ("performance", {"filters": [{"field": "campaign_id_test", "value": 1}]}, "params.filters.0.field"),
        ("performance", {"filters": [{"field": "campaign_id", "op": "like", "value": 1}]}, "params.filters.0.op"),
        ("performance", {"filters": [{"op": "and", "filters": [ORGANIZATION]}]}, "params.filters.0.filters"),
        ("performance", {"filters": [{"op": "or"}]}, "params.filters.0"),
        (
            "performance",
            {"filters": [{"op": "or", "filters": [ORGANIZATION, {"field": "no", "value": 1}]}]},
            "params.filters.0.filters.1.field",
        ),
        ("performance", {"rollup": "by_hour"}, "params.rollup"),
        ("performance", {"time_window": "current_date"}, "params.time_window"),
        ("performance", {"time_window": "last_0_days"}, "params.time_window"),
        ("performance", {"time_window": "last_7_hours"}, "params.time_window"),
        ("performance", {"start_time": "{yesterday}"}, "params"),
        ("performance", {"end_time": "{today}"}, "params.end_time"),
        ("performance", {"page_size": 1001}, "params.page_size"),
        ("performance", {"page_size": 10, "max_results": 5}, "params.max_results"),
        ("performance", {"time_zone": "UTC"}, "params.time_zone"),
        ("performance-hourly", {"time_zone": "Europe/Berlin"}, "params.time_zone"),
        ("performance", {"rollup": "all", "fields": ["clicks", "agg_timestamp"]}, "params.fields.1"),
        ("performance", {"rollup": "all", "order": [{"field": "agg_timestamp"}]}, "params.order.0.field"),
        ("performance", {"order": [{"desc": True}]}, "params.order.0"),
        ("reach-frequency", {"time_window": "last_8_days"}, "params.time_window"),
        ("reach-frequency", {"start_time": "{today}"}, "params.start_time"),
        ("brain-feature-value", {"rollup": "all"}, "params.rollup"),
        ("pixel-loads", {"fields": ["impressions"]}, "params.fields.0"),
        ("deals", {"filters": [{"field": "deal_id", "value": 1}]}, "params.filters"),
        ("deals", {"filters": [ORGANIZATION]}, "params.filters"),
        ("deals", {"filters": [ORGANIZATION, {"field": "deal_id", "value": []}]}, "params.filters"),
        ("deals", {"fields": ["organization_id"]}, "params.fields.0"),
    ],
)
def test_mediamath_refuses_what_its_definition_refuses(dataset: str, given: dict[str, Any], where: str) -> None:
    with pytest.raises(BadInput) as caught:
        mediamath(dataset, **given)
    assert caught.value.where.startswith(where)


def kargo(condition: Any) -> Any:
    given = {**least("kargo.campaign-performance-metrics"), "filters": [{"day_time_id": condition}]}
    return resolved("kargo.campaign-performance-metrics", given)["filters"][0]["day_time_id"]


@pytest.mark.parametrize(
    "condition",
    [
        "2023100112",
        2023100112,
        *({"op": op, "start": 2023030900} for op in ("isNot", "neq", "gt", "gte", "lt", "lte")),
        *({"op": op, "start": "walmart"} for op in ("like", "notLike", "iLike", "notILike")),
        {"op": "iLike", "name": "walmart"},
        {"op": "notIn", "start": [2023030900, 2023031000]},
        *({"op": op, "start": 2023030900, "end": 2023030900} for op in ("between", "notbetween")),
    ],
)
def test_kargo_takes_all_three_forms_of_a_filter(condition: Any) -> None:
    assert kargo(condition) == condition


@pytest.mark.parametrize(
    "condition",
    [
        [1],
        {},
        {"start": 1},
        {"op": "in", "start": [1]},
        {"op": "notBetween", "start": 1, "end": 2},
        {"op": "between", "start": 1},
        {"op": "gte", "start": 1, "end": 2},
        {"op": "gte"},
        {"op": "notIn", "start": 1},
        {"op": "like", "start": 1},
        {"op": "like", "start": "a", "name": "a"},
    ],
)
def test_kargo_refuses_other_forms(condition: Any) -> None:
    with pytest.raises(BadInput, match=r"params\.filters\.0\.day_time_id"):
        kargo(condition)


def test_kargo_takes_an_hour_from_a_macro() -> None:
    hours = {"op": "between", "start": "{yesterday:%Y%m%d00}", "end": "{yesterday:%Y%m%d23}"}
    assert kargo(hours) == {"op": "between", "start": 2026112000, "end": 2026112023}


def test_rokt_gets_dates_and_moments_as_they_were_given() -> None:
    given = {**least("rokt.campaign-overview"), "dateStart": "2020-03-01", "dateEnd": "2020-03-31"}
    params = resolved("rokt.campaign-overview", given)
    assert (params["dateStart"], params["dateEnd"]) == ("2020-03-01", "2020-03-31")
    moments = {**given, "dateStart": "2020-03-01T00:00:00.000", "dateEnd": "2020-03-31T23:59:59.000"}
    assert resolved("rokt.campaign-overview", moments) == {**params, **moments}


def test_rokt_keeps_the_slashes_of_the_query_api() -> None:
    paths = {name: SOURCES["rokt"].reports[f"query-{name}"].read[0].request for name in ("campaigns", "transactions")}
    assert {name: request.path.rpartition("}")[2] for name, request in paths.items() if request} == {
        "campaigns": "/campaigns/",
        "transactions": "/transactions",
    }


@files
def test_every_schema_in_the_file_is_one(path: Path) -> None:
    check_json_schemas(SOURCES[path.stem], read_yaml(path))
