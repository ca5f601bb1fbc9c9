"""Reports that are prepared first: every way in which a vendor says where the rows are, in one file or in several."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_vendor import Answer, Request, preparing
from tests.prepared import AT_LINK, READ, Start, done, failed
from tests.prepared import start as start
from tests.source_files import POLL
from worker.model import Json


def two_files(request: Request) -> Json:
    urls = [f"{request.base}/f/{name}" for name in "ab"]
    return {"status": "done", "urls": urls, "files": [{"url": url} for url in urls]}


@pytest.mark.parametrize("link", ["urls", "files.*.url"])
def test_a_report_may_come_in_several_files(start: Start, link: str) -> None:
    def respond(request: Request) -> Answer:
        if request.path.startswith("/f/"):
            return Answer({"rows": [{"file": request.path[-1], "id": number} for number in range(2)]})
        return polled(request)

    polled = preparing({"status": "running"}, two_files)
    made = start(respond, poll={**POLL, "link": [link]}, read=AT_LINK)
    receipt = done(made, [{"file": name, "id": number} for name in "ab" for number in range(2)])
    assert receipt["pages"] == 2


@pytest.mark.parametrize("link", ["urls", "urls.*", "files.*.url", {"path": "files.*.url"}])
@pytest.mark.parametrize("no_link", [None, ""])
def test_a_file_whose_link_is_missing_is_waited_for_and_never_left_out(
    start: Start, link: Any, no_link: str | None
) -> None:
    def polls(*urls: str | None) -> Json:
        return {"status": "done", "urls": urls, "files": [{"url": url} for url in urls]}

    def respond(request: Request) -> Answer:
        return Answer({"rows": [{"file": request.path[-1]}]}) if request.path.startswith("/f/") else polled(request)

    poll = {**POLL, "link": [link]}
    polled = preparing(polls("/f/a", no_link), polls("/f/a", "/f/b"))
    done(start(respond, poll=poll, read=AT_LINK), [{"file": "a"}, {"file": "b"}])
    polled = preparing(polls("/f/a", no_link))
    failed(start(respond, poll=poll, read=AT_LINK), "ready for 60 s and still no link")


CHOSEN: Json = {"path": "files.*.url", "pattern": "(.+)[.]json$"}


@pytest.mark.parametrize(
    ("poll", "other"),
    [
        ({"link": ["files.*.url"], "no_link_is_no_rows": True}, {"url": None}),
        ({"link": [CHOSEN]}, {"url": None}),
        ({"link": [CHOSEN]}, {"url": "/f.pdf"}),
    ],
)
def test_a_part_without_a_link_is_left_out_where_the_source_says_so(start: Start, poll: Json, other: Json) -> None:
    made = start(
        preparing({"status": "done", "files": [{"url": "/f.json"}, other]}), poll={**POLL, **poll}, read=AT_LINK
    )
    assert done(made)["pages"] == 1


def test_the_polls_count_holds_once_the_report_is_done_because_it_may_grow_until_then(start: Start) -> None:
    poll = {**POLL, "ready_when_set": "url", "link": ["url"], "total": ["rows"]}
    made = start(preparing({"status": "running", "url": "/f", "rows": 2}), poll=poll, read=AT_LINK)
    assert done(made)["expected_rows"] is None
    made = start(preparing({"status": "done", "url": "/f", "rows": 2}), poll=poll, read=AT_LINK)
    failed(made, "expected 2 rows, got 3")


NAMED: Json = {"a": "/f/a?sig={}", "b": "/f/b?sig={}", "c": "/f/c?sig={}", "d": "/f/d?sig={}"}
NUMBERED: Json = {name: f"/f?name={name}&exp=1&sig={{}}" for name in "abcd"}


def test_one_of_several_files_is_not_taken_for_the_report(start: Start) -> None:
    one = "the vendor names 2 files, but 'urls.0' is only one of them"
    failed(start(preparing(two_files), poll={**POLL, "link": ["urls.0"]}, read=AT_LINK), one)
    done(start(preparing(two_files), poll={**POLL, "link": ["files.0.url"]}, read=AT_LINK))
    resolved = {**AT_LINK, "resolve": {"path": "/reports"}, "link": ["urls.0"]}
    failed(start(preparing(two_files), submit=None, poll=None, read=resolved), one, "`link: ['urls.*']` in a poll")


@pytest.mark.parametrize("path", ["/v1/f.json", "/f.json"])
def test_a_link_to_another_host_that_is_not_declared_as_a_download_is_named(start: Start, path: str) -> None:
    def respond(request: Request) -> Answer:
        return Answer(status=404) if request.path == path else polled(request)

    polled = preparing({"status": "done", "url": f"https://storage.example{path}?sig=1"})
    read = {"format": READ["format"]}
    made = start(respond, poll={**POLL, "link": ["url"], "missing_link_grace_seconds": 0}, read=read)
    failed(made, "the link names storage.example: if the rows are there, declare `link_kind: download`")


@pytest.mark.parametrize("links", [NAMED, NUMBERED])
def test_a_link_that_is_fetched_again_leads_to_the_same_file_in_any_order_of_the_list(
    start: Start, links: Json
) -> None:
    def respond(request: Request) -> Answer:
        if not request.path.startswith("/f"):
            return polled(request)
        name = request.query.get("name") or request.path[-1]
        is_expired = (name, request.query["sig"]) == ("b", "1")
        return Answer(status=403) if is_expired else Answer({"rows": [{"file": name}]})

    def listed(order: str, signature: int) -> Json:
        return {"status": "done", "urls": [links[name].format(signature) for name in order]}

    polled = preparing(listed("abcd", 1), listed("dcba", 2))
    made = start(respond, poll={**POLL, "link": ["urls"]}, read=AT_LINK)
    done(made, [{"file": name} for name in "abcd"])


LINK: Json = {"status": "done", "url": "/f?sig=1"}
NEW_LINK: Json = {"status": "done", "url": "/f?sig=2"}


@pytest.mark.parametrize(
    ("polls", "asked"),
    [
        ([LINK, {"status": "running"}, {"status": "running"}, NEW_LINK], 1),
        ([LINK, {"status": "expired"}, NEW_LINK], 2),
        ([LINK, Answer(status=410), NEW_LINK], 2),
    ],
)
def test_a_report_whose_link_no_longer_works_is_waited_for_while_it_is_prepared_again_or_requested_again_if_it_is_gone(
    start: Start, polls: list[Any], asked: int
) -> None:
    def respond(request: Request) -> Answer:
        return Answer(status=403) if request.query == {"sig": "1"} else polled(request)

    polled = preparing(*polls)
    made = start(respond, poll={**POLL, "link": ["url"], "ask_anew": ["expired"]}, read=AT_LINK)
    done(made)
    assert len(made.times("POST /reports")) == asked


def test_files_that_can_no_longer_be_distinguished_are_not_guessed(start: Start) -> None:
    def respond(request: Request) -> Answer:
        is_expired = request.path == "/f/1b"
        rows = Answer(status=403) if is_expired else Answer({"rows": [{"file": request.path[-1]}]})
        return rows if request.path.startswith("/f/") else polled(request)

    lists = [{"status": "done", "urls": [f"/f/{number}{name}" for name in "ab"]} for number in (1, 2)]
    polled = preparing(*lists)
    made = start(respond, poll={**POLL, "link": ["urls"]}, read=AT_LINK)
    done(made, [{"file": "a"}, {"file": "a"}, {"file": "b"}])
    assert len(made.times("POST /reports")) == 2


def test_files_with_the_same_rows_are_one_file_given_twice(start: Start) -> None:
    failed(start(preparing(two_files), poll={**POLL, "link": ["urls"]}, read=AT_LINK), "file 2 has the rows of file 1")
    same = preparing({"status": "done", "urls": ["/f/a", "/f/a"]})
    failed(start(same, poll={**POLL, "link": ["urls"]}, read=AT_LINK), "names one file twice")


@pytest.mark.parametrize(
    "ready", [{"status": "done"}, {"status": "done", "files": []}, {"status": "done", "files": None}]
)
def test_ready_without_a_file_means_no_rows_if_the_source_says_so(start: Start, ready: Json) -> None:
    poll = {**POLL, "link": ["files"], "no_link_is_no_rows": True}
    made = start(preparing(ready), poll=poll, read=AT_LINK)
    assert done(made, [])["rows"] == 0


def test_ready_without_a_file_fails_where_the_vendor_counts_rows(start: Start) -> None:
    poll = {**POLL, "link": ["files"], "no_link_is_no_rows": True, "total": ["rows"]}
    failed(start(preparing({"status": "done", "rows": 5}), poll=poll, read=AT_LINK), "still no link")


def test_ready_without_a_file_is_waited_for_and_fails_otherwise(start: Start) -> None:
    poll, hint = {**POLL, "link": ["files"]}, "; if that means no rows, declare `no_link_is_no_rows: true`"
    failed(start(preparing({"status": "done"}), poll=poll, read=AT_LINK), "still no link at files", hint)
    elsewhere = start(preparing({"status": "done", "urls": ["https://storage.example/f"]}), poll=poll, read=AT_LINK)
    assert hint not in failed(elsewhere, "still no link at files")["error"]


FILE_ID: Json = {**READ, "request": {"path": "/rows/{link}"}}


def test_the_rows_may_be_had_by_the_id_of_a_file_in_place_of_an_address(start: Start) -> None:
    polls = [{"status": "running"}, {"status": "done"}, {"status": "done", "file": 77}]
    made = start(preparing(*polls), poll={**POLL, "link": ["file"]}, read=FILE_ID)
    done(made)
    assert made.times("GET /reports/7") == [0, 15, 30]
    assert len(made.times("GET /rows/77")) == 1


@pytest.mark.parametrize("link", ["files", "parts.*.number"])
@pytest.mark.parametrize("is_resolved", [False, True])
def test_each_of_several_files_is_had_by_its_own_id(start: Start, link: str, is_resolved: bool) -> None:
    ready = {"status": "done", "files": [0, 1, 2], "parts": [{"number": 0}, {"number": 1}, {"number": 2}]}
    prepared = preparing(ready)

    def respond(request: Request) -> Answer:
        number = request.query.get("part") or request.path.rpartition("/")[2]
        if request.path == "/where":
            return Answer({"url": f"/rows/{request.headers['Part']}"})
        return Answer({"rows": [{"id": number}]}) if request.path.startswith("/rows") else prepared(request)

    read = {**READ, "request": {"path": "/rows/{link}"}}
    if is_resolved:
        read = {**READ, "resolve": {"path": "/where", "headers": {"Part": "{link}"}}, "link": ["url"]}
        del read["request"]
    made = start(respond, poll={**POLL, "link": [link]}, read=read)
    assert done(made, [{"id": "0"}, {"id": "1"}, {"id": "2"}])["pages"] == 3


def test_several_files_fail_a_job_whose_source_file_declares_the_paging_of_one(start: Start) -> None:
    read = {**FILE_ID, "paging": {"kind": "offset", "limit": 5}}
    made = start(preparing({"status": "done", "files": [1, 2]}), poll={**POLL, "link": ["files"]}, read=read)
    failed(made, "GET /reports/7: the vendor names 2 files, but the source file declares the paging of one")
