"""Every verb has help, which is quick because it imports only what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from worker.cli import VERBS, millrace

ROOT = Path(__file__).parents[2]
HEAVY = {"celery", "redis", "pydantic", "rich", "requests", "structlog", "yaml"}
IMPORTS = """
import sys, worker.cli
try:
    worker.cli.main(sys.argv[1:])
finally:
    print(*sys.modules)
"""
# They run until they are ended, and have no data to give.
WITHOUT_JSON = {"dev", "api", "worker", "beat", "flower"}


def verb(name: str) -> click.Command:
    return getattr(import_module(VERBS[name][0]), name)


def spoken(*arguments: str) -> str:
    answer = CliRunner().invoke(millrace, [*arguments, "--help"])
    assert answer.exit_code == 0
    return answer.output


def modules_after(*arguments: str) -> set[str]:
    """What a process of its own has imported once it has spoken."""
    command = [sys.executable, "-c", IMPORTS, *arguments]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_help_lists_every_verb_with_what_it_does() -> None:
    text = spoken()
    for name, (_, does) in VERBS.items():
        assert any(line.split(None, 1) == [name, does] for line in map(str.strip, text.splitlines()))


def test_help_imports_nothing_it_does_not_need() -> None:
    assert modules_after("--help") & HEAVY == set()


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_is_a_command_of_its_own_name(name: str) -> None:
    assert isinstance(verb(name), click.Command)
    assert verb(name).name == name


@pytest.mark.parametrize("name", [name for name in VERBS if name != "sandbox"])
def test_a_verb_explains_itself(name: str) -> None:
    assert spoken(name).startswith(f"Usage: millrace {name} ")


@pytest.mark.parametrize("name", ["run", "retry"])
def test_explaining_a_verb_starts_no_server(name: str) -> None:
    # Importing the Celery app finds the broker, and starts one where there is none.
    assert "worker.celery" not in modules_after(name, "--help")


@pytest.mark.parametrize("name", [name for name in VERBS if name not in WITHOUT_JSON])
def test_a_verb_prints_its_data_as_json_if_requested(name: str) -> None:
    assert "--json" in [option for param in verb(name).params for option in param.opts]


@pytest.mark.parametrize("name", ["show", "schema"])
def test_a_verb_of_sources_explains_itself(name: str) -> None:
    assert "--json" in spoken("sources", name)


def test_an_option_says_what_it_takes_and_its_default() -> None:
    text = " ".join(spoken("preview").split())
    assert "--rows INTEGER RANGE How many rows to show. [default: 10; 1<=x<=10000]" in text
    assert "CONNECTION.REPORT" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("preview",), "Missing argument 'CONNECTION.REPORT'"),
        (("preview", "kargo.reports", "--rows", "0"), "0 is not in the range"),
        (("run", "kargo.reports", "--params", "nowhere.yaml"), "'nowhere.yaml' does not exist"),
        (("jobs", "--state", "lost"), "'lost' is not one of"),
        (("sources", "shwo"), "No such command 'shwo'"),
        (("check", "--jsn"), "No such option '--jsn'"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], words: str) -> None:
    answer = CliRunner().invoke(millrace, arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert words in answer.stderr


def test_a_shell_completes_verbs_and_reports() -> None:
    def completed(*words: str) -> list[str]:
        asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        environment = {**os.environ, **asked, "_MILLRACE_COMPLETE": "bash_complete"}
        found = subprocess.run(
            [sys.executable, "-c", "from worker.cli import main; main()"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        return [line.partition(",")[2] for line in found.splitlines()]

    assert completed("millrace", "back") == ["backfill"]
    assert completed("millrace", "run", "instal.") == ["instal.advertiser-export"]
