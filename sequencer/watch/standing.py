"""How does everything stand at the moment of a scrape? The queue, what is paused, relays, and the database."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sequencer import app as wiring
from sequencer.app import App
from sequencer.delivery.courier import SmtpCourier
from sequencer.errors import SequencerError
from sequencer.flows import queue
from sequencer.flows.queue import Status
from sequencer.store.pauses import Scope


class Standing(Collector):
    """Looks everything up anew for each scrape; nothing is asked while the database does not answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing beforehand: else the database would be asked at the start."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges of this moment."""
        app = self._app
        try:
            found = queue.status(app.db, now=app.clock())
        except SequencerError:
            found = None
        is_ready = not wiring.unready(app, at=time.monotonic())
        yield _gauge("sequencer_database_up", "Whether the database answers.", found is not None)
        yield _gauge("sequencer_ready", "Whether /readyz says so.", is_ready)
        yield _gauge("sequencer_database_connections_in_use", "Connections to it in use.", app.db.connections_in_use)
        if app.shared is not None:
            ahead = app.shared.ahead.total_seconds()
            yield _gauge("sequencer_clock_ahead_seconds", "How far this machine's clock is ahead.", ahead)
        if found is not None:
            yield from _of_queue(found)
        if isinstance(app.courier, SmtpCourier):
            yield from _of_relays(app.courier)


def _of_queue(found: Status) -> Iterator[GaugeMetricFamily]:
    lessons, held = found.lessons, found.held
    yield _gauge("sequencer_lessons_due", "People whose lesson is due, 100,000 at most.", lessons.due.number)
    yield _gauge("sequencer_lessons_due_within_hour", "… and within an hour.", lessons.hour.number)
    yield _gauge("sequencer_lessons_lag_seconds", "For how long the first is due.", lessons.lag.total_seconds())
    waiting = GaugeMetricFamily(
        "sequencer_messages_waiting", "Messages that wait in the ledger.", labels=("kind", "state")
    )
    for row in found.waiting:
        waiting.add_metric((row.kind, row.state), row.number)
    yield waiting
    holding = GaugeMetricFamily("sequencer_messages_held", "Messages in senders' hands.", labels=("state",))
    holding.add_metric(("claimed",), held.claimed)
    holding.add_metric(("sending",), held.sending)
    yield holding
    yield _gauge("sequencer_leases_expired", "Messages that outlived their lease.", held.expired)
    yield _gauge("sequencer_messages_uncertain", "Messages of unknown fate.", found.uncertain.number)
    yield _gauge("sequencer_messages_on_hold", "… that wait for an admin.", found.on_hold)
    paused = GaugeMetricFamily("sequencer_paused", "What an admin has paused.", labels=("scope",))
    number = Counter(one.scope for one in found.still)
    for scope in Scope:
        paused.add_metric((scope,), number[scope])
    yield paused


def _of_relays(courier: SmtpCourier) -> Iterator[GaugeMetricFamily]:
    allowed = GaugeMetricFamily(
        "sequencer_relay_connections_allowed", "Connections that may be open.", labels=("relay",)
    )
    closed = GaugeMetricFamily("sequencer_relay_left_alone", "Whether it is left alone for now.", labels=("relay",))
    for one in courier.conditions():
        allowed.add_metric((one.name,), one.connections)
        closed.add_metric((one.name,), one.left_alone)
    yield allowed
    yield closed


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=float(value))
