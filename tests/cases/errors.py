"""How vendors word errors: with any status, on any page, in any format, and what they want done about them."""

from __future__ import annotations

from collections.abc import Callable

from tests.cases.case import Case, always, ids
from tests.fake_vendor import Answer, Request, Vendor


def _error_beside_an_empty_list(request: Request) -> Answer:
    page = int(request.query["page"])
    if page == 3:
        return Answer({"data": [], "error": {"code": 50002, "message": "the report service gave up"}})
    return Answer({"data": ids(page * 100 - 100, min(page * 100, 450)), "error": None})


def _error_in_a_list_of_warnings(request: Request) -> Answer:
    page = int(request.query["page"])
    notes = [{"level": "warning", "text": "figures may change"}]
    if page == 2:
        notes.append({"level": "error", "text": "figures are gone"})
    return Answer({"data": ids(page * 100 - 100, page * 100), "notes": notes})


def _warnings_only(request: Request) -> Answer:
    page = int(request.query["page"])
    rows = ids(page * 100 - 100, min(page * 100, 150))
    return Answer({"data": rows, "notes": [{"level": "warning", "text": "figures may change"}], "error": False})


def _code_that_is_not_zero(request: Request) -> Answer:
    page = int(request.query["page"])
    if page == 2:
        return Answer({"code": "40105", "message": "the advertiser is locked", "data": {"list": []}})
    return Answer({"code": 0, "message": "OK", "data": {"list": ids(0, 100)}})


def _error_at_the_end_of_a_stream(request: Request) -> Answer:
    lines = "".join(f'{{"id": {number}}}\n' for number in range(120))
    return Answer((lines + '{"error": {"code": "E7", "message": "the query ran out of memory"}}\n').encode())


def _json_error_where_a_file_should_be(request: Request) -> Answer:
    return Answer({"error": {"code": "E9", "message": "the export was removed"}}, headers={"Content-Type": "text/csv"})


def _after_one_failure(failure: Answer) -> Callable[[], Vendor]:
    """Pages by link; the second fails once."""

    def vendor() -> Vendor:
        failures = [failure]

        def respond(request: Request) -> Answer:
            at = int(request.query.get("after", 0))
            if at == 100 and failures:
                return failures.pop()
            end = min(at + 100, 250)
            return Answer({"data": ids(at, end), "next": f"/rows?limit=100&after={end}" if end < 250 else None})

        return respond

    return vendor


def _token_that_ends_in_a_body() -> Vendor:
    logins: list[str] = []

    def respond(request: Request) -> Answer:
        if request.path == "/login":
            logins.append(f"token {len(logins)}")
            return Answer({"access_token": logins[-1], "expires_in": 3600})
        at = int(request.query.get("after", 0))
        if at == 100 and len(logins) < 2:
            return Answer({"data": [], "error": {"code": "SESSION_EXPIRED", "message": "log in again"}})
        end = min(at + 100, 250)
        return Answer({"data": ids(at, end), "next": f"/rows?limit=100&after={end}" if end < 250 else None})

    return respond


def _sentence_where_a_file_should_be() -> Vendor:
    failures = [Answer(b"Rate limit reached, please try again", headers={"Content-Type": "text/csv"})]

    def respond(request: Request) -> Answer:
        return failures.pop() if failures else Answer(b"id\r\n1\r\n2\r\n")

    return respond


def _error_in_place_of_the_first_row(request: Request) -> Answer:
    page = int(request.query["page"])
    if page == 2:
        return Answer([{"error": {"code": 17, "message": "the user's limit is reached"}}])
    return Answer(ids(0, 100))


def _no_data_as_a_refusal(request: Request) -> Answer:
    return Answer({"error": {"code": "NO_DATA", "message": "nothing in these days"}}, status=404)


TRANSIENT = {"error": {"message": "the job cannot be reached now", "code": 2601, "is_transient": True}}
BUSY = {"error": {"message": "too many calls", "code": "RATE"}}
LIMITED = {"error": {"message": "too many calls", "code": "RATE", "retry_in": "1"}}

CASES = (
    Case("error-on-a-later-page", always(_error_beside_an_empty_list), fails=("50002: the report service gave up",)),
    Case("error-among-warnings", always(_error_in_a_list_of_warnings), fails=("figures are gone",)),
    Case("warnings-are-no-errors", always(_warnings_only), rows=150),
    Case("code-other-than-zero", always(_code_that_is_not_zero), fails=("40105: the advertiser is locked",)),
    Case("error-at-the-end-of-a-stream", always(_error_at_the_end_of_a_stream), fails=("E7: the query ran out",)),
    Case("json-error-as-csv", always(_json_error_where_a_file_should_be), fails=("E9: the export was removed",)),
    Case("transient-by-400", _after_one_failure(Answer(TRANSIENT, status=400)), rows=250, at_most=5),
    Case("transient-by-200", _after_one_failure(Answer(TRANSIENT)), rows=250, at_most=5),
    Case("rate-limit-in-a-body", _after_one_failure(Answer(LIMITED, status=403)), rows=250, at_most=5),
    Case("rate-limit-by-200", _after_one_failure(Answer(BUSY, headers={"Retry-After": "1"})), rows=250, at_most=5),
    Case(
        "login-in-a-body",
        _token_that_ends_in_a_body,
        rows=250,
        at_most=6,
        credentials={"username": "ann", "password": "a long password"},
    ),
    Case("error-in-place-of-rows", always(_error_in_place_of_the_first_row), fails=("17: the user's limit",)),
    Case("sentence-as-csv", _sentence_where_a_file_should_be, rows=2, at_most=2),
    Case("no-data-as-a-refusal", always(_no_data_as_a_refusal), rows=0, at_most=1),
)
