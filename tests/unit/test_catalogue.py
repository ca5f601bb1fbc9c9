"""A mistake in a source file is shown with file, line and field, before anything is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from worker.errors import BadInput
from worker.sources.loading import load_catalogue, load_source, report_of, source_schema
from worker.sources.yaml_files import read_yaml
from worker.suggestions import OURS

GOOD = """\
source: acme
title: Acme
base_url: https://api.acme.example
auth: [{kind: none}]
definitions:
  names: &names [a, b]
  thing: {type: object, properties: {x: {$ref: "#/definitions/number"}}}
  number: {type: integer}
  unused: {type: string}
reports:
  rows:
    title: Rows
    params:
      account: {required: true}
      fields: {type: list, items_allowed: [*names, [c]]}
      filter: {type: object, schema: {$ref: "#/definitions/thing"}}
    read:
      - request:
          path: "/accounts/{account}/rows"
          query: {fields: "{fields}", filter: "{filter|json}"}
        format: {kind: json, rows: [data]}
        paging: {kind: offset, limit: 10}
    proof: end
    replay: stable
"""


def written(directory: Path, text: str, name: str = "acme.yaml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(tmp_path: Path, old: str, new: str) -> BadInput:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        load_source(read_yaml(path))
    assert caught.value.where.startswith(f"{path}:")
    return caught.value


def line_of(error: BadInput) -> int:
    return int(error.where.split(":")[1])


def test_the_good_file_loads_together_with_the_packaged_ones(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    catalogue = load_catalogue([tmp_path])
    assert {"acme", "kargo", "mediamath", "rokt", "instal"} <= set(catalogue.sources)
    assert report_of(catalogue.sources["acme"], "rows").params["fields"].items_allowed == ["a", "b", "c"]


def test_a_schema_takes_along_the_definitions_it_refers_to_and_no_others(tmp_path: Path) -> None:
    source = load_source(read_yaml(written(tmp_path, GOOD)))
    schema = source.reports["rows"].params["filter"].json_schema
    assert schema is not None
    assert set(schema["definitions"]) == {"thing", "number"}


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("title: Acme", "titel: Acme", 2, "titel", "did you mean 'title'"),
        ("      account: {required: true}", "      account: {requird: true}", 14, "requird", "required"),
        ("    params:\n", "    params:\n      day: {type: date}\n", 14, "day", "a placeholder {day} in a request"),
        ("{kind: offset, limit: 10}", "{kind: offset, limt: 10}", 22, "limt", "limit_param"),
        ("{kind: offset, limit: 10}", "{kind: offst, limit: 10}", 22, "paging.kind", "did you mean 'offset'"),
        ("{kind: offset, limit: 10}", "{kind: offset, limit: ten}", 22, "limit", "integer"),
        ("{kind: offset, limit: 10}", "{kind: offset, limit: 0}", 22, "limit", "greater than or equal to 1"),
        ("{kind: json, rows: [data]}", "{kind: json, rows: [data], totl: [x]}", 21, "totl", "did you mean 'total'"),
        ("{kind: json, rows: [data]}", "{kind: json}", 21, "format.rows", "a value"),
        ("[{kind: none}]", "[{kind: none, token: x}]", 4, "auth.0.token", "one of kind"),
        ("[{kind: none}]", "[]", 4, "auth", "at least 1 item"),
        ("proof: end", "proof: sure", 23, "proof", "one of count, end, none"),
        ('fields: "{fields}"', 'fields: "{fieds}"', 20, "request.query.fields", "did you mean 'fields'"),
        ('"/accounts/{account}/rows"', '"/accounts/{fields}/rows"', 19, "path", "a path needs it"),
        ('fields: "{fields}"', "fields: {fields}", 20, "request.query.fields", 'quotes around it, "{fields}"'),
        ('"/accounts/{account}/rows"', '"/reports/{report_id}"', 19, "request.path", "one of account"),
        ('"/accounts/{account}/rows"', '"accounts"', 19, "path", "starts with /"),
        ('"/accounts/{account}/rows"', '"/rows?account={account}"', 19, "path", "goes into `query`"),
        ('"/accounts/{account}/rows"', '"/{account}#rows"', 19, "path", "no ? or #"),
        ("        paging:", "        when: {fild: x}\n        paging:", 22, "when.fild", "one of account"),
        ("        paging:", "        rows_at_most: most\n        paging:", 22, "rows_at_most", "one of account"),
        ("    proof:", "    one_of: [[account, fild]]\n    proof:", 23, "one_of.0", "fields"),
        ("    proof:", "    window: {from: start}\n    proof:", 23, "window.from", "one of account"),
        ("    proof:", "    window_at_most: 31d\n    proof:", 23, "window_at_most", "both of its ends"),
        ('fields: "{fields}"', 'fields: "{fields|text}"', 20, "request.query.fields", "one of integer, json"),
        ('fields: "{fields}"', 'fields: "{fields|integer}"', 18, "request", "it in a JSON body"),
        ("    proof:", "    columns_from: {account: number}\n    proof:", 23, "columns_from.account", "not string"),
        ("    proof:", "    columns_from: {metrics: number}\n    proof:", 23, "columns_from.metrics", "one of"),
        ("{required: true}", "{required: true, default: x}", 14, "account.default", "no default beside"),
        ("{required: true}", "{default: x, allowed: [y]}", 14, "account.default", "one of y"),
        ("{required: true}", "{type: date, default: '{todya}'}", 14, "account.default", "{yesterday}"),
        ("{required: true}", "{type: integer, default: 1, allowed: ['1']}", 14, "account", "an integer"),
        ("{required: true}", "{required: true, allowed: [1, 2]}", 14, "account.allowed", "one of 1, 2"),
        ("{required: true}", "{type: list, required: true, allowed: [a]}", 14, "account.allowed", "`items_allowed`"),
        ("{required: true}", "{required: true, minimum: 3}", 14, "account.minimum", "integer"),
        ("{required: true}", "{type: integer, default: 4, minimum: 5, maximum: 3}", 14, "account.maximum", "5 or more"),
        ("{required: true}", "{required: true, min_items: 3}", 14, "account.min_items", "type: list"),
        ("{required: true}", "{required: true, date_adds: T00}", 14, "account.date_adds", "datetime"),
        ("{required: true}", "{type: datetime, required: true, date_adds: T23:59:59}", 14, "date_adds", "its offset"),
        ("{required: true}", "{required: true, pattern: '('}", 14, "account.pattern", "a regular expression"),
        ("{required: true}", "{required: true, needs: [x]}", 14, "needs", "one of account"),
        ("  rows:\n", "  Rows!:\n", 11, "reports", "text of the form"),
        ("reports:", "ready_within: 2 hours\nreports:", 10, "ready_within", "such as 90s, 2h or 31d"),
        ("reports:", "ready_within: 90\nreports:", 10, "ready_within", "such as 90s, 2h or 31d"),
        ("reports:", "errors: {when: error}\nreports:", 10, "errors", "a list"),
        ("reports:", "errors: [{when: a, then: rate_limit}]\nreports:", 10, "then", "did you mean 'rate-limit'"),
        ("reports:", "errors: [{when: a, wait: -5}]\nreports:", 10, "wait", "text or greater than 0"),
        ("rows: [data]", "rows: data", 21, "format.rows", "a list, such as [data]"),
        ("{kind: json, rows: [data]}", "json", 21, "format", "a mapping"),
        ("{kind: json, rows: [data]}", "{kind: delimited, preamble: an}", 21, "preamble", "did you mean 'any'"),
        ("{kind: json, rows: [data]}", "{rows: [data]}", 21, "format.kind", "one of delimited, json, ndjson"),
        ("{required: true}", "{required: true, type: sting}", 14, "type", "did you mean 'string'"),
        ("{required: true}", "{required: true, allowed: []}", 14, "account.allowed", "at least 1 item"),
        ("{required: true}", "{type: list, required: true, join: ''}", 14, "account.join", "at least 1 character"),
        ("{required: true}", "{required: true, needs: [account]}", 14, "account.needs", "that may be missing"),
        ("items_allowed:", "needs: [account], items_allowed:", 15, "fields.needs", "that may be missing"),
        ("items_allowed:", "excludes: [account], items_allowed:", 15, "fields.excludes", "could never be given"),
        ("{kind: offset, limit: 10}", "{kind: token, param: ''}", 22, "paging.param", "at least 1 character"),
        ("{kind: json, rows: [data]}", "{kind: delimited, missing_fields: null}", 21, "missing", 'write "null"'),
        ("{required: true}", "{required: true, type: int}", 14, "type", "did you mean 'integer'"),
        ("{required: true}", "required", 14, "params.account", "a mapping"),
        ('rows"\n', 'rows"\n          method: post\n', 20, "method", "did you mean 'POST'"),
        ('rows"\n', 'rows"\n          headers: {X Y: a}\n', 20, "headers.X Y", "such as X-Api-Key"),
        ('rows"\n', 'rows"\n          params: {a: 1}\n', 20, "request.params", "; did you mean 'query'?"),
        ("{kind: json, rows: [data]}", "{kind: CSV}", 21, "format.kind", "; did you mean 'delimited'?"),
        (
            "{kind: offset, limit: 10}",
            "{kind: page-number, page_param: p}",
            22,
            "paging.page_param",
            "; did you mean 'number_param'?",
        ),
    ],
)
def test_a_mistake_names_its_line_its_field_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, line: int, field: str, words: str
) -> None:
    error = refusal(tmp_path, old, new)
    assert line_of(error) == line
    assert field in error.where
    assert words in error.allowed


def test_a_key_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "title: Acme", "title: Acme\ntitle: Again")
    assert (line_of(error), error.given, error.allowed) == (3, "title", "each key once")


def test_what_is_not_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "source: acme\ntitle: [\n")
    with pytest.raises(BadInput, match=f"{path}:3: cannot be read as YAML: "):
        read_yaml(path)
    with pytest.raises(BadInput, match=r"a text with \{ \} .* needs quotes"):
        read_yaml(written(tmp_path, "read: {path: /reports/{id}}\n"))
    with pytest.raises(BadInput, match="not tabs"):
        read_yaml(written(tmp_path, "read:\n\tpath: a\n"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match=r"binary\.yaml"):
        read_yaml(tmp_path / "binary.yaml")
    with pytest.raises(BadInput, match=r"absent\.yaml"):
        read_yaml(tmp_path / "absent.yaml")
    for text in ("a: &a [*a]", "a: !!bool maybe", "a: !!int ''", "a: !!timestamp soon"):
        with pytest.raises(BadInput, match="cannot be read as YAML"):
            read_yaml(written(tmp_path, text))
    with pytest.raises(BadInput, match="fields with their values"):
        load_source(read_yaml(written(tmp_path, "")))


def test_scalars_are_what_they_look_like(tmp_path: Path) -> None:
    text = "[NO, yes, on, 2026-01-01, 12:30, 010, 1e5, 1.50, 1234567890123456789, true, ~, null, -3]"
    content = read_yaml(written(tmp_path, text)).content
    assert content == [
        *("NO", "yes", "on", "2026-01-01", "12:30", "010", "1e5"),
        *(1.5, 1234567890123456789, True, None, None, -3),
    ]


def test_of_two_files_for_one_source_neither_is_used(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("source: acme", "source: kargo"))
    catalogue = load_catalogue([tmp_path])
    assert "kargo" not in catalogue.sources
    assert "a name that no other file uses" in str(catalogue.faults["kargo"])


def test_a_file_with_a_mistake_does_not_hide_the_other_sources(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, "{source: wrong, titel: Wrong}", "one.yaml")
    written(tmp_path, "{", "kargo.yml")
    catalogue = load_catalogue([tmp_path, tmp_path / "absent"])
    assert {"acme", "kargo"} <= set(catalogue.sources)
    assert set(catalogue.faults) == {"wrong", "kargo", f"{tmp_path}/absent"}
    assert f"MILLRACE_SOURCES: {tmp_path}/absent" in str(catalogue.faults[f"{tmp_path}/absent"])


def test_what_is_no_source_file_is_named(tmp_path: Path) -> None:
    for name in ("a.json", "acme", ".a.yaml.swp", "b.YAML"):
        written(tmp_path, GOOD, name)
    (tmp_path / "sub").mkdir()
    catalogue = load_catalogue([tmp_path])
    assert [path.name for path in catalogue.ignored] == ["a.json", "acme", "b.YAML", "sub"]
    assert "not read" in catalogue.describe_ignored()[0]
    assert load_catalogue().describe_ignored() == []


def test_an_unknown_report_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(BadInput, match="did you mean 'reports'"):
        report_of(load_catalogue().sources["kargo"], "report-s")


def test_the_schema_forbids_unknown_fields_like_the_models_do() -> None:
    schema = source_schema()
    assert schema["additionalProperties"] is False
    assert "json" in schema["$defs"]["Request"]["properties"]
    assert "path_on_404" in schema["$defs"]["RequestOfTwoPaths"]["properties"]


def test_loading_sources_does_not_load_what_only_checking_needs() -> None:
    code = "import sys, worker.sources.loading as c; c.load_catalogue(); sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("schema", "field", "words"),
    [
        ("{type: strin}", "schema.type", "did you mean 'string'"),
        ("{type: object, properties: {a: {minimum: x}}}", "schema.properties.a.minimum", "a number"),
        ("{enmu: [a]}", "schema.enmu", "did you mean 'enum'"),
        ("{not: {requird: [a]}}", "schema.not.requird", "did you mean 'required'"),
        ("{properties: {a: {format: date}}}", "schema.properties.a.format", "a word of JSON Schema that is checked"),
        ("{pattern: '('}", "schema.pattern", "a regular expression"),
        ('{$ref: "#/definitions/thin"}', "schema.$ref", "did you mean '#/definitions/thing'"),
        ('{items: [{$ref: "#/definitions/thing"}]}', "schema.items", "an object or true or false"),
        ("{definitions: [a]}", "schema.definitions", "an object"),
    ],
)
def test_an_invalid_schema_or_one_with_a_word_without_effect_is_refused(
    tmp_path: Path, schema: str, field: str, words: str
) -> None:
    text = GOOD.replace('schema: {$ref: "#/definitions/thing"}', f"schema: {schema}")
    written(tmp_path, text)
    fault = load_catalogue([tmp_path]).faults["acme"]
    assert line_of(fault) == 16
    assert f"reports.rows.params.filter.{field}" in fault.where
    assert words in fault.allowed


def test_a_mistake_in_a_shared_definition_is_shown_where_it_is_written(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("number: {type: integer}", "number: {type: integr}"))
    fault = load_catalogue([tmp_path]).faults["acme"]
    assert (line_of(fault), fault.where.rpartition(" ")[2]) == (8, "definitions.number.type")


def test_words_of_other_tools_are_suggested_as_words_that_there_are() -> None:
    schema = json.dumps(source_schema())
    assert [word for word in OURS.values() if f'"{word}"' not in schema] == []
