"""How vendors tell whether a report is ready, and where its rows are."""

from __future__ import annotations

from collections.abc import Callable

from tests.cases.case import Cases, ids
from tests.fake_vendor import Answer, Request, Vendor

CASES = Cases()

HTML = Answer(b"<html>back in a minute</html>", headers={"Content-Type": "text/html"})


@CASES.add("id-in-a-refusal", rows=20, at_most=3)
def id_in_a_refusal(request: Request) -> Answer:
    if request.is_storage:
        return Answer(ids(0, 20))
    if request.method == "POST":
        return Answer({"code": "425", "detail": "duplicate of: 88dac5e8-0987"}, status=425)
    return Answer({"status": "COMPLETED", "url": f"{request.storage}/rows.json"})


def _polled(*answers: Answer, ready: Answer) -> Callable[[], Vendor]:
    """A vendor that makes one report, answers its first polls so, and then says ready."""

    def vendor() -> Vendor:
        waiting = list(answers)

        def respond(request: Request) -> Answer:
            if request.method == "POST":
                return Answer({"id": 9}, status=202, headers={"Location": f"{request.base}/reports/9"})
            if request.path.endswith("/rows"):
                return Answer({"data": ids(0, 20)})
            return waiting.pop(0) if waiting else ready

        return respond

    return vendor


@CASES.add_anew("preparing-fails-once", rows=20, at_most=5)
def preparing_fails_once() -> Vendor:
    made: list[int] = []

    def respond(request: Request) -> Answer:
        if request.method == "POST":
            made.append(len(made) + 1)
            return Answer({"id": f"run-{made[-1]}"})
        if request.path.endswith("/rows"):
            return Answer({"data": ids(0, 20)})
        return Answer({"async_status": "Job Failed" if request.path.endswith("run-1") else "Job Completed"})

    return respond


@CASES.add("several-files", rows=30, at_most=5)
def several_files(request: Request) -> Answer:
    if request.is_storage:
        start = int(request.path.strip("/")) * 10
        return Answer("".join(f'{{"id": {number}}}\n' for number in range(start, start + 10)).encode())
    if request.method == "POST":
        return Answer({"id": 9})
    return Answer({"status": "done", "files": [{"url": f"{request.storage}/{number}"} for number in range(3)]})


CASES.add_anew("ready-by-status", rows=20, at_most=5)(
    _polled(Answer(status=202), Answer(status=202, headers={"Retry-After": "1"}), ready=Answer({"data": ids(0, 20)}))
)
CASES.add_anew("poll-answered-by-html", rows=20, at_most=4)(_polled(HTML, ready=Answer({"status": "done"})))
