"""Each case of `tests/cases`, end to end: its vendor over real HTTP, its source file, a real Redis and both workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from config.settings import Settings
from tests.cases.case import SOURCES, Case
from tests.cases.table import CASES
from tests.fake_vendor import FakeVendor
from tests.harness import Millrace, running_millrace, running_redis
from worker.model import Json


@dataclass
class Played:
    """How one case ended."""

    receipt: Json
    rows: list[Json]
    requests: int


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Played]]:
    """Every case, asked for at once and ended."""
    directory = tmp_path_factory.mktemp("cases")
    vendors = {case.name: FakeVendor(case.vendor()) for case in CASES}
    (directory / "sources").mkdir()
    for case in CASES:
        text = case.source.read_text(encoding="utf-8").replace("source: v\n", f"source: {case.name}\n")
        (directory / "sources" / f"{case.name}.yaml").write_text(text, encoding="utf-8")
    connections = {case.name: _connection(case, vendors[case.name]) for case in CASES}
    (directory / "connections.yaml").write_text(yaml.safe_dump(connections), encoding="utf-8")
    with running_redis(directory / "redis") as server:
        settings = {
            "redis_url": server.url,
            "data_dir": directory,
            "connections": directory / "connections.yaml",
            "sources": str(directory / "sources"),
            "poll_seconds": 0.2,
            "silence_seconds": 5,
        }
        environment = {f"MILLRACE_{name.upper()}": str(value) for name, value in settings.items()}
        with running_millrace(directory, Settings(**settings), environment) as millrace:
            with ThreadPoolExecutor(len(CASES)) as threads:
                ended = list(threads.map(lambda case: _play(millrace, case, vendors[case.name]), CASES))
            yield dict(zip(vendors, ended, strict=True))
    for vendor in vendors.values():
        vendor.stop()


def _of(vendor: FakeVendor, value: object) -> object:
    """A value of a connection, in which `{base}` is the vendor's own address."""
    return value.format(base=vendor.base) if isinstance(value, str) else value


def _connection(case: Case, vendor: FakeVendor) -> Json:
    fast = {"requests_per_second": 100}
    return {
        "source": case.name,
        "base_url": vendor.base,
        "credentials": dict(case.credentials),
        "limits": fast,
        **{name: _of(vendor, value) for name, value in case.connection.items()},
    }


def _play(millrace: Millrace, case: Case, vendor: FakeVendor) -> Played:
    stream = f"case-{case.name}"
    job = millrace.ask(f"{case.name}.r", f"stream:{stream}", dict(case.params), finish_within="60s")
    receipt = millrace.receipt(job)
    entries = [fields for _, fields in millrace.redis.xrange(stream) if b"row" in fields]
    current = [fields for fields in entries if fields[b"at"].startswith(b"%d." % receipt["generation"])]
    ordered = sorted(current, key=lambda fields: [int(part) for part in fields[b"at"].split(b".")])
    return Played(receipt, [json.loads(fields[b"row"]) for fields in ordered], len(vendor.heard))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_case_ends_as_a_user_expects(played: dict[str, Played], case: Case) -> None:
    found = played[case.name]
    error = found.receipt["error"] or ""
    if case.fails:
        assert found.receipt["state"] == "failed"
        assert [words for words in case.fails if words not in error] == [], error
    else:
        assert (found.receipt["state"], error) == ("done", "")
        assert len(found.rows) == found.receipt["rows"] == case.rows
        assert len({str(case.ids(row)) for row in found.rows}) == case.rows
    assert case.at_most is None or found.requests <= case.at_most


def test_every_source_file_has_its_case() -> None:
    assert {path.stem for path in Path(SOURCES).glob("*.yaml")} == {case.name for case in CASES}
