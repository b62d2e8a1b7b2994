"""How does one relay get its share of a round? What lies claimed for it, and the connections that carry it there."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sequencer.core.limits import Rest
from sequencer.core.model import Deferred, Outcome, Parcel, Ticket
from sequencer.core.rates import Grant, Turn
from sequencer.delivery.backlog import Backlog, is_late
from sequencer.delivery.connect import RelayDown
from sequencer.delivery.session import Conversation, Gate
from sequencer.delivery.talks import Talks, heed_cancellation
from sequencer.delivery.throttle import Stock, Throttle
from sequencer.relays import Relay

_IDLE = 5.0  # seconds of silence after which we hang up: some relays do so after ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A relay as the ledger sees it: whether it takes addresses that are not ASCII, and for how much it has room."""

    relay: Relay
    smtputf8: bool = True
    room: int = 0

    @property
    def weight(self) -> int:
        """Its share, against those of the other relays."""
        return self.relay.weight


class Way:
    """One relay during one round.

    `gate` grants an intent, `renew` another turn at a domain, `told` hears each outcome, `changed` hears that there is
    room again, or nothing left. `most` messages may lie here. Of those told, `unsettled` are not on record yet.
    """

    def __init__(
        self,
        throttle: Throttle,
        open_one: Callable[[], Coroutine[None, None, Conversation]],
        *,
        gate: Gate,
        renew: Callable[[Ticket, Relay], Awaitable[Turn | None]],
        told: Callable[["Way", Parcel, Outcome], None],
        changed: Callable[[], None],
        now: Callable[[], float],
        most: int,
    ) -> None:
        self.relay = throttle.relay
        self.failures: list[str] = []
        self.unsettled = 0
        self._throttle = throttle
        self._talks = Talks(open_one)
        self._gate = gate
        self._renew = renew
        self._told = told
        self._changed = changed
        self._now = now
        self._most = most
        self._stock = Stock(connections=self.relay.connections, since=now())
        self._backlog = Backlog()
        self._more = asyncio.Event()
        self._halt = asyncio.Event()
        self._spare: Conversation | None = None
        self._reaching: asyncio.Task[None] | None = None
        self._lines = self._idle = 0
        self._smtputf8 = True
        self._full = 0
        self._finishing = self._had_its_day = False

    @property
    def trouble(self) -> str:
        """Why the relay cannot be used now; empty where it can."""
        if self._throttle.is_closed:
            return self._throttle.reason
        if self._had_its_day:
            return f"The relay {self.relay.name} has had what it may be given within 24 hours."
        return ""

    @property
    def is_limited(self) -> bool:
        """Whether there is a rate, or a limit for the day: it is asked of the ledger how much we may send."""
        return bool(self.relay.rate or self.relay.daily_quota or self.relay.warm_up)

    @property
    def is_busy(self) -> bool:
        """Whether something is on the wire, or waits to be."""
        return bool(self._backlog) or self._lines > self._idle

    @property
    def is_reached(self) -> bool:
        """Whether there is a connection."""
        return bool(self._lines or self._spare)

    @property
    def is_reaching(self) -> bool:
        """Whether one is being opened because there is none."""
        return self._reaching is not None

    @property
    def offers_smtputf8(self) -> bool:
        """Whether there is a relay that takes any address, and may be used now."""
        return self.is_reached and self._smtputf8 and not self.trouble

    @property
    def is_hungry(self) -> bool:
        """Whether more should be claimed: half of what may lie here is gone."""
        return 2 * self._ready <= self._full

    def room(self) -> int:
        """For how many more messages there is room now; nothing until there is room for a batch."""
        if self._halt.is_set() or self._throttle.is_closed:
            return 0
        self._full = min(self._most, self._stock.most(self._now()), self._throttle.budget)
        return max(0, min(self._full - self._ready, self._most - len(self._backlog))) if self.is_hungry else 0

    @property
    def held(self) -> int:
        """How many turns there are for messages that are not here yet; below 0 where some of those here have none."""
        return self._throttle.turns - self._ready

    @property
    def _ready(self) -> int:
        """How many of those here might start now; for others, whose turn at their domain is to come, nobody waits."""
        return self._backlog.ready(self._now())

    @property
    def may_ask(self) -> bool:
        """Whether it is of use to ask how much may be sent."""
        return self._throttle.may_ask and not self._throttle.is_closed

    def granted(self, grant: Grant, room: int, *, asked: float) -> int:
        """The part of `room` that may be claimed, by what the ledger has said since `asked`."""
        self._throttle.granted(grant, asked=asked)
        self._had_its_day = self._had_its_day or room > 0 >= grant.most
        return self.within(min(room, grant.most))

    def within(self, room: int) -> int:
        """The part of `room` for which there are turns; what is here and has none in sight goes back as it was."""
        if self._ready:
            if not self._throttle.turns:
                self._release("Its turn had not come.")
            # Only where there was something to do: lines that are woken ask for more, and would be woken again.
            self._more.set()
        return max(0, min(room, self.held))

    def spare(self) -> int:
        """How many turns nobody needs, now that the round is over."""
        return self._throttle.spare()

    def keep(self) -> None:
        """They could not be given back."""
        self._throttle.keep()

    def lane(self, room: int) -> Lane:
        """As the ledger sees it."""
        return Lane(relay=self.relay, smtputf8=self._smtputf8, room=room)

    def reach(self, work: asyncio.TaskGroup) -> asyncio.Task[None]:
        """Begin to open a connection where there is none: where the relay is down nothing is claimed for it."""
        self._reaching = work.create_task(self._reach())
        return self._reaching

    def rest(self, reason: str) -> bool:
        """An admin has paused the relay, or lets it go on where there is no reason; whether that is new.

        What was not begun goes back: another relay takes it, or it stays due.
        """
        new = self._throttle.rest(reason)
        if new and reason:
            self._release(reason)
            self._more.set()
        return new

    def news(self) -> Sequence[Rest]:
        """What other workers are to be told of this relay."""
        return self._throttle.news()

    def heard(self, rests: Sequence[Rest]) -> None:
        """What workers know of it; where it is to be left alone, what was not begun goes back."""
        was_closed = self._throttle.is_closed
        self._throttle.heard(rests)
        if self._throttle.is_closed and not was_closed:
            self._release(self._throttle.reason)
            self._more.set()

    def push(self, parcel: Parcel) -> None:
        """Lay a message down to be sent."""
        self._backlog.push(parcel)
        self._more.set()

    def staff(self, work: asyncio.TaskGroup) -> None:
        """Open as many lines as are allowed and have something to do."""
        wanted = min(self._throttle.connections - self._lines, len(self._backlog) - self._idle)
        for _ in range(wanted):
            self._lines += 1
            work.create_task(self._line())

    async def finish(self) -> None:
        """Nothing more comes: lines end when nothing is left."""
        self._finishing = True
        self._more.set()
        if self._reaching:
            self._reaching.cancel()
        if self._halt.is_set():
            self._release("We had to stop.")
        if self._spare:
            await self._spare.wire.quit()

    def stop(self, reason: str) -> None:
        """Break off at once; what was not begun goes back."""
        self._halt.set()
        self._more.set()
        self._talks.give_up()
        self.abandon()
        self._release(reason)

    def abandon(self) -> None:
        """Close every connection."""
        self._talks.abandon()

    async def _reach(self) -> None:
        try:
            self._spare = await self._open()
        finally:
            self._reaching = None
            self._changed()

    async def _line(self) -> None:
        """Send what lies here over one connection, opened when first needed and again when it is worn or broken."""
        talk, self._spare = self._spare, None
        late = False
        while (taken := await self._next(talk, keep=late)) is not None:
            parcel: Parcel | None
            parcel, turn = taken
            if talk is not None and talk.wire.is_worn:
                await talk.wire.quit()
            if talk is None or not talk.wire.is_open:
                talk = await self._open()
            if is_late(parcel, self._now()) and (parcel := await self._renewed(parcel)) is None:
                continue
            late = turn.end < self._now() or (parcel.turn is not None and parcel.turn.start > self._now())
            # It may have had enough while we waited for a connection, or for our turn, and that turn may be over.
            if talk is None or self._throttle.is_closed or late:
                back: Parcel | None = parcel
            else:
                back = await talk.converse(parcel, self._take, self._gate, self._tell)
            if back is not None:
                self._backlog.put_back(back)
                self._more.set()
            if talk is None:
                break
        self._lines -= 1
        if talk is not None:
            await talk.wire.quit()
        if not self._lines and (self._throttle.is_closed or self._halt.is_set()):
            self._release(self._throttle.reason)
        self._changed()

    async def _renewed(self, parcel: Parcel) -> Parcel | None:
        """The message with another turn at its domain, as all of us were busy during its own; else it goes back."""
        turn = await self._renew(parcel.ticket, self.relay)
        if turn is None:
            self._tell(parcel, Deferred(reply="Its turn at its domain was over.", tried=False))
            return None
        return parcel._replace(turn=turn)

    async def _open(self) -> Conversation | None:
        """A new connection, or None; where it would have been the only one the relay is in trouble."""
        if self._halt.is_set() or self._throttle.is_closed:
            return None
        try:
            talk = await self._talks.open()
        except RelayDown as down:
            heed_cancellation()
            if self._lines > 1:
                # The relay takes fewer connections than we would open: the others go on.
                self._throttle.crowded(self._lines - 1)
            else:
                self._throttle.failed(str(down), least=down.least)
                self.failures.append(str(down))
            return None
        if talk is None:
            return None
        heed_cancellation()
        self._smtputf8 = talk.wire.smtputf8
        if self._halt.is_set():
            talk.wire.abandon()
        return talk

    async def _next(self, talk: Conversation | None, *, keep: bool) -> tuple[Parcel, Turn] | None:
        """The next message and its turn, waited for; None where this line is to end."""
        while not self._halt.is_set() and not self._throttle.is_closed and self._lines <= self._throttle.connections:
            if self._throttle.turns:
                parcel = self._pick()
                if parcel is not None:
                    return await self._in_turn(parcel, self._throttle.spend(), None if keep else talk)
            if self._finishing and not self._backlog:
                break
            self._more.clear()
            self._idle += 1
            self._changed()
            await self._until_more()
            self._idle -= 1
        return None

    async def _until_more(self) -> None:
        """There is something new, or the turn of something that lies here has come."""
        now = self._now()
        opens = self._backlog.opens(now)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._more.wait(), None if opens is None else opens - now)

    async def _in_turn(self, parcel: Parcel, turn: Turn, talk: Conversation | None) -> tuple[Parcel, Turn] | None:
        """The message when its turn has come; `talk` is not kept open for it for long."""
        wait = turn.start - self._now()
        if wait > _IDLE and talk is not None:
            await talk.wire.quit()
        if wait > 0:
            try:
                await asyncio.wait_for(self._halt.wait(), wait)
            except TimeoutError:
                return self._first(parcel), turn
            self._tell(parcel, Deferred(reply="We had to stop.", tried=False))
            return None
        return parcel, turn

    def _first(self, parcel: Parcel) -> Parcel:
        """This message, or one that overtakes it and came while it waited for its turn."""
        urgent = None if parcel.at_once else self._backlog.urgent(self._now())
        if urgent is None:
            return parcel
        self._backlog.put_back(parcel)
        return urgent

    def _take(self) -> Parcel | None:
        """The next message where one is here and it is its turn."""
        throttle = self._throttle
        # Whose turn at their domain is over is asked for another, which takes a while.
        if (
            not self._backlog
            or self._backlog.is_late(self._now())
            or self._lines > throttle.connections
            or throttle.is_closed
            or not throttle.is_ready
        ):
            return None
        parcel = self._pick()
        if parcel is not None:
            throttle.spend()
        return parcel

    def _pick(self) -> Parcel | None:
        """The first message whose recipient's domain is not left alone; the others go back until then."""
        while (parcel := self._backlog.take(self._now())) is not None:
            if not self._throttle.watches_domains:
                return parcel
            domain = _domain(parcel)
            rest = self._throttle.rests(domain)
            if rest <= 0:
                return parcel
            reason = f"The domain {domain} refused us several times; it is left alone for a while."
            # Whole seconds are what the ledger keeps; it would be due at once in the last part of one.
            self._tell(parcel, Deferred(reply=reason, after=timedelta(seconds=math.ceil(rest)), tried=False))
        return None

    def _tell(self, parcel: Parcel, outcome: Outcome) -> None:
        if not (isinstance(outcome, Deferred) and not outcome.tried):
            self._stock.done += 1
            was_closed = self._throttle.is_closed
            self._throttle.note(outcome, _domain(parcel))
            if self._throttle.is_closed and not was_closed:
                self.failures.append(self._throttle.reason)
        self._told(self, parcel, outcome)

    def _release(self, reason: str) -> None:
        """What lies here goes back as it was; another relay may take it."""
        while (parcel := self._backlog.pop()) is not None:
            self._tell(parcel, Deferred(reply=reason or "The round was over.", tried=False))


def _domain(parcel: Parcel) -> str:
    return parcel.recipient.rpartition("@")[2].lower()
