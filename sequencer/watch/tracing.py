"""How does OpenTelemetry hear of the work? As spans, sent where its own variables (OTEL_…) say."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, Tracer

from sequencer import __version__
from sequencer.flows.spans import Spans

_EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


@contextmanager
def exported(spans: Spans) -> Iterator[None]:
    """What these spans tell is sent by OTLP over HTTP until this is left; then what remains is sent.

    Raises ModuleNotFoundError where the exporter is not installed.
    """
    exporter = import_module(_EXPORTER).OTLPSpanExporter()
    name = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "sequencer"}
    provider = TracerProvider(
        resource=Resource.create({**name, "service.version": __version__}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with told_to(provider.get_tracer("sequencer", __version__), spans):
        try:
            yield
        finally:
            provider.shutdown()


@contextmanager
def told_to(tracer: Tracer, spans: Spans) -> Iterator[None]:
    """As long as this is entered the tracer is told of these spans."""

    @contextmanager
    def told(name: str, beside: dict[str, int | str]) -> Iterator[None]:
        # What an exception says may be about a person: its kind is enough here, and the log has the rest.
        with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            for key, value in beside.items():
                span.set_attribute(f"sequencer.{key}", value)
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", type(error).__name__)
                raise

    before, spans.told = spans.told, told
    try:
        yield
    finally:
        spans.told = before
