"""The consumer's command line and what is written about it."""

from __future__ import annotations

import re
from pathlib import Path

from examples.consumer.__main__ import options_parser

TEXT = (Path(__file__).parents[2] / "docs" / "consuming.md").read_text(encoding="utf-8")


def test_every_flag_is_in_the_document_and_no_other_is() -> None:
    parser = options_parser()
    flags = {flag for action in parser._actions for flag in action.option_strings} - {"-h", "--help"}
    table = TEXT.split("| flag | does |")[1].split("\n\n")[0]
    assert flags - set(re.findall(r"--[a-z-]+", TEXT)) == set()
    assert set(re.findall(r"`(--[a-z-]+)", table)) - flags == set()


def test_every_module_of_the_consumer_is_in_the_document() -> None:
    modules = {path.name for path in (Path(__file__).parents[2] / "examples" / "consumer").glob("[a-z]*.*")}
    assert {name for name in modules if f"`{name}`" not in TEXT} == set()
