"""Paging: one model for each kind, which says how the pages of a report are addressed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from worker.sources.schema.declared import Declared, HeaderName, Text
from worker.sources.schema.request import Placeholder


class SinglePage(Declared):
    """One answer has everything. One that names a next page fails the job, unless `first_page_only` is set."""

    kind: Literal["single"] = "single"
    total_capped_at: int | None = None
    first_page_only: bool = False


class Paged(Declared):
    """What all kinds of paging with several requests have in common.

    `end_statuses`: a refusal with one of these statuses means that there are no more pages, unless a count says that
    there are more rows, or its body is a declared error. Any other refusal fails the page: it does not prove an end.
    """

    end_statuses: list[Annotated[int, Field(ge=400, le=499)]] = []


class OffsetPaging(Paged):
    """Pages of `limit` rows by offset, the first at `first`.

    Limit and offset are sent in the query, the form or, by path, the JSON body. Pages can be addressed in advance,
    so many are read at once. `limit` may be a placeholder. `ends_with`: the last page is the one before an empty
    page, or a short page. A total of exactly `total_capped_at` may stand for more rows, so it proves nothing; the
    same holds in SinglePage.
    """

    kind: Literal["offset"]
    limit: Annotated[int, Field(ge=1)] | Placeholder
    first: int = Field(default=0, ge=0)
    limit_param: Text = "limit"
    offset_param: Text = "offset"
    place: Literal["query", "json", "form"] = "query"
    ends_with: Literal["empty", "short"] = "empty"
    total_capped_at: int | None = None


class PageNumberPaging(Paged):
    """Numbered pages; number and size are sent in the query, the form or, by path, the JSON body.

    `size` may be a placeholder. `ends_with` is as for OffsetPaging; a page with fewer than `size` rows is short.
    """

    kind: Literal["page-number"]
    size: Annotated[int, Field(ge=1)] | Placeholder | None = None
    first: int = Field(default=1, ge=0)
    number_param: Text = "page"
    size_param: Text | None = None
    place: Literal["query", "json", "form"] = "query"
    ends_with: Literal["empty", "short"] = "empty"


class LinkPaging(Paged):
    """The address of the next page is in the body (`JsonRows.next`) or in a header; in `Link`, it is the `next` link.

    The last page has no next link; with `ends_with: empty` it is the page before an empty one, whatever links it has.
    With `method: POST`, the read's request is sent to the link as it was sent before, with its headers and body.
    """

    kind: Literal["link"]
    method: Literal["GET", "POST"] = "GET"
    place: Literal["body", "header"] = "body"
    header: HeaderName = "Link"
    ends_with: Literal["no-next", "empty"] = "no-next"


class TokenPaging(Paged):
    """The body (`JsonRows.next`) or a `header` has a token for the next page, which is sent as `param` at `place`.

    `ends_with` is as for LinkPaging.
    """

    kind: Literal["token"]
    param: Text
    place: Literal["query", "json", "form"] = "query"
    header: HeaderName | None = None
    ends_with: Literal["no-next", "empty"] = "no-next"


Paging = Annotated[SinglePage | OffsetPaging | PageNumberPaging | LinkPaging | TokenPaging, Field(discriminator="kind")]
