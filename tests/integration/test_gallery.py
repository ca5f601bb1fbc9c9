"""Small simulated vendors, each with its source file, and a job from request to receipt in this process.

Every report of the sources without a sandbox, as their vendors are documented; and vendors declared as a user would.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from redis import Redis

from config.settings import PACKAGED
from tests.gallery import declared
from tests.gallery.amazon_ads import AmazonAds
from tests.gallery.table import CLIENTS, PULLS
from tests.in_process import world
from worker import keys
from worker.sources.yaml_files import read_yaml

SANDBOXED = {"instal", "kargo", "mediamath", "rokt"}


def source_file(source: str, report: str) -> dict[str, Any]:
    """A declared source, or the packaged one with one report.

    Tokens of a packaged one come from the vendor it is given, and a minute's wait is a second.
    """
    if source in declared.PULLS:
        return declared.source_file(source)
    text = json.dumps(read_yaml(PACKAGED / "sources" / f"{source}.yaml").content).replace('"wait": 60', '"wait": 1')
    file = json.loads(re.sub(r'("token_url": )"https://[^"]+"', r'\1"/token"', text))
    return {**file, "source": "v", "reports": {"r": file["reports"][report]}, "definitions": {}}


@pytest.mark.parametrize("name", PULLS)
def test_each_report_ends_as_its_vendor_is_documented(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pull = PULLS[name]
    source, _, report = pull.report.partition(".")
    file, client = source_file(source, report), pull.client or CLIENTS.get(source, {})
    with world(redis, tmp_path, file, pull.vendor(), monkeypatch, credentials=client) as made:
        made.ask(params=dict(pull.params))
        receipt = made.run()
    if pull.fails:
        assert receipt["state"] == "failed"
        assert [words for words in pull.fails if words not in receipt["error"]] == [], receipt["error"]
    else:
        assert (receipt["state"], receipt["error"]) == ("done", None)
        assert receipt["rows"] == pull.rows == len({str(row) for row in made.rows()})
        assert bool(receipt["window"]) == ("window" in file["reports"]["r"])
    assert pull.at_most is None or len(made.asked) <= pull.at_most
    assert {asked: len(made.times(asked)) if made.times(asked) else 0 for asked in pull.asked} == dict(pull.asked)
    kept = repr([redis.hgetall(key) for key in (keys.job(made.job_id), keys.pages(made.job_id))])
    assert [name for name, value in client.items() if value in kept or quote(value) in kept] == []


def test_the_example_of_the_guide_is_pulled(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "adding-a-source.md").read_text(encoding="utf-8")
    text = re.search(r"```yaml\n(source: amazon\n.*?)```", guide, re.DOTALL)
    assert text is not None
    file = yaml.safe_load(text[1].replace("amazon", "v", 1).replace("campaigns:", "r:", 1))
    client = {**CLIENTS["amazon-ads"], "auth_url": "/token"}
    with world(redis, tmp_path, file, AmazonAds(), monkeypatch, credentials=client) as made:
        made.ask(params={"profile": "17", "from": "2026-11-01", "to": "2026-11-03"})
        receipt = made.run()
    assert (receipt["rows"], receipt["proof"], receipt["error"]) == (12, "end", None)


def test_every_report_of_a_source_without_a_sandbox_and_every_declared_source_is_pulled() -> None:
    files = {path.stem: read_yaml(path).content for path in (PACKAGED / "sources").glob("*.yaml")}
    wanted = {f"{name}.{report}" for name, file in files.items() if name not in SANDBOXED for report in file["reports"]}
    wanted |= {f"{name}.r" for name in declared.DECLARED}
    assert {pull.report for pull in PULLS.values()} == wanted
