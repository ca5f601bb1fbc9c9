"""Scenarios: what is in rows and between them."""

from __future__ import annotations

from sandbox import expected_rows
from tests.requests import HISTOGRAM, KARGO, QUERIED, ROKT, STREAM
from tests.scenarios.outcome import Outcome, exact
from tests.scenarios.scenario import ROWS, Behaviour, done, failed, fault, instal, kargo, mediamath, rokt, whole

ACCOUNT = {name: value for name, value in ROKT.items() if name != "campaignId"}


def values(outcome: Outcome, column: str) -> list[object]:
    return [row.get(column, "absent") for row in outcome.rows]


def keeps_every_digit(outcome: Outcome) -> None:
    served = [exact(row) for row in expected_rows(STREAM, outcome.job.params, ROWS, style="long")]
    assert outcome.rows == served
    assert max(len(row["total_spend"][1]) for row in served) > 17


def has_null_where_no_number_is(outcome: Outcome) -> None:
    column = "grossCost" if "grossCost" in outcome.rows[0] else "media_spend"
    assert {type(value) for value in values(outcome, column)} == {type(None), tuple}


def has_long_ids_as_text(outcome: Outcome) -> None:
    assert all(isinstance(value, str) and len(value) > 16 for value in values(outcome, "groupByValue"))


def has_names_of_digits_as_text(outcome: Outcome) -> None:
    assert set(values(outcome, "campaign_name")) == {"0012345678901234567890"}


def has_versions_and_names_as_text(outcome: Outcome) -> None:
    assert {type(row[column]) for row in outcome.rows for column in ("version_os", "creative_id")} == {str}


def has_null_in_row_7(outcome: Outcome) -> None:
    assert outcome.rows[6]["clicks_sum"] is None


def has_a_group_of_null(outcome: Outcome) -> None:
    assert outcome.rows[0]["groupByValue"] is None


def lacks_a_column_in_row_7(outcome: Outcome) -> None:
    assert outcome.rows[7].keys() - outcome.rows[6].keys() == {"clicks_sum"}


def has_one_more_measure(outcome: Outcome) -> None:
    assert outcome.rows[6]["media_delivery_sum"][0] == "number"


def repeats_row_5(outcome: Outcome) -> None:
    assert outcome.rows[4] == outcome.rows[5]


def sets_row_9_aside(outcome: Outcome) -> None:
    (dead,) = outcome.dead
    assert dead[b"at"] == b"1.1.9"
    assert b"clicks_sum" in dead[b"reason"]


def has_a_row_of_8_mb(outcome: Outcome) -> None:
    assert max(map(len, outcome.raw)) > 8_000_000


def counts_its_audiences(outcome: Outcome) -> None:
    (column,) = {"Audiences", "audiences"} & outcome.rows[0].keys()
    assert {value[0] for value in values(outcome, column)} == {"number"}


