"""Everything that exists is documented, and everything documented exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from config.celery import CONTROL, STREAM, SWEEP, TASK_QUEUES, celery_settings
from config.settings import Settings
from examples.consumer.__main__ import options_parser
from tests.scenarios.page import page
from tests.scenarios.table import SECTIONS, cases
from worker.api.app import make_app
from worker.api.models import JobBody
from worker.cli import VERBS
from worker.keys import job, pages
from worker.sources.loading import source_schema

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_path_of_the_api_is_on_its_page_and_nothing_else_is() -> None:
    described = make_app(Settings()).openapi()["paths"]
    there = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", text("docs/api.md"), re.MULTILINE)) == there


def test_every_field_of_a_source_file_is_in_the_guide() -> None:
    schema, guide = source_schema(), text("docs/adding-a-source.md")
    fields = {field for part in (schema, *schema["$defs"].values()) for field in part.get("properties", {})}
    assert [field for field in sorted(fields) if not re.search(rf"\b{field}\b", guide)] == []


def test_every_field_of_a_request_for_a_job_is_on_the_page_of_the_api() -> None:
    page = text("docs/api.md")
    assert [name for name in JobBody.model_fields if f"`{name}`" not in page] == []


def test_every_setting_is_in_the_example_environment_and_nothing_else_is() -> None:
    written = set(re.findall(r"^#?(MILLRACE_[A-Z_]+)=", text(".env.example"), re.MULTILINE))
    assert written == {f"MILLRACE_{name.upper()}" for name in Settings.model_fields}


def test_every_variable_of_the_default_connections_is_in_the_example_environment() -> None:
    named = set(re.findall(r"^[^#]*?\$\{?([A-Z][A-Z_]+)", text("config/connections.yaml"), re.MULTILINE))
    assert named - set(re.findall(r"^#?([A-Z_]+)=", text(".env.example"), re.MULTILINE)) == set()


def test_every_verb_of_the_command_is_in_the_readme() -> None:
    assert [verb for verb in VERBS if f"millrace {verb}" not in text("README.md")] == []


def test_every_target_of_the_makefile_is_explained() -> None:
    makefile = text("Makefile")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets
    assert [name for name in targets[1].split() if not re.search(rf"^{name}:.*##", makefile, re.MULTILINE)] == []


def test_every_direct_dependency_has_its_reason_on_record() -> None:
    declared = tomllib.loads(text("pyproject.toml"))["project"]["dependencies"]
    reasons = text("docs/adr/0002-dependencies.md").lower()
    names = [re.split(r"[\[<>=]", line)[0].lower() for line in declared]
    assert [name for name in names if name not in reasons] == []


def test_every_step_has_a_queue_that_a_worker_consumes_and_the_procfile_names_every_process() -> None:
    consumed = {CONTROL, SWEEP, STREAM}
    named = re.findall(r"^(\w+): millrace ", text("Procfile"), re.MULTILINE)
    assert named == ["api", "beat", "control", "stream", "flower"]
    assert set(TASK_QUEUES.values()) == consumed
    declared = {queue.name for queue in celery_settings({}, 30)["task_queues"]}
    assert declared == consumed


def test_the_scripts_spell_the_ledgers_keys_as_the_code_does() -> None:
    prelude = text("worker/lua/ledger_leases.lua")
    prefix = re.search(r"local PREFIX = '([^']+)'", prelude)
    assert prefix
    assert job("x") == f"{prefix[1]}job:x"
    assert pages("x") == f"{prefix[1]}job:x:pages"


def test_the_lock_file_names_no_index() -> None:
    assert re.findall(r"https?://|file:/|--index-url|--find-links|--trusted-host", text("requirements.lock")) == []


# ---------------------------------------------------------------- the consumer


def test_every_flag_is_in_the_document_and_no_other_is() -> None:
    parser = options_parser()
    flags = {flag for action in parser._actions for flag in action.option_strings} - {"-h", "--help"}
    written = text("docs/consuming.md")
    table = written.split("| flag | does |")[1].split("\n\n")[0]
    assert flags - set(re.findall(r"--[a-z-]+", written)) == set()
    assert set(re.findall(r"`(--[a-z-]+)", table)) - flags == set()


def test_every_module_of_the_consumer_is_in_the_document() -> None:
    modules = {path.name for path in (ROOT / "examples" / "consumer").glob("[a-z]*.*")}
    assert {name for name in modules if f"`{name}`" not in text("docs/consuming.md")} == set()


# ---------------------------------------------------------------- what vendors do


def test_the_page_about_what_vendors_do_is_the_table_the_tests_play() -> None:
    assert text("docs/vendor-faults.md") == page()
    # A dict keeps one of two cases that have the same name.
    assert len(cases()) == sum(len(behaviour.cases) for section in SECTIONS.values() for behaviour in section)


# ---------------------------------------------------------------- the package


def test_every_file_in_a_package_that_is_not_code_is_shipped() -> None:
    settings = tomllib.loads(text("pyproject.toml"))["tool"]["setuptools"]
    packages = [name.rstrip("*") for name in settings["packages"]["find"]["include"]]
    there = {
        path
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    shipped = {
        path
        for package, patterns in settings["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert there
    assert there - shipped == set()
