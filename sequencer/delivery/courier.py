"""Who carries messages from the ledger to the relays? Shares them out, keeps connections busy, commits in groups.

The flows see plain calls; the sockets are asynchronous inside. Intents and outcomes of all connections that wait at
the same moment go into one transaction, so that the price of a commit is shared.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol, TypeVar

from sequencer.core import limits
from sequencer.core.limits import Rest
from sequencer.core.model import Deferred, DeliveryId, Outcome, Parcel, Report, Ticket
from sequencer.core.rates import Grant, Turn
from sequencer.delivery.connect import open_session, token_source
from sequencer.delivery.oauth import TokenSource
from sequencer.delivery.session import NO_SMTPUTF8
from sequencer.delivery.throttle import Throttle
from sequencer.delivery.way import Lane, Way
from sequencer.relays import Relay

# Turns of the event loop that a commit waits: whoever has an answer by now reads it, takes the next message and joins.
_TURNS = 3
_LATELY = 100  # messages after which what a relay was given counts for half
_GLANCE = 0.25  # seconds between two looks whether the round must end
_LOOK = 4  # glances after which an admin's pauses are looked at anew, and who has pressed a button meanwhile
_MOST_PRESSED = 10
_PATIENCE = 2.0  # seconds for which the others wait while a relay is being connected to
_SOON = timedelta(minutes=1)  # until somebody else has room for who needs SMTPUTF8
_MOST = 400  # messages that lie claimed for one relay; they lie in memory
_MOST_IN_DOUBT = 50  # where all of them would be in doubt after a crash
_Answer = TypeVar("_Answer")
Span = Callable[..., AbstractContextManager[object]]


class Ledger(Protocol):
    """What a courier asks of the ledger; its calls are plain and commit before they return.

    `in_process`: they wait for nobody but our own disk, and are called where they are needed; a thread between would
    only have the two wait for each other. Otherwise they wait for a server, in a thread. `signs`: making parcels is
    hard work that can be done beside the conversation, and is done in a thread all the same. `intends`: what is
    claimed may be written without being asked for once more.
    """

    in_process: bool
    signs: bool
    intends: bool

    def lease(self, relay: Relay, room: int, held: int) -> Grant:
        """How many of `room` messages may be claimed for this relay, and turns for those that hold none.

        Asked only of relays that have a limit. `held` turns are there already; below 0 so many more are needed.
        """
        ...

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        """The round is over, and for each of these relays so many of the last turns were not needed.

        Those relays whose turns are taken back; those of the others can be used by nobody but the courier.
        """
        ...

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        """Messages to send now, claimed: as many as there are places, each made for one; empty when there are none."""
        ...

    def pressed(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        """As `next_batch`, but only what answers a person's own press."""
        ...

    def renew(self, ticket: Ticket, relay: Relay) -> Turn | None:
        """Another turn at its domain for a message that could not begin within its own; None where there is none."""
        ...

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        """Write outcomes and intents; content may be sent only for the deliveries that are returned."""
        ...

    def rests(self, relays: Sequence[str]) -> Mapping[str, str]:
        """Those of these relays that are not to be used now by an admin's word, and why."""
        ...

    def share(self, news: Sequence[Rest], relays: Sequence[str]) -> Sequence[Rest]:
        """Tell other workers what is left alone, or works again; and hear what they know of these relays."""
        ...

    def must_end(self) -> bool:
        """Whether the round must end within a moment, even where answers are still awaited."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How a round went: how many messages were tried, and why it ended early, where it did.

    `down` says of each relay that could not be used why it could not, though others may have taken its share.
    """

    tried: int
    trouble: str = ""
    down: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a relay is: how many connections may be open to it, and whether it is left alone for now."""

    name: str
    connections: int
    left_alone: bool


class Courier(Protocol):
    """Anything that brings messages somewhere and says what became of each."""

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more, or no relay takes more."""
        ...


