"""With OpenTelemetry each step of a job is a span, and all of them are one trace; without it nothing happens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from redis import Redis

from config import settings as settings_of_product
from tests.fake_vendor import Answer, Vendor, preparing
from tests.in_process import World, world
from tests.source_files import POLL, SUBMIT, report, source
from worker import tracing
from worker.observe import configure_logging

pytestmark = pytest.mark.usefixtures("logging_as_before")

TOKEN = "a-token-nobody-may-see"
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SOURCE = source(
    report(submit={**SUBMIT, "is_repeatable": True}, poll=POLL), auth=[{"kind": "bearer", "token": "{token}"}]
)
WORKING, BUSY, DONE = {"status": "working"}, Answer({"error": "busy"}, status=503), {"status": "done"}

Start = Callable[[Vendor], World]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_provider", lambda: provider)
    return exporter


@pytest.fixture
def start(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    with ExitStack() as worlds:
        account = {"token": TOKEN}
        yield lambda vendor: worlds.enter_context(
            world(redis, tmp_path, SOURCE, vendor, monkeypatch, credentials=account)
        )


def test_all_steps_of_a_job_are_one_trace_and_say_whose_they_are(
    start: Start, spans: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("text", "info")
    made = start(preparing(WORKING, DONE))
    job = made.ask(traceparent=CALLER)
    assert made.run()["state"] == "done"
    created, *steps = spans.get_finished_spans()
    names = "report.submit report.poll report.poll report.paginate report.stream report.finalize".split()
    assert [created.name, *(step.name for step in steps)] == ["report.create", *names]
    assert created.parent
    assert f"{created.parent.span_id:016x}" in CALLER
    assert {f"{step.context.trace_id:032x}" for step in (created, *steps)} == {CALLER.split("-")[1]}
    assert {step.parent and step.parent.span_id for step in steps} == {created.context.span_id}
    stream = dict(steps[4].attributes or {})
    of = {"connection": "v", "report": "r", "job": job, "state": "streaming", "generation": 1, "page": 1}
    assert stream == {f"millrace.{name}": value for name, value in of.items()}
    assert "working" in str((steps[1].attributes or {})["millrace.waits_for"])
    assert {step.status.status_code for step in steps} == {StatusCode.UNSET}
    assert f"trace_id={CALLER.split('-')[1]}" in capsys.readouterr().err


def test_a_job_that_was_made_without_a_trace_begins_one_at_its_first_step(
    start: Start, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = start(preparing(DONE))
    with monkeypatch.context() as untraced:
        untraced.setattr(tracing, "_provider", lambda: None)
        made.ask(traceparent="no trace at all")
    assert made.job.traceparent is None
    made.run()
    first, *others = spans.get_finished_spans()
    assert (first.name, first.parent) == ("report.submit", None)
    assert {other.parent and other.parent.span_id for other in others} == {first.context.span_id}


def failures(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans() if span.status.status_code is StatusCode.ERROR}


def test_a_step_that_fails_or_is_tried_again_after_an_error_is_a_span_that_failed(
    start: Start, spans: InMemorySpanExporter
) -> None:
    refusal = Answer({"message": f"no, Authorization: Bearer {TOKEN}"}, status=400)
    made = start(preparing(BUSY, DONE, rows=refusal))
    made.ask()
    assert made.run()["state"] == "failed"
    found = failures(spans)
    assert set(found) == {"report.poll", "report.stream"}
    (event,) = found["report.stream"].events
    assert (event.name, (event.attributes or {})["exception.type"]) == ("exception", "FailJob")
    assert "503" in str(found["report.poll"].status.description)
    assert TOKEN not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_without_its_variables_nothing_of_it_is_imported(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    # None in place of a module makes every import of it fail.
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.setitem(sys.modules, name, None)
    tracing._provider.cache_clear()
    made = start(preparing(DONE))
    made.ask(traceparent=CALLER)
    assert made.run()["state"] == "done"
    assert made.job.traceparent == CALLER


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
)
def test_an_exporter_that_cannot_be_used_is_reported_and_hinders_nothing(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("text", "info")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    tracing._provider.cache_clear()
    with tracing.span("x", None, {}) as made:
        assert made.traceparent == ""
    assert value in capsys.readouterr().err
    tracing._provider.cache_clear()


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, "millrace"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_RESOURCE_ATTRIBUTES": "service.name=reports,x=1"}, "reports"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SERVICE_NAME": "reports"}, "reports"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "millrace"),
    ],
)
def test_spans_are_sent_under_the_name_that_a_file_of_variables_says(
    variables: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in variables:
        monkeypatch.setenv(variable, "")  # so that it is removed again
        monkeypatch.delenv(variable)
    (tmp_path / ".env").write_text("".join(f"{variable}={value}\n" for variable, value in variables.items()))
    monkeypatch.chdir(tmp_path)
    for cached in (settings_of_product._dotenv, tracing._provider):
        cached.cache_clear()
    provider = tracing._provider()
    for cached in (settings_of_product._dotenv, tracing._provider):
        cached.cache_clear()
    assert provider is not None
    provider.shutdown()
    assert provider.resource.attributes["service.name"] == name
