"""Spans for OpenTelemetry, if `millrace[otel]` is installed and OpenTelemetry's variables ask for them.

OpenTelemetry is imported when a process makes its first span. Its standard variables configure the rest: where spans
are sent (`OTEL_EXPORTER_OTLP_ENDPOINT`, headers, certificates), which ones (`OTEL_TRACES_SAMPLER`) and under which
name (`OTEL_SERVICE_NAME`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from config.settings import share_variables, variable
from worker.observe import Event, log, mask_credentials

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

WANTED_BY = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
FLUSH_MILLISECONDS = 5_000
SERVICE = "millrace"

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Span:
    """An open span. Without tracing, every method does nothing."""

    def __init__(self, made: trace.Span | None = None) -> None:
        self._made = made
        self._has_failed = False

    @property
    def traceparent(self) -> str:
        """The header by which another span becomes its child (W3C Trace Context); empty if there is no tracing."""
        if self._made is None:
            return ""
        context = self._made.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def set(self, name: str, value: str | int) -> None:
        """Set one attribute; its name begins with `millrace.`."""
        if self._made is not None:
            self._made.set_attribute(f"{SERVICE}.{name}", value)

    def fail(self, error: BaseException) -> None:
        """Mark the span as failed by this error, with credentials masked in its message.

        Only the first error is recorded, because it caused the later ones.
        """
        if self._made is None or self._has_failed:
            return
        self._has_failed = True
        from opentelemetry.trace import StatusCode

        kind, message = type(error).__name__, mask_credentials(str(error))
        # Not `record_exception`: it would send the message as it is, and a traceback with it.
        self._made.add_event("exception", {"exception.type": kind, "exception.message": message})
        self._made.set_attribute("error.type", kind)
        self._made.set_status(StatusCode.ERROR, message)


@contextmanager
def span(name: str, parent: str | None, attributes: Mapping[str, str | int]) -> Iterator[Span]:
    """A span that lasts as long as the block: a child of the `traceparent` given, or the first of a new trace.

    An exception that leaves the block is not recorded: the caller knows whether it is an error, see `Span.fail`.
    """
    tracer = _tracer()
    if tracer is None:
        yield Span()
        return
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({"traceparent": parent}, Context()) if parent else Context()
    named = {f"{SERVICE}.{key}": value for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name, context, attributes=named, record_exception=False, set_status_on_exception=False
    ) as made:
        yield Span(made)


def valid_traceparent(traceparent: str | None) -> str | None:
    """The header if it is valid, else None: the standard says that a malformed one is ignored."""
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


def is_wanted() -> bool:
    """Do the environment variables ask for spans?"""
    return any(variable(name) for name in WANTED_BY) and variable("OTEL_TRACES_EXPORTER") != "none"


def flush() -> None:
    """Send the recorded spans, within seconds: for a process that is about to end without running exit handlers."""
    # Tracing that was never started is not started just to be flushed.
    if _provider.cache_info().currsize and (provider := _provider()):
        provider.force_flush(FLUSH_MILLISECONDS)


def _tracer() -> trace.Tracer | None:
    provider = _provider()
    return None if provider is None else provider.get_tracer(SERVICE)


@cache
def _provider() -> TracerProvider | None:
    """The tracer provider of this process; None if no variable asks for spans, or it cannot be made (it is logged)."""
    if not is_wanted():
        return None
    share_variables("OTEL_")
    try:
        return _build_provider()
    except ImportError as missing:
        log.warning(Event.NO_TRACES, why=f"{missing.name} is not installed: pip install 'millrace[otel]'")
    except ValueError as wrong:
        log.warning(Event.NO_TRACES, why=f"a variable of OpenTelemetry cannot be used: {wrong}")
    return None


def _build_provider() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    exporter = variable("OTEL_TRACES_EXPORTER") or "otlp"
    protocol = variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or variable("OTEL_EXPORTER_OTLP_PROTOCOL")
    if exporter not in ("otlp", "console"):
        raise ValueError(f"OTEL_TRACES_EXPORTER: {exporter!r}; otlp, console and none are possible")
    if exporter == "otlp" and protocol not in (None, "http/protobuf"):
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol!r}; only http/protobuf is possible")
    # A name from OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES goes before ours.
    is_named = variable("OTEL_SERVICE_NAME") or "service.name=" in (variable("OTEL_RESOURCE_ATTRIBUTES") or "")
    provider = TracerProvider(resource=Resource.create({} if is_named else {SERVICE_NAME: SERVICE}))
    provider.add_span_processor(
        BatchSpanProcessor(ConsoleSpanExporter() if exporter == "console" else OTLPSpanExporter())
    )
    return provider
