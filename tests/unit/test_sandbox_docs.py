"""The page about the sandbox is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.control import PREFIX
from sandbox.dial import KINDS, Match
from sandbox.reference import page
from sandbox.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"


def test_the_reference_of_the_sandbox_is_current() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(), "run: python -m sandbox.reference > docs/sandbox.md"


def test_every_setting_kind_argument_and_match_is_on_the_page() -> None:
    text = page()
    lines = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert [name for name in Settings.model_fields if name not in lines] == []
    assert [name for name in KINDS if name not in lines] == []
    missing = [
        (kind.name, arg)
        for kind in KINDS.values()
        for arg in kind.args.model_fields
        if f"`{arg}`:" not in lines[kind.name]
    ]
    assert missing == []
    assert [name for name in Match.model_fields if f"`{name}`" not in text] == []
    assert PREFIX in text


def test_every_kind_is_turned_on_in_a_test_of_its_own_or_in_a_scenario() -> None:
    tests = Path(__file__).parents[1]
    files = [*tests.glob("integration/test_sandbox_*.py"), *tests.glob("scenarios/*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert [kind for kind in KINDS if not re.search(rf'(\(|: |, ?|\n +)"{kind}"', text)] == []
