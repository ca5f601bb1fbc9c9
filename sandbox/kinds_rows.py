"""The faults of what carries rows. Row numbers count from 1 over the whole report."""

from __future__ import annotations

from sandbox.fault_types import JSON_ROLES, ROW_ROLES, Arg, Kind, choice, roles

_STREAM = roles("stream")
_CSV = roles("csv")
_ONE_OR_ALL = Arg(int, None)

ROW_KINDS: tuple[Kind, ...] = (
    Kind(
        "cut_in_row",
        ROW_ROLES,
        "Ends the body in the middle of this row. `clean` ends it as if it were whole.",
        {"row": Arg(int), "clean": Arg(bool, False)},
    ),
    Kind(
        "cut_after_row",
        ROW_ROLES,
        "Ends the body right after this row, between two rows. `clean` ends it as if it were whole.",
        {"row": Arg(int), "clean": Arg(bool, False)},
    ),
    Kind(
        "error_line",
        _STREAM,
        "After this many rows comes an error, and the stream ends cleanly. 0: right after the header.",
        {
            "after_rows": Arg(int),
            "code": Arg(str, "InternalError"),
            "message": Arg(str, "made to fail"),
            "partial": Arg(bool, False),
        },
    ),
    Kind(
        "gateway_line",
        _STREAM,
        "After this many rows comes the gateway's error, which begins with `meta`, and the stream ends cleanly.",
        {"after_rows": Arg(int)},
    ),
    Kind(
        "metadata_lines",
        _STREAM,
        "Puts metadata lines among the rows; `between`: one before every `every`-th row.",
        {
            "where": choice("before_header", "between", "after_last", "everywhere", default="everywhere"),
            "every": Arg(int, 100),
        },
    ),
    Kind("no_header", _STREAM, "Leaves the header line away."),
    Kind("second_header", _STREAM, "Sends the header once more before this row.", {"row": Arg(int, 2)}),
    Kind("drop_row", ROW_ROLES, "Leaves this row away; counts still include it.", {"row": Arg(int)}),
    Kind(
        "repeat_row",
        ROW_ROLES,
        "Sends this row more than once (no row named: each one); counts do not include the copies.",
        {"row": _ONE_OR_ALL, "copies": Arg(int, 1)},
    ),
    Kind("replace_row", ROW_ROLES, "Sends this text in place of the row.", {"row": Arg(int), "text": Arg(str)}),
    Kind("drop_column", JSON_ROLES, "Rows lack this column.", {"column": Arg(str), "row": _ONE_OR_ALL}),
    Kind(
        "extra_column",
        JSON_ROLES,
        "Rows have a column nobody asked for.",
        {"column": Arg(str, "media_delivery_sum"), "value": Arg(object, "2281"), "row": _ONE_OR_ALL},
    ),
    Kind("null_column", JSON_ROLES, "The column is null.", {"column": Arg(str), "row": _ONE_OR_ALL}),
    Kind(
        "set_value",
        JSON_ROLES,
        "The column holds this text, put into the JSON as it stands.",
        {"column": Arg(str), "text": Arg(str), "row": _ONE_OR_ALL},
    ),
    Kind("duplicate_key", JSON_ROLES, "A key stands twice in the row; the last one is right.", {"row": Arg(int, 1)}),
    Kind("nan", JSON_ROLES, "A value of this row is NaN, which JSON does not have.", {"row": Arg(int, 1)}),
    Kind("invalid_json", JSON_ROLES, "This row is no JSON.", {"row": Arg(int, 1)}),
    Kind("invalid_utf8", ROW_ROLES, "This row holds bytes that are not UTF-8.", {"row": Arg(int, 1)}),
    Kind(
        "big_row",
        ROW_ROLES,
        "One value of this row is this many megabytes long.",
        {"row": Arg(int, 1), "megabytes": Arg(float, 20.0)},
    ),
    Kind(
        "deep_row",
        JSON_ROLES,
        "One value of this row is nested so deep.",
        {"row": Arg(int, 1), "depth": Arg(int, 10_000)},
    ),
    Kind("pretty_rows", JSON_ROLES, "Rows are spread over several lines."),
    Kind("escaped_text", JSON_ROLES, "Text beyond ASCII stands in escapes."),
    Kind("crowded_lines", _STREAM, "Several rows stand on a line.", {"per_line": Arg(int, 3)}),
    Kind("blank_lines", _STREAM, "A blank line stands before every `every`-th row.", {"every": Arg(int, 10)}),
    Kind("no_final_newline", roles("stream", "csv"), "The last line has no newline."),
    Kind(
        "numbers",
        JSON_ROLES,
        "How numbers are written: as `numbers`, as `strings`, `mixed` from row to row, with some `null` or `empty`, "
        "ids `unquoted` (Rokt), or decimals `long` beyond what a double holds.",
        {"style": choice("numbers", "strings", "mixed", "null", "empty", "unquoted", "long")},
    ),
    Kind("csv_bom", _CSV, "The file begins with a byte order mark."),
    Kind("csv_newlines", _CSV, "A quoted value of this row holds newlines.", {"row": Arg(int, 1)}),
    Kind(
        "csv_width",
        _CSV,
        "This row is wider than the header by so many values, or narrower if negative.",
        {"row": Arg(int, 1), "by": Arg(int, 1)},
    ),
    Kind(
        "csv_delimiter", _CSV, "Another delimiter stands between values.", {"text": choice(";", "\t", "|", default=";")}
    ),
    Kind("csv_header", _CSV, "There is a header, or none, whatever was asked for.", {"present": Arg(bool, False)}),
    Kind("csv_empty", _CSV, "The file has no rows, with a header or without.", {"header": Arg(bool, True)}),
    Kind(
        "csv_numbers",
        _CSV,
        "Numbers as people write them: `thousands` marks, decimal `comma`, `percent` signs in rates.",
        {"style": choice("thousands", "comma", "percent")},
    ),
)
