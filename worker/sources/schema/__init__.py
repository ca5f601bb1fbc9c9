"""The schema of a source file, which describes one vendor, as pydantic models. This package exports all of them.

A placeholder `{name}` stands for a parameter of the report; `{report_id}`, `{link}` and the numbers of pages are filled
in by Millrace. `{name:%Y%m%d}` is a date or time in that format, `{name|integer}` the value as a number, `{name|json}`
the value as JSON text. A string that is only a placeholder becomes the value itself, with its type; in a longer string
the value becomes text. `{{name}}` is the text `{name}`. A key whose placeholder has no value is left out. There are no
expressions.

A path is names and list positions joined by dots: `data.rows`, `0.id`; the empty path is the whole body. Of a list of
paths, the first that leads to a value is used. A list inside a list of allowed values is flattened, so that YAML
anchors can share names.
"""

from __future__ import annotations

from worker.sources.schema.auth import (
    AllAuth,
    Auth,
    BasicAuth,
    BearerAuth,
    BodyAuth,
    HeaderAuth,
    NoAuth,
    OAuth2Auth,
    OneAuth,
    QueryAuth,
    SessionAuth,
)
from worker.sources.schema.declared import Declared, Duration
from worker.sources.schema.errors import Consequence, ErrorShape
from worker.sources.schema.formats import Delimited, Format, JsonRows, Ndjson, StreamHeader
from worker.sources.schema.paging import (
    LinkPaging,
    OffsetPaging,
    Paged,
    PageNumberPaging,
    Paging,
    SinglePage,
    TokenPaging,
)
from worker.sources.schema.preparation import Adoption, Duplicate, Poll, Submit, status_word
from worker.sources.schema.report import ColumnType, Param, ParamType, Read, Report
from worker.sources.schema.request import Request, RequestOfTwoPaths, Selector, SelectorOfSeveral
from worker.sources.schema.source import Detail, Discovery, Limits, Source

__all__ = [
    "Adoption", "AllAuth", "Auth", "BasicAuth", "BearerAuth", "BodyAuth", "ColumnType", "Consequence", "Declared",
    "Delimited", "Detail", "Discovery", "Duplicate", "Duration", "ErrorShape", "Format", "HeaderAuth", "JsonRows",
    "Limits", "LinkPaging", "Ndjson", "NoAuth", "OAuth2Auth", "OffsetPaging", "OneAuth", "PageNumberPaging", "Paged",
    "Paging", "Param", "ParamType", "Poll", "QueryAuth", "Read", "Report", "Request", "RequestOfTwoPaths", "Selector",
    "SelectorOfSeveral", "SessionAuth", "SinglePage", "Source", "StreamHeader", "Submit", "TokenPaging", "status_word",
]  # fmt: skip
