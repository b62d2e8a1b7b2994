"""What is counted in this process, and what does a scrape look up? Metrics as Prometheus reads them.

Counting hangs on what happens anyway: each event of the log, each pass, each transaction. Nothing here is named after a
person; labels are kinds, outcomes, verdicts, relays and events, all of which the code or the settings name.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.registry import Collector

from sequencer import __version__
from sequencer.app import App
from sequencer.flows.dispatch import Tick
from sequencer.store import timing
from sequencer.watch.standing import Standing

_EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
_OUTCOMES = ("delivery.accepted", "delivery.deferred", "delivery.rejected", "delivery.uncertain")
_PASS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120)
_TRANSACTION = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class Meter:
    """The counters of one process, in a registry of their own."""

    def __init__(self, app: App) -> None:
        self.registry = CollectorRegistry()
        self._clock = app.clock
        registry = self.registry
        self._claims = Counter("sequencer_claims", "Messages that were claimed.", registry=registry)
        self._recovered = Counter("sequencer_recovered", "Messages taken back from dead senders.", registry=registry)
        self._deliveries = Counter(
            "sequencer_deliveries",
            "Attempts that are settled, by what was sent, how it ended, and by which relay.",
            ("kind", "outcome", "relay"),
            registry=registry,
        )
        self._signups = Counter("sequencer_signups", "Sign-ups, by verdict.", ("verdict",), registry=registry)
        self._events = Counter("sequencer_events", "Events of the log.", ("event", "level"), registry=registry)
        self._passes = Histogram("sequencer_pass_seconds", "Passes that went well.", buckets=_PASS, registry=registry)
        self._last = Gauge(
            "sequencer_pass_last_success_timestamp_seconds", "When the last pass went well.", registry=registry
        )
        self._transactions = Histogram(
            "sequencer_database_transaction_seconds",
            "Transactions, from their beginning to the end of their commit.",
            ("kind",),
            buckets=_TRANSACTION,
            registry=registry,
        )
        build = Gauge("sequencer_build_info", "Which program this is.", ("version", "database"), registry=registry)
        build.labels(__version__, "sqlite" if app.db.is_sqlite else "postgresql").set(1)
        collectors: tuple[Collector, ...] = (Standing(app),)
        for one in collectors:
            registry.register(one)
        ProcessCollector(registry=registry)

    def passed(self, tick: Tick, seconds: float) -> None:
        """A pass has gone well."""
        self._claims.inc(tick.claimed)
        self._recovered.inc(tick.recovered)
        self._passes.observe(seconds)
        self._last.set(self._clock().timestamp())

    def transacted(self, kind: str, seconds: float) -> None:
        """A transaction has ended."""
        self._transactions.labels(kind).observe(seconds)

    def logged(self, record: logging.LogRecord) -> None:
        """Something has happened, and was told to the log."""
        event, fields = record.getMessage(), vars(record)
        if not _EVENT.fullmatch(event):
            return
        self._events.labels(event, record.levelname.lower()).inc()
        if event in _OUTCOMES:
            outcome = event.removeprefix("delivery.")
            self._deliveries.labels(fields["kind"], outcome, fields["relay"] or "none").inc()
        elif event in ("signup.taken", "signup.held_up"):
            self._signups.labels(fields["verdict"]).inc()


class _Ear(logging.Handler):
    def __init__(self, meter: Meter) -> None:
        super().__init__(logging.INFO)
        self._meter = meter

    def emit(self, record: logging.LogRecord) -> None:
        self._meter.logged(record)


@contextmanager
def counting(app: App) -> Iterator[Meter]:
    """A meter that counts what happens in this process for as long as this is entered."""
    meter = Meter(app)
    ours, ear = logging.getLogger("sequencer"), _Ear(meter)
    before = app.pulse.heard
    with ExitStack() as undo:
        undo.enter_context(timing.timed(app.db, meter.transacted))
        ours.addHandler(ear)
        undo.callback(ours.removeHandler, ear)
        app.pulse.heard = meter.passed
        try:
            yield meter
        finally:
            app.pulse.heard = before
