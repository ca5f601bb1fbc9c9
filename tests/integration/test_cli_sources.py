"""`sources`, `check`, `discover`: which reports exist, whether credentials work. No Redis is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.command import NO_REDIS, CommandHere
from tests.harness import vendors_with
from worker.sources.connections import connections_schema
from worker.sources.loading import load_catalogue, source_schema

TOKEN = {"MEDIAMATH_TOKEN": "not-a-secret-static-token"}
NOBODY = dict.fromkeys(
    ("KARGO_PASSWORD", "MEDIAMATH_CLIENT_ID", "MEDIAMATH_USERNAME", "ROKT_APP_ID", "INSTAL_TOKEN"), ""
)
TRIED = """
source: tried
title: Tried
base_url: https://tried.example
auth: [{kind: header, name: Authorization, value: "Token {token}"}]
check: {request: {path: /reports}}
reports:
  all:
    title: All
    read: [{request: {path: /all}, format: {kind: json, rows: [data]}}]
    proof: end
    replay: stable
"""


vendors = vendors_with(rows=10)


@pytest.fixture
def millrace(vendors: Sandbox, tmp_path: Path) -> Iterator[CommandHere]:
    """The command, with the vendors as they are by default, and nothing kept anywhere when the test is over."""
    vendors.remote.reset()
    directory = tmp_path / "here"
    yield CommandHere(directory, {**vendors.environment, "MILLRACE_REDIS_URL": NO_REDIS})
    assert not (directory / "data").exists()


# ---------------------------------------------------------------- sources


def test_sources_lists_each_with_our_accounts(millrace: CommandHere, vendors: Sandbox) -> None:
    listed = millrace("sources", "--json").lines
    ours = {"instal", "kargo", "mediamath", "rokt"}
    assert {one["source"]: one["connections"] for one in listed} == {
        name: [name] if name in ours else [] for name in load_catalogue().sources
    }
    assert {one["source"]: one["reports"] for one in listed} == {
        name: list(source.reports) for name, source in load_catalogue().sources.items()
    }
    assert "MediaMath Reporting API V2" in millrace("sources").out
    assert vendors.remote.requests() == []


def test_a_source_without_an_account_says_how_to_add_one(millrace: CommandHere) -> None:
    (facts,) = millrace("sources", "show", "amazon-ads", "--json").lines
    assert "refresh_token is given" in facts["note"]
    assert facts["reports"][0]["window"]["at_most"] == "31d"
    assert "client_id and client_secret belong" in millrace("sources", "show", "amazon-ads").out
    assert "the end included, at most 31d" in millrace("sources", "show", "amazon-ads.report").out


def test_a_report_is_shown_with_parameters_proof_and_replay(millrace: CommandHere) -> None:
    shown = millrace("sources", "show", "mediamath.deals").out
    for words in (
        "count: rows are checked against the vendor's own count",
        "unstable: an interrupted reading may begin a new generation",
        "exactly one of time_window and start_time",
        "all, by_hour, by_day, by_week, by_month",
    ):
        assert words in shown
    (facts,) = millrace("sources", "show", "mediamath.deals", "--json").lines
    params = {param["name"]: param for param in facts["params"]}
    assert (facts["proof"], facts["replay"]) == ("count", "unstable")
    assert params["rollup"]["required"] is True
    assert params["rollup"]["allowed"][0] == "all"
    assert params["page_size"]["maximum"] == 1000


def test_a_long_list_of_values_is_shown_whole_below_the_table(millrace: CommandHere) -> None:
    shown = millrace("sources", "show", "mediamath.performance").out
    fields = load_catalogue().sources["mediamath"].reports["performance"].params["fields"].items_allowed or []
    assert f"one of {len(fields)} names, listed below" in shown
    assert [name for name in fields if name not in shown.partition("fields: each of")[2]] == []


def test_a_report_can_be_named_by_connection_as_well(millrace: CommandHere) -> None:
    millrace.directory.mkdir()
    (millrace.directory / "ours.yaml").write_text(
        "kargo-eu: {source: kargo, credentials: {username: $A, password: $B}}"
    )
    shown = millrace("sources", "show", "kargo-eu.reports", MILLRACE_CONNECTIONS="ours.yaml").out
    assert shown.startswith("kargo-eu.reports: The reports requested so far\n")


def test_the_schemas_of_sources_and_of_connections_are_printed(millrace: CommandHere) -> None:
    assert json.loads(millrace("sources", "schema").out) == source_schema()
    assert json.loads(millrace("sources", "schema", "--connections").out) == connections_schema()


# ---------------------------------------------------------------- check


def states(millrace: CommandHere, *arguments: str, **changes: str) -> tuple[int, dict[str, str], str]:
    """The exit code, the state of each connection and everything that was said of them."""
    answer = millrace("check", *arguments, "--json", **changes)
    sentences = " ".join(line["said"] for line in answer.lines)
    return answer.code, {line["connection"]: line["state"] for line in answer.lines}, sentences


def test_check_logs_in_and_asks_for_no_report(millrace: CommandHere, vendors: Sandbox) -> None:
    code, found, sentences = states(millrace)
    assert (code, found) == (0, {"kargo": "ok", "mediamath": "ok", "rokt": "ok", "instal": "unproven"})
    assert "the vendor gave a token for KARGO_USERNAME, KARGO_PASSWORD" in sentences
    assert "INSTAL_TOKEN set, not tried: every request of the export API would make an export" in sentences
    asked = [(one["vendor"], one["endpoint"]) for one in vendors.remote.requests()]
    assert asked == [("kargo", "authenticate"), ("mediamath", "token"), ("rokt", "token")]


def test_check_names_what_is_missing_and_counts_it(millrace: CommandHere, vendors: Sandbox) -> None:
    answer = millrace("check", **NOBODY)
    assert answer.code == 4
    assert len(answer.out.splitlines()) == 5
    for words in (
        "set KARGO_PASSWORD in the environment",
        "set MEDIAMATH_CLIENT_ID and MEDIAMATH_USERNAME",
        "INSTAL_TOKEN",
    ):
        assert words in answer.out
    assert vendors.remote.requests() == []


def test_check_says_that_a_static_token_was_not_tried(millrace: CommandHere, vendors: Sandbox) -> None:
    code, found, sentences = states(millrace, "mediamath", **TOKEN)
    assert (code, found) == (0, {"mediamath": "unproven"})
    assert "MEDIAMATH_TOKEN set, not tried: the API has no other requests than queries" in sentences
    assert vendors.remote.requests() == []


def test_check_distinguishes_refused_credentials_from_a_vendor_that_is_away(millrace: CommandHere) -> None:
    code, _, sentences = states(millrace, "kargo", KARGO_PASSWORD="wrong")
    assert code == 1
    assert "401" in sentences
    assert "check KARGO_USERNAME, KARGO_PASSWORD" in sentences
    assert "wrong" not in sentences
    code, _, sentences = states(millrace, "kargo", KARGO_BASE_URL="http://127.0.0.1:1/v1")
    assert code == 1
    assert "Connection refused; is http://127.0.0.1:1/v1 right and reachable from here?" in sentences


def test_check_sends_the_request_a_source_file_declares(millrace: CommandHere, vendors: Sandbox) -> None:
    (millrace.directory / "sources").mkdir(parents=True)
    (millrace.directory / "sources" / "tried.yaml").write_text(TRIED)
    account = f"tried: {{source: tried, base_url: '{vendors.urls['kargo']}', credentials: {{token: x}}}}"
    (millrace.directory / "ours.yaml").write_text(account)
    ours = {"MILLRACE_SOURCES": "sources", "MILLRACE_CONNECTIONS": "ours.yaml"}
    code, found, sentences = states(millrace, **ours)
    assert (code, found) == (1, {"tried": "failed"})
    assert "GET /kargo/v1/reports: 401" in sentences
    vendors.remote.turn({"kind": "body", "match": {"endpoint": "list"}, "args": {"text": "{}"}})
    assert states(millrace, **ours) == (0, {"tried": "ok"}, "GET /reports answered")
    assert [one["path"] for one in vendors.remote.requests()] == ["/kargo/v1/reports"] * 2


# ---------------------------------------------------------------- discover


def test_discover_asks_kargo_for_its_report_definitions(millrace: CommandHere) -> None:
    answer = millrace("discover", "kargo")
    assert answer.code == 0
    assert "kargo.campaign-performance-metrics" in answer.out
    assert "report definitions, as the vendor lists them: 1\n" in answer.out
    (facts,) = millrace("discover", "kargo", "--json").lines
    (discovery,) = facts["vendor"]
    assert discovery["report"] == "kargo.report-definitions"
    assert [row["id"] for row in discovery["rows"]] == ["campaign-performance-metrics"]


def test_discover_asks_rokt_what_each_account_can_be_asked(millrace: CommandHere, vendors: Sandbox) -> None:
    answer = millrace("discover", "rokt", "--details", "1", "--json")
    assert answer.code == 0
    (discovery,) = answer.lines[0]["vendor"]
    assert len(discovery["rows"]) == 3
    assert [one["title"] for one in discovery["details"]] == ["query-campaigns", "query-transactions"]
    assert discovery["details"][0]["of"] == {"accountId": discovery["rows"][0]["accountId"]}
    assert "gross_cost" in discovery["details"][0]["lists"]["metrics"]
    assert len([one for one in vendors.remote.requests("rokt") if one["endpoint"].endswith("-help")]) == 2


def test_discover_says_where_a_vendor_has_no_list(millrace: CommandHere, vendors: Sandbox) -> None:
    answer = millrace("discover", "mediamath", MEDIAMATH_CLIENT_ID="")
    assert answer.code == 0
    assert "mediamath.reach-frequency" in answer.out
    assert "has no list of its own" in answer.err
    assert vendors.remote.requests() == []


def test_discover_shows_what_it_knows_where_the_vendor_refuses(millrace: CommandHere, vendors: Sandbox) -> None:
    vendors.remote.turn({"match": {"endpoint": "report-definitions"}, "kind": "status", "args": {"code": 403}})
    answer = millrace("discover", "kargo")
    assert answer.code == 1
    assert "kargo.report-definitions" in answer.out
    assert "millrace: report definitions: GET /kargo/v1/report-definitions/: 403" in answer.err