class SmtpCourier:
    """Carries messages to one or several relays, over as many connections as each allows.

    Remembers from round to round what it learnt of each. `clock` gives seconds and only goes forward; `span` is entered
    around each round, each claim and each commit, with its name and its numbers.
    """

    def __init__(
        self, *relays: Relay, clock: Callable[[], float] = time.monotonic, span: Span = lambda _, **__: nullcontext()
    ) -> None:
        self._throttles = [(Throttle(relay, clock), token_source(relay)) for relay in relays]
        self._clock = clock
        self._span = span
        self._had: Counter[str] = Counter()

    def conditions(self) -> Sequence[Condition]:
        """How the relays are, as far as the last rounds have taught us."""
        return [
            Condition(name=one.relay.name, connections=one.connections, left_alone=one.is_closed)
            for one, _ in self._throttles
        ]

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more. Nothing is claimed while no relay can be reached."""
        try:
            with self._span("send"):
                return asyncio.run(_Round(self._throttles, ledger, self._had, self._clock, self._span).run())
        except ExceptionGroup as group:
            # What the ledger raises is for the caller, who knows nothing of our tasks.
            raise _first(group) from None


@dataclass(slots=True)
class _Pending:
    """What waits for the next commit: intents with those who wait for them, and outcomes."""

    intents: list[tuple[Ticket, asyncio.Future[bool]]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.intents or self.reports)


class _Round:
    """One round: a task that shares out what is due, the tasks of each way, a task that commits."""

    def __init__(
        self,
        relays: Sequence[tuple[Throttle, TokenSource | None]],
        ledger: Ledger,
        had: Counter[str],
        now: Callable[[], float],
        span: Span,
    ) -> None:
        self._ledger = ledger
        self._span = span
        self._had = had
        self._now = now
        self._pending = _Pending()
        self._wake = asyncio.Event()
        self._turn = asyncio.Event()
        self._sharing = asyncio.Lock()
        self._exhausted = self._over = self._ended = self._glanced = False
        self._tried = self._returned = 0
        self._ways = [self._way(throttle, tokens, now) for throttle, tokens in relays]
        self._by_name = {way.relay.name: way for way in self._ways}

    def _way(self, throttle: Throttle, tokens: TokenSource | None, now: Callable[[], float]) -> Way:
        return Way(
            throttle,
            lambda: open_session(throttle.relay, tokens=tokens),
            gate=self._intend,
            renew=lambda ticket, relay: self._ask(self._ledger.renew, ticket, relay),
            told=self._told,
            changed=self._turn.set,
            now=now,
            most=_MOST_IN_DOUBT if self._ledger.intends else _MOST,
        )

    async def run(self) -> Carried:
        try:
            async with asyncio.TaskGroup() as everything:
                committer = everything.create_task(self._commit_groups())
                watcher = everything.create_task(self._watch())
                async with asyncio.TaskGroup() as work:
                    work.create_task(self._share_out(work))
                self._over = True
                self._wake.set()
                await committer
                await self._share(hear=False)
                await self._give_back()
                watcher.cancel()
        finally:
            for way in self._ways:
                way.abandon()
        return self._carried()

    async def _give_back(self) -> None:
        """What was leased and not needed is there for others; where it cannot be, for our own next round."""
        limited = [way for way in self._ways if way.is_limited]
        if limited:
            # Ours no longer before that is on record: if we fall between the two, nobody has them.
            unused = {way.relay.name: way.spare() for way in limited}
            taken = await self._ask(self._ledger.give_back, unused)
            for way in limited:
                if way.relay.name not in taken:
                    way.keep()

    def _carried(self) -> Carried:
        standing = " ".join(way.trouble for way in self._ways if way.trouble)
        usable = any(not way.trouble for way in self._ways)
        trouble = "We had to stop." if self._ended else "" if usable else standing
        down = tuple(reason for way in self._ways for reason in way.failures)
        return Carried(tried=self._tried, trouble=trouble, down=down)

    async def _share_out(self, work: asyncio.TaskGroup) -> None:
        """Claim what is due for whoever has room, until nothing is due and all of it is done with."""
        await self._heed()
        while not self._ended:
            self._turn.clear()
            if self._glanced:
                await self._let_pressed_in()
            # Those that are here may have lost their turns, and need others though nothing more is due.
            looks = not self._exhausted or any(way.held < 0 for way in self._ways)
            places = await self._places(work) if looks else []
            if places:
                returned = self._returned
                # Signing must not stall the conversations.
                with self._span("claim", places=len(places)):
                    batch = await self._ask(self._ledger.next_batch, places, beside=self._ledger.signs)
                self._exhausted = not batch and returned == self._returned
                for parcel in batch:
                    self._by_name[parcel.relay].push(parcel)
                self._remember(batch)
            elif not any(self._goes_on(way) for way in self._ways):
                break
            else:
                await self._turn.wait()
            for way in self._ways:
                way.staff(work)
        for way in self._ways:
            await way.finish()

    async def _let_pressed_in(self) -> None:
        """Whoever has just pressed a button does not wait behind what lies claimed, however slow the relay is."""
        self._glanced = False
        lanes: list[Lane] = []
        for way in self._ways:
            if way.is_busy and way.is_reached and not way.trouble:
                room = min(way.relay.connections, _MOST_PRESSED)
                if way.is_limited:
                    # They take the turns of those behind whom they would wait.
                    room = min(room, (await self._ask(self._ledger.lease, way.relay, room, room)).most)
                lanes += [way.lane(room)] * room
        if lanes:
            for parcel in await self._ask(self._ledger.pressed, lanes, beside=self._ledger.signs):
                self._by_name[parcel.relay].push(parcel)

    def _remember(self, batch: Sequence[Parcel]) -> None:
        """Count what each relay was given, so that shares are kept from batch to batch; long ago counts for less."""
        self._had.update(parcel.relay for parcel in batch)
        if (total := self._had.total()) > _LATELY:
            for name, number in list(self._had.items()):
                self._had[name] = number * _LATELY // (2 * total)

    def _goes_on(self, way: Way) -> bool:
        """Whether something may come of this way yet."""
        return way.is_busy or way.unsettled > 0 or (way.is_reaching and not self._exhausted)

    async def _places(self, work: asyncio.TaskGroup) -> list[Lane]:
        """A place for each message that may be claimed now: for which way it would be.

        Those of weight 0 have some only while nobody else can be used.
        """
        first = [way for way in self._ways if way.relay.weight]
        lanes = await self._lanes(first, work)
        if all(way.trouble or way.is_reaching for way in first):
            lanes += await self._lanes([way for way in self._ways if not way.relay.weight], work)
        return [lanes[which] for which in limits.shares(lanes, [self._had[lane.relay.name] for lane in lanes])]

    async def _lanes(self, ways: Sequence[Way], work: asyncio.TaskGroup) -> list[Lane]:
        """How much room each has. Who has no connection yet is waited for, but not for long."""
        rooms = [await self._room(way) for way in ways]
        far = [way for way, room in zip(ways, rooms, strict=True) if room and not way.is_reached]
        if begun := [way.reach(work) for way in far if not way.is_reaching]:
            await asyncio.wait(begun, timeout=_PATIENCE)
        # Turns may be over by now.
        return [way.lane(min(room, way.held) if way.is_reached else 0) for way, room in zip(ways, rooms, strict=True)]

    async def _room(self, way: Way) -> int:
        room = way.room()
        if not way.is_limited or not (room or way.held < 0):
            return room
        if not way.may_ask:
            return way.within(room)
        asked = self._now()
        grant = await self._ask(self._ledger.lease, way.relay, room, way.held)
        return way.granted(grant, room, asked=asked)

    def _told(self, way: Way, parcel: Parcel, outcome: Outcome) -> None:
        self._tried += not (isinstance(outcome, Deferred) and not outcome.tried)
        way.unsettled += 1
        if outcome is NO_SMTPUTF8 and any(one.offers_smtputf8 for one in self._ways):
            outcome = replace(NO_SMTPUTF8, after=_SOON)
        self._pending.reports.append(Report(ticket=parcel.ticket, outcome=outcome, relay=way.relay.name))
        self._wake.set()
        if way.is_hungry and not self._exhausted:
            self._turn.set()

    async def _intend(self, ticket: Ticket) -> bool:
        if self._ledger.intends:
            return True
        granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pending.intents.append((ticket, granted))
        self._wake.set()
        return await granted

    async def _ask(self, call: Callable[..., _Answer], *args: object, beside: bool = False) -> _Answer:
        if self._ledger.in_process and not beside:
            return call(*args)
        return await asyncio.to_thread(call, *args)

    async def _watch(self) -> None:
        """Break off every conversation once the ledger says so: what awaits its last answer becomes uncertain."""
        glances = 0
        while not self._ledger.must_end():
            await asyncio.sleep(_GLANCE)
            glances += 1
            if glances % _LOOK == 0:
                await self._heed()
                self._glanced = True
                self._turn.set()
        self._ended = True
        for way in self._ways:
            way.stop("We had to stop.")
        self._turn.set()

    async def _heed(self) -> None:
        """Let relays rest that an admin has paused since we looked last, and use those again that may be used."""
        rests = await self._ask(self._ledger.rests, [way.relay.name for way in self._ways])
        changed = [way for way in self._ways if way.rest(rests.get(way.relay.name, ""))]
        await self._share()
        if changed:
            self._turn.set()

    async def _share(self, *, hear: bool = True) -> None:
        """Tell other workers, and hear from them, what is to be left alone."""
        names = [way.relay.name for way in self._ways]
        # One after the other: whoever hears an old word must not take it for a newer one than ours.
        async with self._sharing:
            news = [one for way in self._ways for one in way.news()]
            if news or hear:
                heard = await self._ask(self._ledger.share, news, names)
                for way in self._ways:
                    way.heard([one for one in heard if one.relay == way.relay.name])

    async def _commit_groups(self) -> None:
        """One transaction after the other, each with all that has piled up during the one before."""
        while self._pending or not self._over:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
                continue
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            group, self._pending = self._pending, _Pending()
            tickets = [ticket for ticket, _ in group.intents]
            with self._span("settle", intents=len(tickets), outcomes=len(group.reports)):
                granted = await self._ask(self._ledger.record, tickets, group.reports)
            self._settled(group.reports)
            await self._share(hear=False)
            for ticket, waiting in group.intents:
                # Whoever waited may be gone, where the round broke off meanwhile.
                if not waiting.done():
                    waiting.set_result(ticket.delivery_id in granted)

    def _settled(self, reports: Sequence[Report]) -> None:
        """These are on record now: what went back as it was is due again, and another relay may take it."""
        for report in reports:
            self._by_name[report.relay].unsettled -= 1
        returned = sum(_is_back(report.outcome) for report in reports)
        self._returned += returned
        self._exhausted = self._exhausted and not returned
        if reports and (returned or not any(way.is_busy for way in self._ways)):
            self._turn.set()


def _is_back(outcome: Outcome) -> bool:
    return isinstance(outcome, Deferred) and not outcome.tried and not outcome.after


def _first(group: ExceptionGroup) -> Exception:
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
