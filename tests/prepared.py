"""A vendor that prepares reports, a job in this process that requests one, and how that job ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests import source_files
from tests.fake_vendor import ROWS, Vendor
from tests.in_process import World, world
from tests.source_files import POLL
from worker.model import Json

READ: Json = {"request": {"path": "/rows/{report_id}"}, "format": {"kind": "json", "rows": ["rows"]}}
AT_LINK: Json = {"format": {"kind": "json", "rows": ["rows"]}, "link_kind": "download"}
SUBMIT: Json = {**source_files.SUBMIT, "is_repeatable": True}

Start = Callable[..., World]


@pytest.fixture
def start(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a vendor with these fields in its source file, and makes a job for one report."""

    def begin(
        respond: Vendor,
        *,
        submit: Json | None = SUBMIT,
        poll: Json | None = POLL,
        read: Json = READ,
        report: Json | None = None,
        **source: Any,
    ) -> World:
        file = source_files.source(source_files.report(read, submit=submit, poll=poll, **(report or {})), **source)
        directory = tmp_path / f"world-{len(list(tmp_path.iterdir()))}"
        made = worlds.enter_context(world(redis, directory, file, respond, monkeypatch))
        made.ask()
        return made

    with ExitStack() as worlds:
        yield begin


def done(made: World, rows: list[Json] | None = None) -> Json:
    receipt = made.run()
    assert (receipt["state"], receipt["error"]) == ("done", None)
    assert made.rows() == (ROWS if rows is None else rows)
    return receipt


def failed(made: World, *words: str) -> Json:
    receipt = made.run()
    assert receipt["state"] == "failed"
    assert [word for word in words if word not in receipt["error"]] == [], receipt["error"]
    return receipt
