"""The API's description for people at `/docs`: made from its OpenAPI, without scripts or anything from other hosts."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from worker.api.page import inline_digest

STYLE = Path(__file__).with_name("reference.css").read_text(encoding="utf-8")
POLICY = f"default-src 'none'; style-src {inline_digest(STYLE)}; base-uri 'none'; frame-ancestors 'none'"

Described = dict[str, Any]


def add_reference(app: FastAPI) -> None:
    """Serve the description; `/openapi.json` is the same for programs."""

    @app.get("/docs", include_in_schema=False)
    def reference() -> HTMLResponse:
        headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(reference_page(app.openapi()), headers=headers)


def reference_page(described: Described) -> str:
    """Every path with its parameters, its body and its answers, as one page of HTML."""
    schemas: Described = described.get("components", {}).get("schemas", {})
    groups: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            group = operation.get("tags", ["this service"])[0]
            groups.setdefault(group, []).append(_render_operation(method.upper(), path, operation))
    # The id is on an element within the closed details: a browser that follows a link there opens them.
    models = [
        f"<details><summary><code>{escape(name)}</code></summary>"
        f'<pre id="{escape(name)}">{escape(json.dumps(schema, indent=2))}</pre></details>'
        for name, schema in schemas.items()
    ]
    sections = [*groups.items(), ("models", models)]
    body = "".join(f"<h2>{escape(group)}</h2>{''.join(parts)}" for group, parts in sections)
    title = escape(described["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f'<h1>{title} API</h1><p>{escape(described["info"]["description"])} For programs: <a href="openapi.json">'
        f'<code>/openapi.json</code></a>. For people: <a href="./">the page</a>.</p>{body}</body></html>'
    )


def _render_operation(method: str, path: str, operation: Described) -> str:
    parts = [f"<p>{escape(operation['description'])}</p>"] if "description" in operation else []
    if parameters := operation.get("parameters"):
        rows = [
            f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
            f"<td>{'required' if parameter.get('required') else ''}</td>"
            f"<td>{_render_schema(parameter['schema'])}</td></tr>"
            for parameter in parameters
        ]
        head = "<tr><th scope=col>name</th><th scope=col>in</th><th scope=col></th><th scope=col>schema</th></tr>"
        parts.append(f"<h3>Parameters</h3><table aria-label=Parameters>{head}{''.join(rows)}</table>")
    if body := operation.get("requestBody"):
        parts.append(f"<h3>Body</h3><p>{_render_content(body)}</p>")
    answers = [
        f"<tr><td><code>{escape(status)}</code></td><td>{escape(answer['description'])}</td>"
        f"<td>{_render_content(answer)}</td></tr>"
        for status, answer in operation["responses"].items()
    ]
    parts.append(f"<h3>Answers</h3><table aria-label=Answers>{''.join(answers)}</table>")
    summary = f"<b>{escape(method)}</b> <code>{escape(path)}</code> <span>{escape(operation.get('summary', ''))}</span>"
    return f"<details><summary>{summary}</summary>{''.join(parts)}</details>"


def _render_content(described: Described) -> str:
    return ", ".join(
        f"<code>{escape(kind)}</code> {_render_schema(media.get('schema', {}))}"
        for kind, media in described.get("content", {}).items()
    )


def _render_schema(schema: Described) -> str:
    """A model as a link to its definition; any other schema as JSON."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    if schema.get("type") == "array":
        return f"list of {_render_schema(schema.get('items', {}))}"
    return f"<code>{escape(json.dumps({name: value for name, value in schema.items() if name != 'title'}))}</code>"
