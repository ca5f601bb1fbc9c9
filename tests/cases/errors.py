"""How vendors word errors: with any status, on any page, in any format, and what they want done about them."""

from __future__ import annotations

from collections.abc import Callable

from tests.cases.case import Cases, ids
from tests.fake_vendor import Answer, Request, Vendor

CASES = Cases()


@CASES.add("error-on-a-later-page", fails=("50002: the report service gave up",))
def error_beside_an_empty_list(request: Request) -> Answer:
    page = int(request.query["page"])
    if page == 3:
        return Answer({"data": [], "error": {"code": 50002, "message": "the report service gave up"}})
    return Answer({"data": ids(page * 100 - 100, min(page * 100, 450)), "error": None})


@CASES.add("error-among-warnings", fails=("figures are gone",))
def error_in_a_list_of_warnings(request: Request) -> Answer:
    page = int(request.query["page"])
    notes = [{"level": "warning", "text": "figures may change"}]
    if page == 2:
        notes.append({"level": "error", "text": "figures are gone"})
    return Answer({"data": ids(page * 100 - 100, page * 100), "notes": notes})


@CASES.add("warnings-are-no-errors", rows=150)
def warnings_only(request: Request) -> Answer:
    page = int(request.query["page"])
    rows = ids(page * 100 - 100, min(page * 100, 150))
    return Answer({"data": rows, "notes": [{"level": "warning", "text": "figures may change"}], "error": False})


@CASES.add("code-other-than-zero", fails=("40105: the advertiser is locked",))
def code_that_is_not_zero(request: Request) -> Answer:
    page = int(request.query["page"])
    if page == 2:
        return Answer({"code": "40105", "message": "the advertiser is locked", "data": {"list": []}})
    return Answer({"code": 0, "message": "OK", "data": {"list": ids(0, 100)}})


@CASES.add("error-at-the-end-of-a-stream", fails=("E7: the query ran out",))
def error_at_the_end_of_a_stream(request: Request) -> Answer:
    lines = "".join(f'{{"id": {number}}}\n' for number in range(120))
    return Answer((lines + '{"error": {"code": "E7", "message": "the query ran out of memory"}}\n').encode())


@CASES.add("json-error-as-csv", fails=("E9: the export was removed",))
def json_error_where_a_file_should_be(request: Request) -> Answer:
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


@CASES.add_anew("login-in-a-body", rows=250, at_most=6, credentials={"username": "ann", "password": "a long password"})
def token_that_ends_in_a_body() -> Vendor:
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


@CASES.add_anew("sentence-as-csv", rows=2, at_most=2)
def sentence_where_a_file_should_be() -> Vendor:
    failures = [Answer(b"Rate limit reached, please try again", headers={"Content-Type": "text/csv"})]

    def respond(request: Request) -> Answer:
        return failures.pop() if failures else Answer(b"id\r\n1\r\n2\r\n")

    return respond


@CASES.add("error-in-place-of-rows", fails=("17: the user's limit",))
def error_in_place_of_the_first_row(request: Request) -> Answer:
    page = int(request.query["page"])
    if page == 2:
        return Answer([{"error": {"code": 17, "message": "the user's limit is reached"}}])
    return Answer(ids(0, 100))


@CASES.add("no-data-as-a-refusal", rows=0, at_most=1)
def no_data_as_a_refusal(request: Request) -> Answer:
    return Answer({"error": {"code": "NO_DATA", "message": "nothing in these days"}}, status=404)


TRANSIENT = {"error": {"message": "the job cannot be reached now", "code": 2601, "is_transient": True}}
BUSY = {"error": {"message": "too many calls", "code": "RATE"}}
LIMITED = {"error": {"message": "too many calls", "code": "RATE", "retry_in": "1"}}

CASES.add_anew("transient-by-400", rows=250, at_most=5)(_after_one_failure(Answer(TRANSIENT, status=400)))
CASES.add_anew("transient-by-200", rows=250, at_most=5)(_after_one_failure(Answer(TRANSIENT)))
CASES.add_anew("rate-limit-in-a-body", rows=250, at_most=5)(_after_one_failure(Answer(LIMITED, status=403)))
CASES.add_anew("rate-limit-by-200", rows=250, at_most=5)(_after_one_failure(Answer(BUSY, headers={"Retry-After": "1"})))
