"""Is OpenTelemetry told of the work, one part within another, and of nobody's address?"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import pytest
from door import Door
from house import EIGHT, House, small_course
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from relay import ChaosRelay

from sequencer.delivery.courier import SmtpCourier
from sequencer.engine.drain import drain
from sequencer.engine.ending import Ending
from sequencer.errors import BadSettings
from sequencer.flows.spans import Spans
from sequencer.store.database import Database
from sequencer.watch import tracing
from sequencer.watch.door import watched
from sequencer.web import asgi

ANN, BEN = "ann@example.org", "ben@example.org"


@dataclass
class Heard:
    """What OpenTelemetry was told."""

    spans: Spans
    exporter: InMemorySpanExporter

    @property
    def finished(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def parents(self) -> set[tuple[str, str]]:
        """The name of each span, with the name of the one around it."""
        names = {one.context.span_id: one.name for one in self.finished}
        return {(one.name, names[one.parent.span_id] if one.parent else "") for one in self.finished}


@pytest.fixture
def heard() -> Iterator[Heard]:
    """A tracer that keeps what it is told."""
    exporter, provider, spans = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False), Spans()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tracing.told_to(provider.get_tracer("test"), spans):
        yield Heard(spans, exporter)
    assert spans.told is None
    provider.shutdown()


def test_a_pass_is_a_tick_with_a_round_of_claims_and_commits_in_it(house: House, heard: Heard) -> None:
    house.publish(small_course())
    house.join(ANN)
    house.join(BEN)
    door = Door(house)
    door.now = EIGHT
    with ChaosRelay() as relay:
        courier = SmtpCourier(relay.settings(), span=heard.spans)
        app = replace(door.app, courier=courier, spans=heard.spans)
        assert drain(app, None, ending=Ending()).accepted == 2
    assert heard.parents() == {("tick", ""), ("send", "tick"), ("claim", "send"), ("settle", "send")}
    settled = [dict(one.attributes or {}) for one in heard.finished if one.name == "settle"]
    count = Counter[str]()
    for one in settled:
        count.update({key: int(str(value)) for key, value in one.items()})
    assert count == {"sequencer.intents": 2, "sequencer.outcomes": 2}
    assert "@" not in "".join(one.to_json() for one in heard.finished)


def test_a_request_is_told_of_by_the_first_part_of_its_path_alone(house: House, heard: Heard) -> None:
    house.publish(small_course())
    house.join(ANN)
    token = house.token(ANN, "confirm")
    site = asgi.build(replace(Door(house).app, spans=heard.spans))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=site)
        async with httpx.AsyncClient(transport=transport, base_url="https://mail.example.org") as client:
            return await client.get(f"/confirm/{token}")

    assert asyncio.run(ask()).status_code == 200
    (span,) = [one for one in heard.finished if one.name == "request"]
    assert dict(span.attributes or {}) == {"sequencer.method": "GET", "sequencer.path": "/confirm"}
    assert token not in span.to_json()


def test_what_fails_is_told_with_its_kind_and_without_its_words(heard: Heard) -> None:
    with pytest.raises(ValueError, match="nothing for ann"), heard.spans("tick"):
        raise ValueError(f"nothing for {ANN}")
    (span,) = heard.finished
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert ANN not in span.to_json()


def test_nothing_is_told_and_nothing_is_read_where_it_is_off() -> None:
    with Spans()("tick", places=3):
        pass
    words = "import sys, sequencer.cli.serve; sys.exit(any('opentelemetry' in one for one in sys.modules))"
    subprocess.run([sys.executable, "-c", words], check=True)  # noqa: S603 (ourselves)


def test_a_package_that_is_missing_is_said_in_a_sentence(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    app = Door(House(sqlite_db), otel=True).app
    with pytest.raises(BadSettings) as caught, watched(app):
        pass
    assert str(caught.value) == (
        'The option "otel" needs a package that is not installed '
        "(opentelemetry.exporter.otlp.proto.http.trace_exporter); run pip install 'sequencer[otel]'."
    )
    assert app.spans.told is None
