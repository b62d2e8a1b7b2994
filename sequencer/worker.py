"""Which flow runs how often? The metronome: APScheduler says "look now"; what is due is said by the rows."""

import asyncio
import logging
import math
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from sequencer import app as wiring
from sequencer.app import App
from sequencer.errors import SequencerError
from sequencer.flows import calling, dispatch, upkeep

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks
GRACE = 6.0  # seconds for what is on the wire when we are told to stop; what has no answer then is uncertain
TIDY = 3600.0  # seconds between two upkeeps; the first comes after a sixtieth of that, as a start has other worries
BUDGET = 30.0  # seconds after which a pass stops claiming, so that new confirmations come before old lessons

# The same trouble comes with other numbers each time: processes, addresses in memory, milliseconds.
_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")


class Metronome:
    """Runs passes, one at a time, until it is stopped; stopping lets the pass that runs finish what is on the wire.

    Beside them it tells other programs what happened, and every hour it tidies up.
    """

    def __init__(self, app: App, *, every: float = EVERY, tidy: float = TIDY) -> None:
        self._app = app
        self._every = every
        self._tidy_every = tidy
        self._stopping = threading.Event()
        self._end_by = math.inf
        self._running = asyncio.Lock()
        self._tidying = asyncio.Lock()
        self._telling = asyncio.Lock()
        self._trouble = _Trouble("tick")
        self._hook_trouble = _Trouble("hooks")
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def start(self) -> None:
        """Begin to look; needs a running event loop."""
        self._app.pulse.beat(time.monotonic())
        self._scheduler.add_job(self._look, "interval", seconds=self._every)
        self._scheduler.add_job(self._tell_hooks, "interval", seconds=self._every)
        first = datetime.now(UTC) + timedelta(seconds=self._tidy_every / 60)
        self._scheduler.add_job(self._tidy, "interval", seconds=self._tidy_every, next_run_time=first)
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop looking, and wait for the pass that runs: for its answers, some seconds at most."""
        # APScheduler cancels coroutine jobs when it shuts down: so no new ones first, then the last one's end.
        self._scheduler.pause()
        self._app.pulse.stop()
        self._end_by = time.monotonic() + GRACE
        self._stopping.set()
        async with self._running, self._tidying, self._telling:
            self._scheduler.shutdown(wait=False)

    async def _look(self) -> None:
        async with self._running:
            if not self._stopping.is_set():
                await asyncio.to_thread(self._pass)

    async def _tidy(self) -> None:
        async with self._tidying:
            if not self._stopping.is_set():
                await asyncio.to_thread(self._upkeep)

    async def _tell_hooks(self) -> None:
        async with self._telling:
            if not self._stopping.is_set():
                await asyncio.to_thread(self._calls)

    def _calls(self) -> None:
        app = self._app
        try:
            calling.call_all(app.db, app.caller, clock=app.clock, stop=self._stopping.is_set)
        except Exception as error:  # noqa: BLE001 (told)
            # What was posted and not settled is posted again when its lease is over, with the id that it had.
            self._hook_trouble.tell(error)
        else:
            self._hook_trouble.end()

    def _upkeep(self) -> None:
        app = self._app
        try:
            upkeep.tidy(app.db, wiring.terms(app.settings), now=app.clock(), stop=self._stopping.is_set)
        except Exception as error:  # noqa: BLE001 (told)
            # Every step that was done is done, and the others come with the next hour.
            _tell("upkeep.failed", error)

    def _pass(self) -> None:
        app, began = self._app, time.monotonic()
        until = began + BUDGET
        try:
            done = dispatch.tick(
                app.db,
                app.courier,
                app.press,
                now=app.clock(),
                stop=lambda: self._stopping.is_set() or time.monotonic() > until,
                end=lambda: time.monotonic() > self._end_by,
                intent=app.settings.intent,
                apart=app.settings.apart,
                low=app.marks.of(),
            )
        except Exception as error:  # noqa: BLE001 (told)
            # A pass that fails leaves its rows to their leases; the next pass must still come.
            self._trouble.tell(error)
        else:
            at = time.monotonic()
            app.pulse.passed(done, at=at, seconds=at - began)
            self._trouble.end()


class _Trouble:
    """What makes passes fail: each kind of it is told once until it is over, not at every look, and then its end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told: set[tuple[type[Exception], str]] = set()
        self._looks = 0

    def tell(self, error: Exception) -> None:
        """A pass has failed."""
        self._looks += 1
        kind = (type(error), _NUMBER.sub("", str(error)))
        if kind not in self._told:
            self._told.add(kind)
            _tell(f"{self._what}.failed", error)

    def end(self) -> None:
        """A pass has gone well."""
        if self._told:
            log.warning("%s.recovered", self._what, extra={"failed": self._looks})
            self._told.clear()
            self._looks = 0


def _tell(event: str, error: Exception) -> None:
    """Ours are said in one sentence; anything else is a bug, with its traceback."""
    log.error(event, extra={"reason": str(error)}, exc_info=None if isinstance(error, SequencerError) else error)


def beside(app: App, *, every: float = EVERY) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """The metronome as something that runs for as long as the web door is open."""

    @asynccontextmanager
    async def running(_site: object) -> AsyncIterator[None]:
        metronome = Metronome(app, every=every)
        metronome.start()
        try:
            yield
        finally:
            await metronome.stop()

    return running