VALUES = (
    Behaviour(
        "writes numbers partly as text, partly as numbers",
        "they get the declared types and keep every digit",
        whole(),
        {
            f"{vendor}, mixed": ask(fault("numbers", style="mixed"))
            for vendor, ask in (("kargo", kargo), ("rokt", rokt))
        },
    ),
    Behaviour(
        "writes decimals longer than a double",
        "they keep every digit",
        done(also=keeps_every_digit),
        {"stream": mediamath(fault("numbers", style="long"))},
    ),
    Behaviour(
        "writes null or empty text for a missing number",
        "it is null, not 0",
        done(also=has_null_where_no_number_is),
        {
            "kargo, null": kargo(
                fault("numbers", style="null"), params={**KARGO, "measures": ["clicks_sum", "media_spend"]}
            ),
            "rokt, empty": rokt(fault("numbers", style="empty")),
        },
    ),
    Behaviour(
        "sends ids of 19 digits without quotes",
        "they are text",
        whole(also=has_long_ids_as_text),
        {"legacy": rokt(fault("numbers", style="unquoted"))},
    ),
    Behaviour(
        "has names and versions that look like numbers",
        "they are text",
        done(also=has_names_of_digits_as_text),
        {
            "kargo": kargo(fault("set_value", column="campaign_name", text='"0012345678901234567890"')),
            "instal": (instal(), whole(also=has_versions_and_names_as_text)),
        },
    ),
    Behaviour(
        "sends null, leaves out a column, adds one, or orders keys differently",
        "the row is published like that",
        done(),
        {
            "null": (kargo(fault("null_column", column="clicks_sum", row=7)), done(also=has_null_in_row_7)),
            "a group that is null": (rokt(fault("null_group")), done(also=has_a_group_of_null)),
            "a missing column": (
                kargo(fault("drop_column", column="clicks_sum", row=7)),
                done(also=lacks_a_column_in_row_7),
            ),
            "an extra column": (
                kargo(fault("extra_column", column="media_delivery_sum", value="2281", row=7)),
                done(also=has_one_more_measure),
            ),
        },
    ),
    Behaviour(
        "adds a column to a stream whose header does not name it",
        "the job fails, because it may be another kind of message",
        failed("row 7", "neither a row nor another message"),
        {"stream": mediamath(fault("extra_column", column="surprise", row=7))},
    ),
    Behaviour(
        "spells a column in either of two ways",
        "the name is kept, and the type applies to both",
        done(also=counts_its_audiences),
        {
            name: rokt(fault("audiences", name=name), report="rokt.account-campaigns-breakdown", params=ACCOUNT)
            for name in ("Audiences", "audiences")
        },
    ),
    Behaviour(
        "sends rows twice",
        "both are published",
        done(ROWS + 1, also=repeats_row_5),
        {"stream": mediamath(fault("repeat_row", row=5), fault("wrong_total", by=1))},
    ),
    Behaviour(
        "sends a value that does not fit its type",
        "the row is set aside with the reason, and counted",
        done(receipt={"dead_rows": 1, "expected_rows": ROWS}, dead_rows=1, also=sets_row_9_aside),
        {"page": kargo(fault("set_value", column="clicks_sum", text='"n/a"', row=9))},
    ),
    Behaviour(
        "sends more such values than are accepted",
        "the job fails",
        failed("2500 of 2500 rows are dead letters", published=True),
        {"page": kargo(fault("set_value", column="clicks_sum", text='"n/a"'))},
    ),
)

PLACES = (
    Behaviour(
        "puts rows in one of several places",
        "they are found",
        whole(),
        {
            "kargo: rows": kargo(fault("rows_place", place="rows")),
            "rokt: bare": rokt(fault("envelope", shape="bare")),
            "rokt: first_row": (rokt(fault("envelope", shape="first_row")), done(1)),
            "rokt, one row: data": (
                rokt(fault("envelope", shape="data"), report="rokt.campaign-overview", params=ROKT),
                whole(1),
            ),
        },
    ),
    Behaviour(
        "joins rows by commas only, which is not valid JSON",
        "they are read if the source file declares it",
        whole(30),
        {"histogram": rokt(fault("comma_joined"), report=HISTOGRAM)},
    ),
    Behaviour(
        "sends empty rows",
        "they are skipped if the source file declares it",
        whole(),
        {
            "legacy: []": rokt(fault("blank_rows", text="[]")),
            "query: {}": rokt(fault("blank_rows", text="{}"), report=QUERIED),
        },
    ),
    Behaviour(
        "sends metadata among the rows of a stream",
        "they are not rows",
        whole(),
        {"everywhere": mediamath(fault("metadata_lines", where="everywhere"))},
    ),
    Behaviour(
        "sends a stream without a header, or with two",
        "the job fails",
        failed("row 1"),
        {"none": mediamath(fault("no_header")), "two": (mediamath(fault("second_header", row=700)), failed("row 700"))},
    ),
    Behaviour(
        "sends several rows on one line, rows over several lines, or lines of megabytes",
        "they are read",
        whole(),
        {
            "several rows on one line": mediamath(fault("crowded_lines", per_line=7)),
            "rows over several lines": mediamath(fault("pretty_rows")),
            "a line of 8 MB": (mediamath(fault("big_row", row=700, megabytes=8.0)), done(also=has_a_row_of_8_mb)),
        },
    ),
)
