"""The events of Celery, as Flower shows them: each task ends like its job."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness import Stack, until
from tests.requests import KARGO as KARGO_PARAMS
from worker.broker import PREFIX

MEDIAMATH, KARGO = "mediamath.performance", "kargo.campaign-performance-metrics"


@contextmanager
def watching(stack: Stack) -> Iterator[list[dict[str, Any]]]:
    """The events of every worker while the block lasts, as they come."""
    heard: list[dict[str, Any]] = []
    with stack.app.connection() as connection:
        receiver = stack.app.events.Receiver(connection, handlers={"*": heard.append})
        is_up = threading.Event()
        watcher = threading.Thread(target=capture_until_told_to_stop, args=(receiver, is_up), daemon=True)
        watcher.start()
        is_up.wait()
        yield heard
        receiver.should_stop = True
        watcher.join()


def capture_until_told_to_stop(receiver: Any, is_up: threading.Event) -> None:
    for _ in receiver.itercapture(limit=None, timeout=None, wakeup=True):
        is_up.set()
        break
    is_up.set()
    while not receiver.should_stop:
        try:
            receiver.capture(limit=None, timeout=0.2, wakeup=False)
        except TimeoutError:
            continue


def ends_of(heard: list[dict[str, Any]], job: str) -> dict[str, list[dict[str, Any]]]:
    """The events of one job's tasks, by their kind; the names and arguments come with those received."""
    tasks = {event["uuid"]: event["name"] for event in list(heard) if job in event.get("args", "")}
    found: dict[str, list[dict[str, Any]]] = {}
    for event in list(heard):
        if event.get("uuid") in tasks:
            found.setdefault(event["type"], []).append({**event, "name": tasks[event["uuid"]]})
    return found


def test_the_step_that_ends_a_job_as_failed_fails_with_the_job_and_the_reason(stack: Stack) -> None:
    stack.dial({"vendor": "kargo", "kind": "error_status", "args": {"text": "no such measure"}})
    with watching(stack) as heard:
        job = stack.ask(KARGO, "stream:events-failed")
        stack.receipt(job)
        (failed,) = until(lambda: ends_of(heard, job).get("task-failed"), "the task's failure")
    assert failed["name"] == "report.poll"
    assert f"job {job} failed" in failed["exception"]
    assert "no such measure" in failed["exception"]


def test_a_step_that_will_be_tried_again_says_why_and_results_say_what_came(stack: Stack) -> None:
    stack.vendors_are(polls_until_ready=3)
    with watching(stack) as heard:
        job = stack.ask(KARGO, "stream:events-done")
        rows = stack.receipt(job)["rows"]

        def results() -> dict[str, str]:
            return {event["name"]: event["result"] for event in ends_of(heard, job).get("task-succeeded", [])}

        # The workers' events come in any order.
        until(lambda: {"report.stream", "report.finalize"} <= set(results()), "the last tasks' ends")
        ends = ends_of(heard, job)
    assert "the vendor says" in ends["task-retried"][0]["exception"]
    assert "task-failed" not in ends
    assert f"done: {rows:,} rows" in results()["report.finalize"]
    assert "rows" in results()["report.stream"]


def test_parameters_are_never_in_a_message(stack: Stack) -> None:
    def consumers() -> int:
        return int(stack.redis.info("clients")["blocked_clients"])

    until(lambda: consumers() >= 2, "both workers waiting for messages")
    stack.workers.kill("control")
    # Until the server has seen it go, the dead worker may still be handed a message.
    until(lambda: consumers() == 1, "the worker's end")
    job = stack.ask(KARGO, "stream:quiet", params={**KARGO_PARAMS, "dimensions": ["publisher_name"]})
    messages = [json.loads(message) for message in stack.redis.lrange(f"{PREFIX}control", 0, -1)]
    (ours,) = [one for one in messages if job in one["headers"]["argsrepr"]]
    # The transport wraps the body once more.
    text = json.dumps(ours) + b64decode(ours["body"]).decode()
    assert job in b64decode(ours["body"]).decode()
    assert "publisher_name" not in text
    assert "not-a-secret" not in text
