"""Which flow runs how often? The metronome: APScheduler says "look now"; what is due is said by the rows.

Every process has a metronome of its own, in memory, and none of them leads: two that tick say the same thing twice.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from sequencer import __version__
from sequencer import app as wiring
from sequencer.app import App
from sequencer.core import schedule
from sequencer.engine import drain
from sequencer.engine.ending import Ending
from sequencer.engine.port import Engine
from sequencer.engine.troubles import Troubles, tell
from sequencer.errors import SequencerError
from sequencer.flows import calling, roster, zones
from sequencer.flows.roster import Post

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks
# After how many new objects the collector of garbage looks through the young ones, and how many of these looks later
# through the older and the oldest.
_LOOKS = (10_000, 20, 50)
TIDY = 3600.0  # seconds between two upkeeps; the first comes after a sixtieth of that, as a start has other worries
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux: another one after each start of the machine
_LEAP = timedelta(seconds=1)  # by which the machine's clock may be set back unnoticed
SWEEP = 30.0  # seconds between two looks for hints whose worker is dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What is done every so many seconds, one at a time; the first time after `first`, or else after `every`."""

    what: str
    every: float
    call: Callable[[Ending], object]
    first: float | None = None


def _wall() -> datetime:
    return datetime.now(UTC)


class Metronome:
    """Runs its beats until it is stopped; stopping lets those that run finish what they are at.

    `wall` is the machine's clock. Where that is set back nothing waits for the old hour to come again.
    """

    def __init__(
        self, app: App, *beats: Beat, ending: Ending | None = None, wall: Callable[[], datetime] = _wall
    ) -> None:
        self._pulse = app.pulse
        self._wall = wall
        self._ending = ending or Ending()
        self._running = [(beat, asyncio.Lock(), Troubles(beat.what, log)) for beat in beats]
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def start(self) -> None:
        """Begin to look; needs a running event loop."""
        for beat, turn, troubles in self._running:
            first = _wall() + timedelta(seconds=beat.every if beat.first is None else beat.first)
            call = partial(self._beat, beat, turn, troubles)
            self._scheduler.add_job(call, "interval", seconds=beat.every, next_run_time=first)
        self._scheduler.start()
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop looking, and wait for what runs: for its answers, some seconds at most."""
        # APScheduler cancels coroutine jobs when it shuts down: so no new ones first, then the last one's end.
        self._watching.cancel()
        self._scheduler.pause()
        self._pulse.stop()
        self._ending.begin()
        for _, turn, _ in self._running:
            await turn.acquire()
        self._scheduler.shutdown(wait=False)

    async def _watch(self) -> None:
        """APScheduler goes by the machine's clock, which somebody may set back: by ours no second is longer."""
        while True:
            before, began = self._wall(), time.monotonic()
            await asyncio.sleep(EVERY)
            if self._wall() - before < timedelta(seconds=time.monotonic() - began) - _LEAP:
                for job in self._scheduler.get_jobs():
                    if job.next_run_time - _wall() > job.trigger.interval:
                        job.modify(next_run_time=_wall())

    async def _beat(self, beat: Beat, turn: asyncio.Lock, troubles: Troubles) -> None:
        async with turn:
            if self._ending.has_begun():
                return
            try:
                await asyncio.to_thread(beat.call, self._ending)
            except Exception as error:  # noqa: BLE001 (told)
                # A pass that fails leaves its rows to their leases; the next pass must still come.
                troubles.tell(error)
            else:
                troubles.end()


def all_in_one(app: App, *others: Beat, every: float = EVERY, tidy: float = TIDY) -> Metronome:
    """Sends, tells other programs what happened, and tidies up: everything that one process does beside the web door.

    What is sent are passes over everybody, so that new confirmations come before old lessons.
    """
    tick = Beat(
        what="tick", every=every, call=lambda ending: drain.drain(app, None, ending=ending, budget=drain.BUDGET)
    )
    app.pulse.beat(time.monotonic())
    return Metronome(app, tick, *_housekeeping(app, every=every, tidy=tidy), *others)


def of_clock(
    app: App, engine: Engine | None, *others: Beat, ending: Ending, every: float = EVERY, tidy: float = TIDY
) -> Metronome:
    """Gives hints where an engine carries them, tells other programs what happened, and tidies up; sends nothing."""
    hints = _hints(app, engine, every=every) if engine is not None else ()
    return Metronome(app, *hints, *_housekeeping(app, every=every, tidy=tidy), *others, ending=ending)


