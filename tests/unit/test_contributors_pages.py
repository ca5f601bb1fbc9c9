"""The pages for contributors name files, folders, functions and classes that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = "worker|tasks|config|sandbox|tests|docs|examples|bench"
NAMED = [
    (page, path, name)
    for page in ("ARCHITECTURE.md", "CONTRIBUTING.md")
    for path, name in re.findall(
        rf"`((?:{FOLDERS})/[\w./-]*)(?::([\w.]+))?`", (ROOT / page).read_text(encoding="utf-8")
    )
]


def names_in(body: list[ast.stmt]) -> set[str]:
    """The names that these statements define; those of a class after its name and a dot."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner}" for inner in names_in(node.body)}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize(("page", "path", "name"), NAMED)
def test_every_file_that_a_page_names_exists(page: str, path: str, name: str) -> None:
    assert (ROOT / path).exists()
    if name:
        assert name in names_in(ast.parse((ROOT / path).read_text(encoding="utf-8")).body)


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\]\(([^)]+)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert set(listed) == {path.name for path in folder.glob("[0-9]*.md")}
