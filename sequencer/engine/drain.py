"""What does whoever follows a hint do? The same under every engine: one pass over one shard, for some seconds."""

import logging
import time
from collections.abc import Sequence
from queue import SimpleQueue

from sequencer.app import App
from sequencer.engine.ending import Ending
from sequencer.engine.troubles import Troubles
from sequencer.flows import dispatch
from sequencer.flows.dispatch import Tick
from sequencer.store import shards

log = logging.getLogger(__name__)

BUDGET = 30.0  # seconds after which a pass over everybody stops claiming, so that confirmations come before old lessons
_PATIENCE, _GLANCE = 0.25, 0.05  # seconds for which a claim makes way for sign-ups at most, and between two looks
HINT_BUDGET = 5.0  # seconds after which whoever follows a hint looks for the next one: every shard has its turn


def drain(app: App, shard: int | None, *, ending: Ending, budget: float = HINT_BUDGET) -> Tick:
    """Send what is due in this shard (None: to everybody) until nothing is, the budget is used up, or the end begins.

    Safe to run at several places at once, for the same shard too: they share the work.
    """
    began = time.monotonic()
    until = began + budget
    with app.spans("tick", **({} if shard is None else {"shard": shard})):
        done = dispatch.tick(
            app.db,
            app.courier,
            app.press,
            now=app.look_at_clock(),
            stop=lambda: _make_way(app, ending) or time.monotonic() > until,
            end=ending.is_over,
            intent=app.settings.intent,
            apart=app.settings.apart,
            newsletter_share=app.settings.newsletter_share,
            shard=shard,
            low=app.marks.of(shard),
            journal=app.journal,
        )
    at = time.monotonic()
    app.pulse.passed(done, at=at, seconds=at - began)
    return done


def _make_way(app: App, ending: Ending) -> bool:
    """Before each claim, wait while many sign up in this process, but not for long; whether the ending has begun.

    Their visitors wait at a screen, and confirmations may come a moment later; what is claimed is sent all the same.
    """
    for _ in range(round(_PATIENCE / _GLANCE)):
        if not app.rush.is_on or ending.wait(_GLANCE):
            break
    return ending.has_begun()


def due(app: App) -> Sequence[int]:
    """The shards that are worth a hint now: where somebody is due, or all where somebody died who held messages."""
    now, every = app.look_at_clock(), range(shards.count(app.db))
    if dispatch.is_left_behind(app.db):
        return every
    times = [(shard, dispatch.next_due(app.db, shard)) for shard in every]
    return [shard for shard, at in times if at is not None and at <= now]


class Crew:
    """Those who drain in one process, as many at once as there are apps; none is used by two at a time.

    What goes wrong is told to the log, once for each kind of it; a pass that failed leaves its rows to their leases.
    """

    def __init__(self, app: App, *others: App, ending: Ending) -> None:
        self._ending = ending
        self._free: SimpleQueue[App] = SimpleQueue()
        self._troubles: dict[int, Troubles] = {}
        for one in (app, *others):
            self._free.put(one)

    def drain(self, shard: int) -> None:
        """One pass over this shard, by whoever is free. Raises nothing."""
        if self._ending.has_begun():
            return
        troubles = self._troubles.setdefault(shard, Troubles("drain", log, shard=shard))
        app = self._free.get()
        try:
            drain(app, shard, ending=self._ending)
        except Exception as error:  # noqa: BLE001 (told)
            troubles.tell(error)
        else:
            troubles.end()
        finally:
            self._free.put(app)
