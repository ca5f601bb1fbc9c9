"""Formats of rows: JSON, NDJSON, and delimited text such as CSV."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from worker.charsets import codec_of
from worker.sources.schema.declared import Declared, JsonPath, JsonPathWithStar, only
from worker.sources.schema.errors import ErrorShape


def _is_character(text: str) -> bool:
    return len(text) == 1 and text not in "\r\n"


Character = Annotated[str, only(_is_character, "one character, and no line end")]
Quote = Annotated[
    str, only(lambda text: text == "none" or _is_character(text), "one character, and no line end, or none")
]
Encoding = Annotated[str, only(codec_of, "a character set such as utf-8, shift_jis, utf-16 or windows-1252")]

NullValues = list[Annotated[str, Field(pattern=r"^[^0-9]*[^0-9\s][^0-9]*$")]]
"""Texts that a vendor writes in place of a number or time that it does not have. Digits may be a value."""


class JsonRows(Declared):
    """One JSON document. `rows` are the paths where a list of rows may be.

    `*` in such a path is any member of a list or an object: `*.results` for rows in batches. For rows that are lists,
    `columns` is the path of the column names: a list of names, or of objects with a name at `column_name`, which may
    come after the rows, or be the first of them, at `data.0` for rows at `data`. With `object_is_row`, an object at
    such a path is the only row if no list is found; at a path such as `*.row`, the object in each member of a list is a
    row, and members without one are none.
    `comma_joined` accepts objects joined by commas without the brackets of a list. `skip_empty` drops rows that are
    `[]` or `{}`. `has_more` is the path of a flag that more pages follow: false overrides `next`, true a short page;
    `is_last` is the path of a flag that says the opposite. `next` may lead into the last row: `data.-1.id`.
    With `absent_is_empty`, no list at all, or null in its place, means that there are no rows; without it, that is an
    error. Text, or an object that is not a row, in place of a list is an error in any case.

    In columns of another type than string, each text of `null_values` means null, as an empty text does.
    """

    kind: Literal["json"]
    rows: list[JsonPathWithStar] = Field(min_length=1)
    object_is_row: bool = False
    absent_is_empty: bool = False
    total: list[JsonPath] = []
    total_pages: list[JsonPath] = []
    next: list[JsonPath] = []
    has_more: list[JsonPath] = []
    is_last: list[JsonPath] = []
    errors: list[ErrorShape] = []
    comma_joined: bool = False
    skip_empty: bool = False
    columns: JsonPathWithStar | None = None
    column_name: str = "name"
    null_values: NullValues = []


class StreamHeader(Declared):
    """The first object of a stream: a list at `columns`, each with a `name`, and at `total` the count of rows or -1."""

    columns: str = "fields"
    name: str = "name"
    total: str = "total_items_count"


class Ndjson(Declared):
    """JSON objects one after another.

    With `header`, the first object names the columns and may count the rows. An object whose only key is `metadata` is
    not a row. In columns of another type than string, each text of `null_values` means null, as an empty text does.
    """

    kind: Literal["ndjson"]
    header: StreamHeader | None = None
    metadata: str | None = None
    errors: list[ErrorShape] = []
    null_values: NullValues = []


class Delimited(Declared):
    """CSV, TSV and the like.

    The header must contain the columns that the report declares; other columns are kept. Every row must be as wide as
    the header.
    """

    kind: Literal["delimited"]
    delimiter: Character = Field(default=",", description="one character between values")
    delimiters: list[Character] = Field(
        default=[], description="instead of `delimiter`: one of these, as the header shows"
    )
    header: bool | str = Field(
        default=True,
        description="whether the first line has the column names; a placeholder takes that from a boolean parameter",
    )
    columns: list[str] = Field(default=[], description="the column names, in order, if the file has no header")
    required: list[str] | None = Field(
        default=None,
        description="the names that the header must have; by default those of the report's `columns` or, if "
        "`columns_from` says which columns were requested, those",
    )
    preamble: Annotated[int, Field(ge=0)] | Literal["any"] = Field(
        default=0,
        description="how many lines come before the header (before the rows if there is none), or `any`: then the "
        "header is the first line, of the first 100, that has every required column",
    )
    preamble_count: str | None = Field(
        default=None,
        description="the first value of a line before the header that states the number of rows as `{count}`, such as "
        "`Rows: {count}`; the count is then proof",
    )
    footer: list[str] = Field(
        default=[],
        description="possible first values of a line after the rows: `*` stands for anything, `{count}` for the number "
        'of rows, which is then proof, and `""` is an empty value. After the first such line, lines with fewer values '
        "belong to the footer too, and a row fails the job. A file without its footer counts as cut off",
    )
    footer_is_optional: bool = Field(default=False, description="the vendor may leave out the footer of a whole file")
    quote: Quote = Field(default='"', description="one character around values, or `none`: quotes are plain characters")
    escape: Character | None = Field(
        default=None, description="one character that makes the next one plain, such as `\\`"
    )
    line_end: Literal["lf", "cr"] = Field(default="lf", description="`lf`, with or without CR before it, or only `cr`")
    missing_fields: Literal["fail", "null"] = Field(
        default="fail", description="a row with fewer values than the header is a mistake, or its last columns are null"
    )
    extra_fields: Literal["fail", "drop"] = Field(
        default="fail",
        description="a row with more values than the header is a mistake, or the surplus is dropped; so are values "
        "under the end of a header that ends with a delimiter",
    )
    same_names: Literal["fail", "number"] = Field(
        default="fail", description="two columns with one name are a mistake, or the second `Clicks` becomes `Clicks_2`"
    )
    repeated_header: Literal["fail", "drop"] = Field(
        default="fail",
        description="a line equal to the header is a mistake, or is skipped: the vendor joins files into one",
    )
    encoding: Encoding | None = Field(
        default=None,
        description="the character set, such as `shift_jis`; by default that of Content-Type, else utf-8. A byte order "
        "mark overrides all of these",
    )
    errors: list[ErrorShape] = []
    null_values: NullValues = Field(
        default=[],
        description="texts such as `--` or `N/A` that mean null, as an empty text does, in columns of another type "
        "than string",
    )


Format = Annotated[JsonRows | Ndjson | Delimited, Field(discriminator="kind")]
