"""The shape of the code: `python -m tests.shape [ROOT]` prints it as a table.

`broken_rules` finds what a machine can check; `tests/unit/test_shape.py` enforces it.
"""

from __future__ import annotations

import ast
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PRODUCT = ("config", "worker", "tasks")
PARTS = {"product": PRODUCT, "sandbox": ("sandbox",), "tests": ("tests",)}
EVERYTHING = (*PRODUCT, "sandbox", "tests", "examples", "bench")
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of Python."""

    path: Path
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def functions(self) -> list[Function]:
        """All functions and methods, including nested ones."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    @property
    def comments(self) -> int:
        """The number of comments, without those for tools."""
        tokens = tokenize.generate_tokens(iter(self.text.splitlines(keepends=True)).__next__)
        comments = (token.string for token in tokens if token.type == tokenize.COMMENT)
        return sum(not text.startswith(("# noqa", "# type:", "# fmt:")) for text in comments)

    @property
    def code_lines(self) -> int:
        """The number of lines that are neither blank nor only a comment."""
        return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in self.text.splitlines())

    def names_used(self) -> Iterator[str]:
        """All names that are read here, alone or after a dot."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield node.attr


def modules(root: Path, packages: Iterable[str]) -> list[Module]:
    """Every file of these packages, by its path."""
    paths = sorted(path for package in packages for path in (root / package).rglob("*.py"))
    return [Module(path.relative_to(root), path.read_text(encoding="utf-8")) for path in paths]


def length(function: Function) -> int:
    """Lines from `def` to the end, without decorators, docstring and the functions within."""
    nested = [node for node in ast.walk(function) if isinstance(node, Function) and node is not function]
    aside: list[ast.stmt] = [function.body[0]] if ast.get_docstring(function, clean=False) is not None else []
    own = {*range(function.lineno, (function.end_lineno or function.lineno) + 1)}
    for node in (*nested, *aside):
        own -= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return len(own)


def spread(numbers: Sequence[int]) -> str:
    """Median, 90 % and largest."""
    ordered = sorted(numbers)
    return f"{statistics.median(ordered):g} / {ordered[int(len(ordered) * 0.9)]} / {ordered[-1]}"


def one_caller_share(files: Sequence[Module]) -> float:
    """The share of private functions whose names are read only once in their own file."""
    counts = []
    for module in files:
        used = Counter(module.names_used())
        counts += [used[function.name] for function in module.functions if is_private(function.name)]
    return counts.count(1) / max(1, len(counts))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def measure(files: Sequence[Module]) -> dict[str, str]:
    """The shape of these files, by what is measured."""
    functions = [function for module in files for function in module.functions]
    public = [function for function in functions if not function.name.startswith("_")]
    docstrings = [text for function in public if (text := ast.get_docstring(function)) is not None]
    code = sum(module.code_lines for module in files)
    comments = sum(module.comments for module in files)
    return {
        "files": f"{len(files):,}",
        "lines": f"{sum(module.lines for module in files):,}",
        "file: median / 90 % / longest": spread([module.lines for module in files]),
        "functions": f"{len(functions):,}",
        "function: median / 90 % / longest": spread([length(function) for function in functions]),
        "private functions read at one place only": f"{one_caller_share(files):.0%}",
        "comments per 100 lines of code": f"{100 * comments / code:.1f}",
        "public functions with a docstring": f"{len(docstrings) / max(1, len(public)):.0%}",
        "lines of such a docstring": f"{statistics.mean(len(text.splitlines()) for text in docstrings):.1f}",
    }


def broken_rules(root: Path) -> list[str]:
    """Each place that is longer than an idea or a screen, has a name that names nothing, or begins without a word."""
    broken: list[str] = []
    for module in modules(root, EVERYTHING):
        if module.lines > LONGEST_FILE:
            broken.append(f"{module.path}: {module.lines} lines, at most {LONGEST_FILE}")
        broken += [
            f"{module.path}:{function.lineno}: {function.name} has {length(function)} lines"
            for function in module.functions
            if length(function) > LONGEST_FUNCTION
        ]
        if NO_NAMES & {*module.path.with_suffix("").parts}:
            broken.append(f"{module.path}: the name says nothing")
        if module.text.strip() and not module.text.startswith(('"""', 'r"""')):
            broken.append(f"{module.path}: does not begin with what it is for")
    return broken


def table(root: Path) -> str:
    """The shape of each part, side by side."""
    measured = {part: measure(modules(root, packages)) for part, packages in PARTS.items()}
    rows = [["", *measured], ["---"] * (len(measured) + 1)]
    rows += [[name, *(shape[name] for shape in measured.values())] for name in next(iter(measured.values()))]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1] if len(sys.argv) > 1 else ".")) + "\n")
