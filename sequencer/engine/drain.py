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
from sequencer.flows.ledger import BATCH
from sequencer.store import shards

log = logging.getLogger(__name__)

BUDGET = 30.0  # seconds after which a pass over everybody stops claiming, so that confirmations come before old lessons
# While many sign up, sending has this part of the time at most, so that visitors hear at once: before a claim it waits
# for so many seconds, at least and at most, and looks so often whether it still has to.
_SHARE, _LEAST, _MOST, _GLANCE = 1 / 20, 0.25, 0.5, 0.05
_FEW = 20  # messages at once then
HINT_BUDGET = 5.0  # seconds after which whoever follows a hint looks for the next one: every shard has its turn


def drain(app: App, shard: int | None, *, ending: Ending, budget: float = HINT_BUDGET) -> Tick:
    """Send what is due in this shard (None: to everybody) until nothing is, the budget is used up, or the end begins.

    Safe to run at several places at once, for the same shard too: they share the work.
    """
    began = time.monotonic()
    until, courtesy = began + budget, _Courtesy(app, ending)
    with app.spans("tick", **({} if shard is None else {"shard": shard})):
        done = dispatch.tick(
            app.db,
            app.courier,
            app.press,
            now=app.look_at_clock(),
            stop=lambda: courtesy.is_last() or time.monotonic() > until,
            end=ending.is_over,
            intent=app.settings.intent,
            apart=app.settings.apart,
            newsletter_share=app.settings.newsletter_share,
            most=courtesy.most,
            shard=shard,
            low=app.marks.of(shard),
            journal=app.journal,
        )
    at = time.monotonic()
    app.pulse.passed(done, at=at, seconds=at - began)
    return done


class _Courtesy:
    """What is asked before each claim of a pass, which makes way while many sign up in this process.

    Their visitors wait at a screen, and confirmations may come a moment later; what is claimed is sent all the same.
    """

    def __init__(self, app: App, ending: Ending) -> None:
        self._rush, self._ending = app.rush, ending
        self._since = time.monotonic()

    def most(self) -> int:
        """How many to claim at once: few, while each that is sent keeps a visitor waiting."""
        return _FEW if self._rush.is_on else BATCH

    def is_last(self) -> bool:
        """Whether the ending has begun; the answer comes when it is our turn."""
        worked = time.monotonic() - self._since
        pause = min(max(worked / _SHARE - worked, _LEAST), _MOST)
        for _ in range(round(pause / _GLANCE)):
            if not self._rush.is_on or self._ending.wait(_GLANCE):
                break
        self._since = time.monotonic()
        return self._ending.has_begun()


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
