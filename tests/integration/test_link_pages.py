"""Pages that are reached by the next link of the page before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_vendor import ROWS, Answer, Request
from tests.prepared import Start, done
from tests.prepared import start as start

BODY = b'{"fields":["clicks"]}'


@pytest.mark.parametrize(("paging", "sent"), [({}, ("GET", b"")), ({"method": "POST"}, ("POST", BODY))])
def test_a_next_link_is_requested_with_the_method_that_the_source_file_says(
    start: Start, paging: dict[str, Any], sent: tuple[str, bytes]
) -> None:
    def respond(request: Request) -> Answer:
        page = int(request.query.get("page", 0))
        following = f"https://api.example.com/rows?size=1&page={page + 1}" if page < 2 else None
        return Answer({"rows": [ROWS[page]], "next": following})

    request = {"method": "POST", "path": "/rows", "query": {"size": 1}, "headers": {"X-Kind": "{is_raw}"}}
    read = {
        "request": {**request, "json": {"fields": ["clicks"]}},
        "format": {"kind": "json", "rows": ["rows"], "next": ["next"]},
        "paging": {"kind": "link", **paging},
    }
    params = {"params": {"is_raw": {"type": "boolean", "default": True}}}
    made = start(respond, submit=None, poll=None, read=read, report=params, base_url="https://api.example.com")
    done(made)
    asked = [asked.request for asked in made.asked]
    assert [(request.method, request.body) for request in asked] == [("POST", BODY), sent, sent]
    assert [(request.query, request.headers["X-Kind"]) for request in asked[1:]] == [
        ({"size": "1", "page": "1"}, "true"),
        ({"size": "1", "page": "2"}, "true"),
    ]