def of_worker(app: App, engine: Engine, *others: Beat, ending: Ending, every: float = EVERY) -> Metronome:
    """Gives hints, so that mail goes out for as long as one worker lives, whatever becomes of the clocks."""
    app.pulse.beat(time.monotonic())
    return Metronome(app, *_hints(app, engine, every=every), *others, ending=ending)


def _hints(app: App, engine: Engine, *, every: float) -> tuple[Beat, ...]:
    return (
        Beat(what="hint", every=every, call=lambda _: _hint(app, engine), first=0),
        Beat(what="sweep", every=SWEEP, call=lambda _: _sweep(engine)),
    )


def _hint(app: App, engine: Engine) -> None:
    engine.hint(drain.due(app))
    if app.pulse.last is not None:
        # Of those who send: whoever finds nothing to do, or finds others at it, is well.
        app.pulse.beat(time.monotonic())


def _sweep(engine: Engine) -> None:
    if dropped := engine.sweep_stalled():
        log.warning("hint.stalled", extra={"dropped": dropped})


def _housekeeping(app: App, *, every: float, tidy: float) -> tuple[Beat, ...]:
    return (
        # What was posted and not settled is posted again when its lease is over, with the id that it had.
        Beat(
            what="hooks",
            every=every,
            call=lambda ending: calling.call_all(app.db, app.caller, clock=app.clock, stop=ending.has_begun),
        ),
        # Every step that was done is done, and the others come with the next hour.
        Beat(
            what="upkeep",
            every=tidy,
            call=lambda ending: wiring.tidy(app, now=app.clock(), stop=ending.has_begun),
            first=tidy / 60,
        ),
    )


def this_process(kind: str, *, engine: str = "", concurrency: int = 1) -> Post:
    """What the roster says of the process that asks: the command that it runs, and where."""
    return Post(
        kind=kind,
        engine=engine,
        concurrency=concurrency,
        host=socket.gethostname(),
        boot_id=_BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else "",
        pid=os.getpid(),
        version=__version__,
    )


class Attendance:
    """One process on the roster, for as long as this is entered."""

    def __init__(self, app: App, post: Post) -> None:
        self._app = app
        self._db = app.db
        self._post = post
        self._zones_read = time.monotonic()
        self.id = roster.enter(app.db, post)

    def beat(self, _ending: Ending) -> None:
        """We are still here. Who was taken off the roster meanwhile comes back to it."""
        # Doors have no passes, and workers no upkeep: so their clock and the rules of zones are looked at here.
        self._app.look_at_clock()
        if time.monotonic() - self._zones_read > zones.FRESH:
            schedule.forget_zones()
            self._zones_read = time.monotonic()
        ahead = self._app.shared.ahead if self._app.shared is not None else None
        if not roster.beat(self._db, self.id, self._post, clock_ahead=ahead):
            self.id = roster.enter(self._db, self._post)

    def leave(self) -> None:
        """We are done; where even that cannot be written down, we are soon listed as silent."""
        try:
            roster.leave(self._db, self.id, self._post)
        except SequencerError as error:
            tell(log, "roster.failed", error)


@asynccontextmanager
async def attending(app: App, post: Post) -> AsyncIterator[Beat]:
    """On the roster, with the beat that keeps us there."""
    attendance = await asyncio.to_thread(Attendance, app, post)
    try:
        yield Beat(what="roster", every=roster.BEAT, call=attendance.beat)
    finally:
        await asyncio.to_thread(attendance.leave)


def beside(
    app: App, post: Post, make: Callable[[Beat], Metronome]
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """A metronome as something that runs for as long as the web door is open."""

    @asynccontextmanager
    async def running(_site: object) -> AsyncIterator[None]:
        async with attending(app, post) as beat:
            metronome = make(beat)
            metronome.start()
            try:
                yield
            finally:
                await metronome.stop()

    return running


def keep_what_is_loaded() -> None:
    """What is loaded by now stays: the collector of garbage does not look through it again and again.

    Nor through what is made since as often as usual: a batch of messages, or many who sign up at once, are thousands of
    small things, and what dies young is found all the same.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_LOOKS)


async def run(
    app: App, post: Post, make: Callable[[Beat], Metronome], work: Callable[[], object], *, ending: Ending
) -> None:
    """A process without a web door: `work` runs beside a metronome until SIGTERM or SIGINT begins the ending."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.begin)
    keep_what_is_loaded()
    async with attending(app, post) as beat:
        metronome = make(beat)
        metronome.start()
        try:
            await asyncio.to_thread(work)
        finally:
            await metronome.stop()
