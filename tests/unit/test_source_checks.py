"""A field of a source file without effect is refused when the file is read, with file, line and field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.source_files import JSON, POLL, SUBMIT, load_read, loaded, report, source
from worker.errors import BadInput

CHAIN: dict[str, Any] = {**JSON, "next": ["next"]}
AT: dict[str, Any] = {"request": {"path": "/rows"}, "format": JSON}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "rows of one batch": ({"format": {**JSON, "rows": ["0.results"]}}, "read.0.format.rows"),
    "next without a chain": ({"format": CHAIN}, "read.0.format.next"),
    "a chain without next": ({"paging": {"kind": "link"}}, "read.0.paging.kind"),
    "a token from nowhere": ({"paging": {"kind": "token", "param": "t"}}, "read.0.paging.kind"),
    "next in body and header": (
        {"format": CHAIN, "paging": {"kind": "token", "param": "t", "header": "X"}},
        "read.0.format.next",
    ),
    "a header of a link in the body": ({"format": CHAIN, "paging": {"kind": "link", "header": "X"}}, "paging.header"),
    "null in columns without a type": ({"format": {**JSON, "null_values": ["--"]}}, "format.null_values"),
    "null in columns of strings": (
        {"format": {**JSON, "null_values": ["--"]}, "columns": {"a": "string"}},
        "format.null_values",
    ),
    "null for a value": (
        {"format": {**JSON, "null_values": ["False"]}, "columns": {"a": "boolean"}},
        "format.null_values",
    ),
    "a link by POST after a GET": ({"format": CHAIN, "paging": {"kind": "link", "method": "POST"}}, "paging.method"),
    "column_name without columns": ({"format": {**JSON, "column_name": "title"}}, "format.column_name"),
    "an object as a list": ({"format": {**JSON, "columns": "names", "object_is_row": True}}, "format.object_is_row"),
    "the names of one batch for all": (
        {"format": {**JSON, "rows": ["tables.*.rows"], "columns": "tables.0.columns"}},
        "format.columns",
    ),
    "each member as its own row": ({"format": {**JSON, "rows": ["*"], "object_is_row": True}}, "format.object_is_row"),
    "two rows in a member": ({"format": {**JSON, "rows": ["*.a", "*.b"], "object_is_row": True}}, "format.rows"),
    "a row in each of objects without a list": (
        {"format": {**JSON, "rows": ["*.row"], "object_is_row": True, "comma_joined": True}},
        "format.comma_joined",
    ),
    "objects joined to a list": ({"format": {**JSON, "columns": "names", "comma_joined": True}}, "format.comma_joined"),
    "rows within a row": ({"format": {**JSON, "rows": ["data", "data.*.rows"]}}, "format.rows"),
    "batches at the top and rows there": ({"format": {**JSON, "rows": ["", "*.rows"]}}, "format.rows"),
    "has_more of one page": ({"format": {**JSON, "has_more": ["more"]}}, "format.has_more"),
    "is_last of one page": ({"format": {**JSON, "is_last": ["last"]}}, "format.is_last"),
    "two flags": (
        {"format": {**JSON, "is_last": ["last"], "has_more": ["more"]}, "paging": {"kind": "offset", "limit": 5}},
        "format.is_last",
    ),
    "total_pages of offsets": (
        {"format": {**JSON, "total_pages": ["pages"]}, "paging": {"kind": "offset", "limit": 10}},
        "format.total_pages",
    ),
    "a placeholder of another tool": ({"request": {"path": "/a", "query": {"day": "{{ day }}"}}}, "request.query.day"),
    "JSON with doubled braces": ({"request": {"path": "/a", "form": {"q": '{{"a":1}}'}}}, "request.form.q"),
    "a length of no body": ({"request": {"path": "/a", "headers": {"content-length": "5"}}}, "headers.content-length"),
    "names in the first row of many pages": (
        {"format": {**JSON, "columns": "data.0"}, "paging": {"kind": "page-number"}},
        "format.columns",
    ),
    "a link in the first row": (
        {"format": {**JSON, "next": ["data.0.next"]}, "paging": {"kind": "link"}},
        "read.0.format.next",
    ),
    "a link in no last row": (
        {"format": {**JSON, "next": ["meta.-1.next"]}, "paging": {"kind": "link"}},
        "read.0.format.next",
    ),
    "a count in the last row": ({"format": {**JSON, "total": ["data.-1.total"]}}, "read.0.format.total"),
    "size_param without size": ({"paging": {"kind": "page-number", "size_param": "n"}}, "paging.size_param"),
    "short without size": ({"paging": {"kind": "page-number", "ends_with": "short"}}, "paging.ends_with"),
    "a size of the engine's": ({"paging": {"kind": "page-number", "size": "{page_size}"}}, "paging.size"),
    "a limit of the engine's": ({"paging": {"kind": "offset", "limit": "{limit}"}}, "paging.limit"),
    "a cap of no count": ({"paging": {"kind": "offset", "limit": 5, "total_capped_at": 9}}, "paging.total_capped_at"),
    "a cap of no count of the only page": (
        {"paging": {"kind": "single", "total_capped_at": 9}},
        "paging.total_capped_at",
    ),
    "a limit of offsets that is no number": (
        {"params": {"n": {}}, "paging": {"kind": "offset", "limit": "{n}"}},
        "read.0.paging.limit",
    ),
    "objects joined to a text": (
        {"params": {"n": {"type": "list", "items": "object", "join": ","}}},
        "reports.r.params.n.join",
    ),
    "a link of no resolve": ({"link": ["url"]}, "read.0.link"),
    "a total of no resolve": ({"total": ["total"]}, "read.0.total"),
    "a star that matches nothing": (
        {"resolve": {"path": "/a"}, "request": None, "link": ["files.*.url"]},
        "read.0.link",
    ),
    "a limit of no count": ({"rows_at_most": "n", "params": {"n": {}}}, "read.0.rows_at_most"),
    "offset and limit in one": (
        {"paging": {"kind": "offset", "limit": 5, "offset_param": "limit"}},
        "read.0.paging.offset_param",
    ),
    "number and size in one": (
        {"paging": {"kind": "page-number", "size": 5, "size_param": "page"}},
        "read.0.paging.size_param",
    ),
    "numbers in the body of a form": (
        {
            "request": {"method": "POST", "path": "/a", "form": {"a": "b"}},
            "paging": {"kind": "offset", "limit": 5, "place": "json"},
        },
        "read.0.paging.place",
    ),
    "numbers in a form of no form": ({"paging": {"kind": "offset", "limit": 5, "place": "form"}}, "paging.place"),
    "a login of no login": ({"errors": [{"when": "a", "then": "login"}]}, "errors.0.then"),
    "a form of no window": ({"window_form": "%Y"}, "reports.r.window_form"),
    "ends of no window": ({"window_ends": "exclusive"}, "reports.r.window_ends"),
    "a second path of rows": ({"request": {"path": "/a", "path_on_404": "/b"}}, "read.0.request.path_on_404"),
    "a read never chosen": (
        {"reads": [{"request": {"path": "/a"}, "format": JSON}, {"request": {"path": "/b"}, "format": JSON}]},
        "read.1",
    ),
    "a read of values that the one before takes": (
        {
            "params": {"n": {"type": "integer", "default": 1}},
            "reads": [{**AT, "when": {"n": "*"}}, {**AT, "when": {"n": 3}}, AT],
        },
        "read.1.when",
    ),
    "a read of fewer values than the one before": (
        {"params": {"n": {}, "m": {}}, "reads": [{**AT, "when": {"n": "a"}}, {**AT, "when": {"n": "a", "m": "b"}}, AT]},
        "read.1.when",
    ),
    "a limit that is no number": (
        {"rows_at_most": "n", "params": {"n": {}}, "format": {**JSON, "total": ["t"]}},
        "read.0.rows_at_most",
    ),
    "a size that is no number": (
        {"params": {"n": {}}, "paging": {"kind": "page-number", "size": "{n}"}},
        "read.0.paging.size",
    ),
    "a most that is no number": ({"row_limit": "{n}", "params": {"n": {}}}, "read.0.row_limit"),
    "one of one": ({"params": {"n": {}}, "one_of": [["n"]]}, "reports.r.one_of"),
    "one of what is always there": (
        {"params": {"n": {}, "m": {"default": "a"}}, "one_of": [["n", "m"]]},
        "reports.r.one_of",
    ),
    "two bodies": ({"request": {"method": "POST", "path": "/a", "json": {}, "form": {}}}, "read.0.request"),
    "a count that no answer has": ({"proof": "count"}, "reports.r.proof"),
    "two matchers": ({"errors": [{"when": "a", "equals": 1, "unless": 2}]}, "errors.0.unless"),
    "nothing to compare with": ({"errors": [{"when": "a", "equals": None}]}, "errors.0.equals"),
    "a wait of no limit": ({"errors": [{"when": "a", "wait": "b"}]}, "errors.0.wait"),
    "an error every body fits": ({"errors": [{"when": ""}]}, "errors.0.when"),
    "two matchers of a format": (
        {"format": {**JSON, "errors": [{"when": "a", "equals": 1, "contains": "b"}]}},
        "format.errors.0.contains",
    ),
    "ends that cannot be compared": (
        {
            "params": {"a": {"type": "datetime"}, "b": {"type": "date"}},
            "window": {"from": "a", "to": "b"},
            "request": {"path": "/rows", "query": "{a}{b}"},
        },
        "reports.r.window",
    ),
    "a pause for the end": ({"paging": {"kind": "page-number", "end_statuses": [404, 429]}}, "paging.end_statuses"),
    "a parameter that is hidden": (
        {
            "params": {"offset": {}},
            "request": {"path": "/rows", "query": {"at": "{offset}"}},
            "paging": {"kind": "offset", "limit": 9},
        },
        "reports.r.params.offset",
    ),
    "a refusal that is a success": (
        {"paging": {"kind": "page-number", "end_statuses": [204]}},
        "paging.end_statuses.0",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_word_without_effect_is_refused_by_file_line_and_field(tmp_path: Path, name: str) -> None:
    declared, field = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        load_read(tmp_path, **declared)
    assert field in caught.value.where
    assert "v.yaml:" in caught.value.where


@pytest.mark.parametrize(
    ("read", "given"),
    [
        ({"resolve": {"path": "/a"}, "link": ["url"]}, "request and resolve"),
        ({"request": None}, "no address"),
        ({"request": None, "resolve": {"path": "/a"}}, "resolve without link"),
        (
            {"request": None, "resolve": {"path": "/a"}, "link": ["url"], "paging": {"kind": "offset", "limit": 5}},
            "numbered pages at a link",
        ),
    ],
)
def test_a_read_has_one_address_that_its_paging_can_use(tmp_path: Path, read: dict[str, Any], given: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_read(tmp_path, **read)
    assert caught.value.where.endswith("reports.r.read.0")
    assert caught.value.given == given


def test_the_same_words_are_taken_where_they_have_one(tmp_path: Path) -> None:
    load_read(tmp_path, format=CHAIN, paging={"kind": "link"})
    load_read(tmp_path, paging={"kind": "token", "param": "t", "header": "X-Next"})
    load_read(tmp_path, paging={"kind": "page-number", "size": 10, "size_param": "n", "ends_with": "short"})
    load_read(
        tmp_path,
        proof="count",
        format={**JSON, "total": ["total"]},
        paging={"kind": "offset", "limit": 5, "total_capped_at": 9},
    )
    load_read(tmp_path, format={**JSON, "null_values": ["--", "N/A"]}, columns={"a": "string", "b": "integer"})
    load_read(tmp_path, errors=[{"when": "", "contains": "later", "then": "rate-limit", "wait": "seconds"}])


BY_LINK: dict[str, Any] = {"request": SUBMIT["request"], "poll_link": [{"header": "Location"}]}
AT_LINK: dict[str, Any] = {"format": JSON}
ADOPT: dict[str, Any] = {"request": {"path": "/reports"}, "rows": "reports", "match": {}}
DISCARD: dict[str, Any] = {"request": {"method": "DELETE", "path": "/reports/{report_id}"}}

PREPARED: dict[str, tuple[dict[str, Any], str]] = {
    "words without a place": ({"poll": {**POLL, "status": [], "waits_on": [202]}}, "poll.done"),
    "nothing that tells": ({"poll": {"request": POLL["request"]}}, "poll"),
    "a place without words": ({"poll": {**POLL, "done": []}}, "poll.status"),
    "a word in two lists": ({"poll": {**POLL, "failed": [" Done"]}}, "poll.status"),
    "a status in two lists": ({"poll": {**POLL, "waits_on": [303], "done_on": [303]}}, "poll.waits_on"),
    "an id in no list": ({"poll": {**POLL, "id": "key"}}, "poll.id"),
    "a link that is never read": ({"poll": {**POLL, "link": ["url"]}}, "poll.link"),
    "no link where none is wanted": ({"poll": {**POLL, "no_link_is_no_rows": True}}, "poll.no_link_is_no_rows"),
    "rows at an address of ours": ({"poll": {**POLL, "holds_rows": True}}, "poll.holds_rows"),
    "two ways to poll": ({"submit": {**SUBMIT, **BY_LINK}}, "poll.request"),
    "no way to poll": ({"poll": {"status": ["status"], "done": ["done"]}}, "poll"),
    "a list in several places": ({"poll": {**POLL, "reports": "*.reports"}}, "poll.reports"),
    "a value in several places": (
        {"poll": {"request": POLL["request"], "ready_when_set": "a.*"}},
        "poll.ready_when_set",
    ),
    "a success that is refused": (
        {"submit": {**SUBMIT, "duplicate": {"statuses": [200], "report_id": ["id"]}}},
        "submit.duplicate.statuses.0",
    ),
    "a status of no answer": ({"poll": {**POLL, "waits_on": [99]}}, "poll.waits_on.0"),
    "several ids": ({"submit": {**SUBMIT, "report_id": ["id", "ids.*"]}}, "submit.report_id.1"),
    "several statuses": ({"poll": {**POLL, "status": [{"path": "parts.*.status", "pattern": "."}]}}, "poll.status.0"),
    "several counts": ({"poll": {**POLL, "total": ["parts.*.rows"]}}, "poll.total.0"),
    "several files in pages": (
        {
            "poll": {**POLL, "link": ["files.*.id"]},
            "read": [{"request": {"path": "/{link}"}, "format": JSON, "paging": {"kind": "offset", "limit": 5}}],
        },
        "poll.link",
    ),
    "a report without an id": ({"submit": {"request": SUBMIT["request"]}}, "submit"),
    "an id that is not given": (
        {"submit": BY_LINK, "poll": {"waits_on": [202]}, "read": [{**AT_LINK, "request": {"path": "/{report_id}"}}]},
        "read.0.request",
    ),
    "a grace where asking twice is harmless": (
        {"submit": {**SUBMIT, "is_repeatable": True, "grace_seconds": 5}},
        "submit.grace_seconds",
    ),
    "a list to find what may be requested again": (
        {"submit": {**SUBMIT, "is_repeatable": True, "adopt": ADOPT}},
        "submit.adopt",
    ),
    "a poll of nothing": ({"submit": None}, "poll"),
    "a submit that is never polled": ({"poll": None}, "submit"),
    "a poll about any report": ({"poll": {**POLL, "request": {"path": "/reports"}}}, "poll.request"),
    "a discard of nothing": ({"submit": None, "poll": None, "discard": DISCARD}, "discard"),
    "two places at once": ({"submit": {**SUBMIT, "report_id": [{"path": "a", "header": "b"}]}}, "submit.report_id.0"),
    "a pattern that is none": (
        {"submit": {**SUBMIT, "report_id": [{"path": "a", "pattern": "("}]}},
        "submit.report_id.0",
    ),
}


@pytest.mark.parametrize("name", PREPARED)
def test_a_field_about_preparation_without_effect_is_refused(tmp_path: Path, name: str) -> None:
    changes, field = PREPARED[name]
    declared = report({"request": {"path": "/rows"}, "format": JSON}, submit=SUBMIT, poll=POLL)
    with pytest.raises(BadInput) as caught:
        loaded(tmp_path, source({**declared, **changes}))
    assert f"reports.r.{field}" in caught.value.where


LEADS_NOWHERE: dict[str, tuple[dict[str, Any], str]] = {
    "JSONPath": ({"format": {**CHAIN, "rows": ["$.data[*]"]}}, "read.0.format.rows.0"),
    "JSONPath of what may be absent": ({"format": {**CHAIN, "next": ["$.next"]}}, "read.0.format.next.0"),
    "a JSON Pointer": ({"format": {**CHAIN, "rows": ["data", "/rows"]}}, "read.0.format.rows.1"),
    "a position in brackets": ({"errors": [{"when": "errors[0].code"}]}, "errors.0.when"),
    "a choice with quotes": ({"format": {**CHAIN, "next": ["links.[rel='next'].href"]}}, "read.0.format.next.0"),
    "a choice with a dot": ({"format": {**CHAIN, "next": ["links.[rel=a.next].href"]}}, "read.0.format.next.0"),
    "a star for one link": ({"format": {**CHAIN, "next": ["links.*.href"]}}, "read.0.format.next.0"),
    "a star for one count": ({"format": {**CHAIN, "total": ["*.total"]}}, "read.0.format.total.0"),
    "a star in an error": ({"errors": [{"when": "a", "message": "errors.*.text"}]}, "errors.0.message"),
}


@pytest.mark.parametrize("name", LEADS_NOWHERE)
def test_a_path_that_can_never_lead_to_a_value_is_refused(tmp_path: Path, name: str) -> None:
    changes, field = LEADS_NOWHERE[name]
    with pytest.raises(BadInput) as caught:
        load_read(tmp_path, **{"format": CHAIN, "paging": {"kind": "link"}, **changes})
    assert field in caught.value.where
    assert "names and positions joined by dots" in caught.value.allowed or "without `*`" in caught.value.allowed


def test_names_and_choices_in_paths_may_be_as_vendors_write_them(tmp_path: Path) -> None:
    odd = {**JSON, "rows": ["*.results", "@odata.value"], "next": ["links.[rel=next].href", "$skiptoken", "next-page"]}
    load_read(
        tmp_path, format=odd, paging={"kind": "link"}, errors=[{"when": "errors.[level=error].text", "code": "0.id"}]
    )


NOT_FILLED: dict[str, tuple[dict[str, Any], str]] = {
    "a link of no poll": ({"query": {"file": "{link}"}}, "read.0.request"),
    "an offset of no paging": ({"query": {"offset": "{offset}"}}, "read.0.request"),
    "a token of other paging": (
        {"query": {"t": "{token}"}, "paging": {"kind": "offset", "limit": 9}},
        "read.0.request",
    ),
    "a size that is not declared": (
        {"query": {"n": "{page_size}"}, "paging": {"kind": "page-number"}},
        "read.0.request",
    ),
    "an id before there is one": ({"submit": {"path": "/reports", "query": {"id": "{report_id}"}}}, "submit.request"),
}


@pytest.mark.parametrize("name", NOT_FILLED)
def test_a_placeholder_that_nothing_would_fill_there_is_refused(tmp_path: Path, name: str) -> None:
    changes, field = NOT_FILLED[name]
    request = {"path": "/rows", "query": changes.get("query", {})}
    submit = {**SUBMIT, "request": changes.get("submit", SUBMIT["request"])}
    read = {"request": request, "format": JSON, "paging": changes.get("paging", {"kind": "single"})}
    with pytest.raises(BadInput) as caught:
        loaded(tmp_path, source(report(read, submit=submit, poll=POLL)))
    assert f"reports.r.{field}" in caught.value.where
