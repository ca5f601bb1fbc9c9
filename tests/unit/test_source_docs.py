"""The pages about sources agree with the source files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests import source_files
from worker.sources import schema
from worker.sources.docs import source_docs
from worker.sources.loading import load_catalogue, load_source
from worker.sources.schema import Param, ParamType
from worker.sources.yaml_files import read_yaml

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_reports_is_current() -> None:
    assert (DOCS / "sources.md").read_text(encoding="utf-8") == source_docs(), (
        "run: python -m worker.sources.docs > docs/sources.md"
    )


def test_every_report_and_parameter_is_in_the_table() -> None:
    text = source_docs()
    for name, source in load_catalogue().sources.items():
        assert source.note in text
        section = text.partition(f"\n## {name}: ")[2].partition("\n## ")[0]
        table = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")]
        for report_name, report in source.reports.items():
            assert [cells for cells in table if cells[:2] == [f"| `{report_name}`", report.title]]
            for param in report.params:
                reports = [cells[1] for cells in table if cells[0] == f"| `{param}`"]
                held = [of for of in reports if of == "all" or (f"`{report_name}`" in of) != of.startswith("all but")]
                assert len(held) == 1, (name, report_name, param)


def test_the_source_files_in_the_guide_load(tmp_path: Path) -> None:
    guide = (DOCS / "adding-a-source.md").read_text(encoding="utf-8")
    files = re.findall(r"```yaml\n(source: (\w+)\n.*?)```", guide, re.DOTALL)
    assert [name for _, name in files] == ["acme", "amazon"]
    for text, name in files:
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        assert set(load_source(read_yaml(path)).reports) == {"campaigns"}


def test_the_example_of_graphql_in_the_guide_is_a_read(tmp_path: Path) -> None:
    guide = (DOCS / "adding-a-source.md").read_text(encoding="utf-8")
    text = guide.partition("### GraphQL\n")[2].partition("```yaml\n")[2].partition("```")[0]
    report = source_files.report(yaml.safe_load(text), params={"day": {"type": "date"}})
    assert source_files.loaded(tmp_path, source_files.source(report)).reports


@pytest.mark.parametrize("kind", [part for part in dir(schema) if hasattr(getattr(schema, part), "model_fields")])
def test_every_kind_of_the_source_format_is_in_the_guide(kind: str) -> None:
    field = getattr(schema, kind).model_fields.get("kind")
    guide = (DOCS / "adding-a-source.md").read_text(encoding="utf-8")
    for name in field.annotation.__args__ if field is not None else ():
        assert f"`{name}`" in guide


def test_every_type_and_bound_of_a_parameter_is_in_the_guide() -> None:
    guide = (DOCS / "adding-a-source.md").read_text(encoding="utf-8")
    for name in [*ParamType.__args__, *(field.alias or name for name, field in Param.model_fields.items())]:
        if name not in ("required", "default", "help", "date_adds", "join"):
            assert f"`{name}`" in guide, name
