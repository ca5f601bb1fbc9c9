"""Metrics: declared once, counted where things happen, and deploy/ and docs/ name only existing ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from config.settings import Settings
from tests.ledgers import Clock, first_page, job, make
from tests.ledgers import clock as clock
from worker import keys
from worker.api import metrics
from worker.api.metrics import Sample, exposition, gauges
from worker.ledger import Ledger
from worker.metrics import METRICS, count, counting_together, read_counters
from worker.model import Checkpoint
from worker.services import Services

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
NAME = re.compile(r"\bmillrace_[a-z_]+\b")


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Services:
    made = Services(Settings(data_dir=tmp_path), fakeredis.FakeRedis(version=(7, 0)))
    made.ledger = Ledger(made.redis, clock=clock)
    return made


def by_name(samples: Iterable[Sample]) -> dict[str, float]:
    """The values, each by its name and labels."""
    return {" ".join((name, *labels)): value for name, labels, value in samples}


def test_rows_pages_and_ends_are_counted_where_they_are_put_on_record(services: Services) -> None:
    ledger = services.ledger
    page = first_page(ledger)
    ledger.renew(page, Checkpoint(3, dead_rows=1, bytes=30))
    known = {"planned": 1, "link": None, "total": None, "last_count": None, "at_once": 1}
    ledger.close_page(page, Checkpoint(5, dead_rows=1, bytes=50), **known)
    ledger.end("j", "done", error=None, receipt={})
    ledger.end("j", "done", error=None, receipt={})
    assert by_name(read_counters(services.redis)) == {
        "millrace_rows_total c r": 5,
        "millrace_dead_rows_total c r": 1,
        "millrace_bytes_total c r": 50,
        "millrace_pages_total c r": 1,
        "millrace_jobs_ended_total c r done": 1,
    }


def test_a_lost_lease_and_a_new_generation_are_counted(services: Services, clock: Clock) -> None:
    first_page(services.ledger)
    clock.now += 60
    services.ledger.take_page("j", 1)
    services.ledger.restart(job(services.ledger))
    assert by_name(read_counters(services.redis)) == {
        "millrace_leases_lost_total c r": 1,
        "millrace_generations_voided_total c r": 1,
    }


def test_gauges_show_the_present_state(services: Services, clock: Clock) -> None:
    ledger = services.ledger
    page = first_page(ledger)
    ledger.note_wait(page, "sink", "stream full")
    services.redis.xadd("s", {"a": "b"})
    found = by_name(gauges(services))
    assert found["millrace_jobs streaming"] == 1
    assert found["millrace_jobs_waiting sink"] == 1
    assert (found["millrace_pages_open"], found["millrace_stream_entries s"]) == (1, 1)
    assert found["millrace_stream_full_ratio s"] == 1 / services.settings.stream_bound
    assert "millrace_last_sweep_seconds" not in found
    clock.now += 60
    ledger.overdue()
    found = by_name(gauges(services))
    assert found["millrace_last_sweep_seconds"] == 0


def test_gauges_leave_out_a_sink_that_this_process_does_not_know(services: Services) -> None:
    first_page(services.ledger)
    services.redis.xadd("s", {"a": "b"})
    make(services.ledger, "later", may_join=False)
    services.redis.hset(keys.job("later"), "sink", "stream:t?later=1")
    assert by_name(gauges(services))["millrace_stream_entries s"] == 1


def test_a_schedule_that_cannot_be_used_is_an_alarm_as_an_entry_is(services: Services, tmp_path: Path) -> None:
    services.settings = Settings(data_dir=tmp_path, schedule=tmp_path / "plan.yaml")
    for text, alarm in (("- {name: wrong}", "wrong"), ("- {name: 'wrong", "plan.yaml")):
        (tmp_path / "plan.yaml").write_text(text)
        found = by_name(gauges(services))
        assert {name: value for name, value in found.items() if "alarms" in name} == {
            f"millrace_schedule_alarms {alarm}": 1
        }


def test_what_a_step_counts_arrives_with_its_outcome_and_what_comes_after_that_at_its_end(services: Services) -> None:
    page, redis = first_page(services.ledger), services.redis
    with counting_together(redis):
        for _ in range(2):
            count(redis, "millrace_vendor_answers_total", "c", "200")
        count(redis, "millrace_commit_seconds_total", "c", "r", by=0.25)
        assert by_name(read_counters(services.redis)) == {}
        services.ledger.give_back(page, "cut", due_seconds=1, is_attempt=True, waits_on="vendor")
        moved = {
            "millrace_vendor_answers_total c 200": 2,
            "millrace_commit_seconds_total c r": 0.25,
            "millrace_given_back_total c vendor": 1,
        }
        assert by_name(read_counters(services.redis)) == moved
        count(redis, "millrace_columns_changed_total", "c", "r")
    assert by_name(read_counters(services.redis)) == moved | {"millrace_columns_changed_total c r": 1}


def test_prometheus_can_read_the_metrics_and_each_has_its_meaning(services: Services) -> None:
    count(services.redis, "millrace_vendor_answers_total", 'a "connection"\n', "200", by=2)
    text = exposition([*read_counters(services.redis), *gauges(services)]).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name.removesuffix("_total") for name in METRICS} == set(families)
    assert all(family.documentation for family in families.values())
    (answers,) = families["millrace_vendor_answers"].samples
    assert (answers.labels, answers.value) == ({"connection": 'a "connection"\n', "status": "200"}, 2)


def test_a_counter_is_counted_with_the_labels_it_declares() -> None:
    with pytest.raises(ValueError, match="labels"):
        count(fakeredis.FakeRedis(), "millrace_rows_total", "c")


def test_names_say_the_unit_and_no_label_names_a_job() -> None:
    for name, metric in METRICS.items():
        assert name.endswith("_total") == (metric.kind == "counter"), name
        assert not {"job", "page", "id"} & set(metric.labels), name


def test_every_counter_of_the_scripts_is_declared() -> None:
    named = {name for path in (ROOT / "worker/lua").glob("*.lua") for name in NAME.findall(path.read_text())}
    assert named
    assert named <= set(METRICS)


def expressions(node: Any) -> list[str]:
    """Every `expr` anywhere within."""
    if isinstance(node, list):
        return [found for part in node for found in expressions(part)]
    if not isinstance(node, dict):
        return []
    own = [node["expr"]] if isinstance(node.get("expr"), str) else []
    return own + [found for part in node.values() for found in expressions(part)]


@pytest.mark.parametrize("file", ["alerts.yaml", "grafana.json"])
def test_dashboards_and_alerts_use_only_existing_metrics_and_labels(file: str) -> None:
    text = (ROOT / "deploy" / file).read_text(encoding="utf-8")
    found = expressions(yaml.safe_load(text) if file.endswith(".yaml") else json.loads(text))
    assert len(found) > 10
    for expression in found:
        named = set(NAME.findall(expression))
        assert named, expression
        assert named <= set(METRICS), expression
        labels = {label for name in named for label in METRICS[name].labels}
        used = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
        used |= set(re.findall(r"[{,]\s*([a-z]+)\s*[=!]", expression))
        assert used <= labels, expression
        assert expression.count("(") == expression.count(")"), expression


def test_counters_of_a_report_begin_at_zero(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests of this process may have left it the credentials of their vendors.
    for name in [name for name in os.environ if name.startswith(("KARGO_", "MEDIAMATH_", "ROKT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    count(services.redis, "millrace_dead_rows_total", "instal", "advertiser-export", by=2)
    found = by_name(metrics.counters(services))
    assert found == {
        "millrace_dead_rows_total instal advertiser-export": 2,
        "millrace_jobs_ended_total instal advertiser-export done": 0,
        "millrace_jobs_ended_total instal advertiser-export failed": 0,
        "millrace_jobs_ended_total instal advertiser-export cancelled": 0,
        "millrace_columns_changed_total instal advertiser-export": 0,
    }


def test_every_metric_is_on_the_page_and_every_alert_says_what_to_do_in_the_operators_guide() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        assert f"| `{name}` | {metric.kind} | {labels} | {metric.meaning} |\n" in page
    explained = re.findall(
        r"^### `(Millrace\w+)`", (ROOT / "docs/operations.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert explained == [rule["alert"] for rule in RULES]
    assert all(rule["annotations"]["summary"] and rule["annotations"]["description"] for rule in RULES)


def test_each_alert_fires_when_it_should_and_not_when_all_is_well() -> None:
    """By promtool where there is one (Debian's `prometheus` has it); elsewhere the file of tests is only read."""
    tests = yaml.safe_load((ROOT / "deploy/alerts_test.yaml").read_text(encoding="utf-8"))["tests"]
    wanted = [rule["alertname"] for test in tests for rule in test["alert_rule_test"] if rule["exp_alerts"]]
    silent = [rule["alertname"] for test in tests for rule in test["alert_rule_test"] if not rule["exp_alerts"]]
    assert set(wanted) == set(silent) == {rule["alert"] for rule in RULES}
    if promtool := shutil.which("promtool"):
        command = [promtool, "test", "rules", "alerts_test.yaml"]
        ran = subprocess.run(command, cwd=ROOT / "deploy", capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
