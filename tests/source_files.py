"""Source files for tests: the required fields and one report, which a test may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from worker.model import Json
from worker.sources.loading import load_source
from worker.sources.schema import Source
from worker.sources.yaml_files import read_yaml

JSON: Json = {"kind": "json", "rows": ["data"]}
READ: Json = {"request": {"path": "/rows"}, "format": {"kind": "json", "rows": ["rows"]}}
SUBMIT: Json = {"request": {"method": "POST", "path": "/reports"}, "report_id": ["id"]}
POLL: Json = {"request": {"path": "/reports/{report_id}"}, "status": ["status"], "done": ["done"]}


def report(*reads: Json, **more: object) -> Json:
    """A report with these ways to read it."""
    return {"title": "R", "read": list(reads) or [READ], "proof": "end", "replay": "stable", **more}


def source(of: Json | None = None, **more: object) -> Json:
    """The source `v` with this report, `r`."""
    return {"source": "v", "title": "V", "auth": [{"kind": "none"}], "reports": {"r": of or report()}, **more}


def loaded(directory: Path, content: Json) -> Source:
    """Write the source to a file and load it. Raises BadInput with file, line and field."""
    path = directory / "v.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_source(read_yaml(path))


OF_THE_REPORT = ("proof", "params", "columns", "one_of", "window", "window_form", "window_ends")


def load_read(directory: Path, *, errors: object = (), reads: list[Any] | None = None, **words: Any) -> None:
    """Load a source with one report that is read once, as these words say, some of which are of the report itself."""
    of_report = {word: words.pop(word) for word in OF_THE_REPORT if word in words}
    only = {"request": {"path": "/rows"}, "format": JSON, **words}
    loaded(directory, source(report(*(reads or [only]), **of_report), errors=list(errors)))
