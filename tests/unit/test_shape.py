"""The rules of the house that a machine can hold."""

from __future__ import annotations

from pathlib import Path

from tests.shape import PRODUCT, length, modules

ROOT = Path(__file__).parents[2]
PACKAGES = (*PRODUCT, "sandbox", "tests", "examples", "bench")
LONGEST_FILE = 400
ONE_PAGE = {Path("worker/sources/schema.py")}
"""The format of a source file is looked up in one place."""
LONGEST_FUNCTION = 50
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base"}

FILES = modules(ROOT, PACKAGES)


def test_no_file_of_the_product_is_longer_than_one_idea() -> None:
    product = [one for one in FILES if one.path.parts[0] in (*PRODUCT, "sandbox") and one.path not in ONE_PAGE]
    assert {str(one.path): one.lines for one in product if one.lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    found = {
        f"{one.path}:{function.name}": length(function)
        for one in FILES
        for function in one.functions
        if length(function) > LONGEST_FUNCTION
    }
    assert found == {}


def test_no_module_has_a_name_that_names_nothing() -> None:
    assert [str(one.path) for one in FILES if NO_NAMES & {*one.path.with_suffix("").parts}] == []


def test_every_module_begins_with_what_it_is_for() -> None:
    assert [str(one.path) for one in FILES if one.text.strip() and not one.text.startswith(('"""', 'r"""'))] == []
