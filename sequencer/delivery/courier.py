"""Who carries messages from the ledger to the relay? Opens connections, keeps them busy, commits in groups.

The flows see plain calls; the sockets are asynchronous inside. Intents and outcomes of all connections that wait at
the same moment go into one transaction, so that the price of a commit is shared.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sequencer.core.model import Deferred, DeliveryId, Outcome, Parcel, Report, Ticket
from sequencer.delivery.connect import RelayDown, open_session
from sequencer.delivery.session import Session
from sequencer.values import Relay

# Turns of the event loop that a commit waits: whoever has an answer by now reads it, takes the next message and joins.
_TURNS = 3
_GLANCE = 0.25  # seconds between two looks whether the round must end
_Answer = TypeVar("_Answer")


class Ledger(Protocol):
    """What a courier asks of the ledger; both calls are plain and commit before they return.

    `in_process`: they wait for nobody but our own disk, and are called where they are needed; a thread between would
    only have the two wait for each other. Otherwise they wait for a server, in a thread. `signs`: making parcels is
    hard work that can be done beside the conversation, and is done in a thread all the same.
    """

    in_process: bool
    signs: bool

    def next_batch(self) -> Sequence[Parcel]:
        """Messages to send now, claimed; empty when there are none."""
        ...

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        """Write outcomes and intents; content may be sent only for the deliveries that are returned."""
        ...

    def must_end(self) -> bool:
        """Whether the round must end within a moment, even where answers are still awaited."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How a round went: how many messages were tried, and why it ended early, where it did."""

    tried: int
    trouble: str = ""


class Courier(Protocol):
    """Anything that brings messages somewhere and says what became of each."""

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more, or the relay takes no more."""
        ...


class SmtpCourier:
    """Carries messages to one relay over as many connections as it allows."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def carry(self, ledger: Ledger) -> Carried:
        """Send until the ledger has no more. Nothing is claimed while the relay cannot be reached."""
        try:
            return asyncio.run(_Round(self._relay, ledger).run())
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


class _Line:
    """The queue as one connection sees it; remembers that it was told to stop. What others gave back goes first."""

    def __init__(self, parcels: asyncio.Queue[Parcel | None], returned: deque[Parcel]) -> None:
        self._parcels = parcels
        self._returned = returned
        self._ended = False

    async def next(self) -> Parcel | None:
        """The next parcel, waited for; None at the end."""
        parcel = self.take()
        if parcel is None and not self._ended:
            self._ended = (parcel := await self._parcels.get()) is None
        return parcel or self.take()

    def take(self) -> Parcel | None:
        """The next parcel where one is there already."""
        if self._returned:
            return self._returned.popleft()
        if self._ended or self._parcels.empty():
            return None
        self._ended = (parcel := self._parcels.get_nowait()) is None
        return parcel


class _Round:
    """One round: a task that fetches batches, a task a connection, a task that commits."""

    def __init__(self, relay: Relay, ledger: Ledger) -> None:
        self._relay = relay
        self._ledger = ledger
        self._parcels: asyncio.Queue[Parcel | None] = asyncio.Queue(maxsize=2 * relay.connections)
        self._returned: deque[Parcel] = deque()
        self._sessions: list[Session] = []
        self._lines = 0
        self._pending = _Pending()
        self._wake = asyncio.Event()
        self._over = False
        self._tried = 0
        self._trouble = ""

    async def run(self) -> Carried:
        try:
            session = await self._open()
        except RelayDown as down:
            return Carried(tried=0, trouble=str(down))
        try:
            async with asyncio.TaskGroup() as everything:
                committer = everything.create_task(self._commit_groups())
                watcher = everything.create_task(self._watch())
                async with asyncio.TaskGroup() as work:
                    work.create_task(self._fetch(work, session))
                self._over = True
                self._wake.set()
                await committer
                watcher.cancel()
        finally:
            for one in self._sessions:
                one.abandon()
        return Carried(tried=self._tried, trouble=self._trouble)

    async def _fetch(self, work: asyncio.TaskGroup, first: Session) -> None:
        """Keep the queue full, and enough connections at it; each gets a None at the end."""
        sessions = [first]
        while not self._trouble:
            # Signing must not stall the conversations.
            batch = await self._ask(self._ledger.next_batch, beside=self._ledger.signs)
            if not batch:
                break
            while self._lines < self._relay.connections:
                self._lines += 1
                work.create_task(self._serve(sessions.pop() if sessions else None))
            for parcel in batch:
                await self._parcels.put(parcel)
        for _ in range(self._lines):
            await self._parcels.put(None)
        for session in sessions:
            await session.quit()

    async def _serve(self, session: Session | None) -> None:
        """Send what the queue brings over one connection, opened when first needed and again when it breaks."""
        line = _Line(self._parcels, self._returned)
        parcel = await line.next()
        while parcel is not None:
            if session is None or not session.is_open:
                session = await self._reopen()
            if session is not None:
                parcel = await session.converse(parcel, line.take, self._intend, self._report)
                if parcel is not None:
                    continue
            elif not self._trouble:
                # The relay takes fewer connections than we would open: the others go on, until the next batch.
                self._returned.append(parcel)
                break
            else:
                self._report(parcel, Deferred(reply=self._trouble))
            parcel = await line.next()
        self._lines -= 1
        if session is not None:
            await session.quit()

    async def _reopen(self) -> Session | None:
        """A new session, or None; where this was the last connection the relay is in trouble.

        Then the rest of the batch is put off.
        """
        if self._trouble:
            return None
        try:
            return await self._open()
        except RelayDown as down:
            if self._lines == 1:
                self._trouble = str(down)
            return None

    async def _open(self) -> Session:
        session = await open_session(self._relay)
        self._sessions = [*(one for one in self._sessions if one.is_open), session]
        return session

    def _report(self, parcel: Parcel, outcome: Outcome) -> None:
        self._tried += 1
        self._pending.reports.append(Report(ticket=parcel.ticket, outcome=outcome, relay=self._relay.name))
        self._wake.set()

    async def _intend(self, ticket: Ticket) -> bool:
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
        while not self._ledger.must_end():  # noqa: ASYNC110 (a plain call tells; an event would cross threads)
            await asyncio.sleep(_GLANCE)
        self._trouble = self._trouble or "We had to stop."
        for session in self._sessions:
            session.abandon()

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
            granted = await self._ask(self._ledger.record, tickets, group.reports)
            for ticket, waiting in group.intents:
                waiting.set_result(ticket.delivery_id in granted)


def _first(group: ExceptionGroup) -> Exception:
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
