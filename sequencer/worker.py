"""Which flow runs how often? The metronome: APScheduler says "look now"; what is due is said by the rows."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from sequencer.app import App
from sequencer.errors import SequencerError
from sequencer.flows import dispatch

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks
GRACE = 6.0  # seconds for what is on the wire when we are told to stop; what has no answer then is uncertain
BUDGET = 30.0  # seconds after which a pass stops claiming, so that new confirmations come before old lessons


class Metronome:
    """Runs passes, one at a time, until it is stopped; stopping lets the pass that runs finish what is on the wire."""

    def __init__(self, app: App, *, every: float = EVERY) -> None:
        self._app = app
        self._every = every
        self._stopping = threading.Event()
        self._end_by = math.inf
        self._running = asyncio.Lock()
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def start(self) -> None:
        """Begin to look; needs a running event loop."""
        self._scheduler.add_job(self._look, "interval", seconds=self._every)
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop looking, and wait for the pass that runs: for its answers, some seconds at most."""
        # APScheduler cancels coroutine jobs when it shuts down: so no new ones first, then the last one's end.
        self._scheduler.pause()
        self._end_by = time.monotonic() + GRACE
        self._stopping.set()
        async with self._running:
            self._scheduler.shutdown(wait=False)

    async def _look(self) -> None:
        async with self._running:
            if not self._stopping.is_set():
                await asyncio.to_thread(self._pass)

    def _pass(self) -> None:
        app, until = self._app, time.monotonic() + BUDGET
        try:
            dispatch.tick(
                app.db,
                app.courier,
                app.press,
                now=app.clock(),
                stop=lambda: self._stopping.is_set() or time.monotonic() > until,
                end=lambda: time.monotonic() > self._end_by,
                intent=app.settings.intent,
                apart=app.settings.apart,
            )
        except SequencerError as error:
            log.error("tick.failed", extra={"reason": str(error)})  # noqa: TRY400 (said in one sentence)
        except Exception:
            # A pass that fails leaves its rows to their leases; the next pass must still come.
            log.exception("tick.failed")


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
