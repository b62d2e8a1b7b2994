"""Who carries messages from the ledger to the relay? Opens connections, keeps them busy, commits in groups.

The flows see plain calls; the sockets are asynchronous inside. Intents and outcomes of all connections that wait at
the same moment go into one transaction, so that the price of a commit is shared.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sequencer.core.model import Deferred, DeliveryId, Outcome, Parcel, Report, Ticket
from sequencer.delivery.connect import RelayDown, open_session
from sequencer.delivery.session import Session
from sequencer.values import Relay

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
        return asyncio.run(_Round(self._relay, ledger).run())


@dataclass(slots=True)
class _Pending:
    """What waits for the next commit: intents with those who wait for them, and outcomes."""

    intents: list[tuple[Ticket, asyncio.Future[bool]]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.intents or self.reports)


class _Line:
    """The queue as one connection sees it; remembers that it was told to stop."""

    def __init__(self, parcels: asyncio.Queue[Parcel | None]) -> None:
        self._parcels = parcels
        self._ended = False

    async def next(self) -> Parcel | None:
        """The next parcel, waited for; None at the end."""
        if self._ended:
            return None
        return self._checked(await self._parcels.get())

    def take(self) -> Parcel | None:
        """The next parcel where one is there already."""
        if self._ended or self._parcels.empty():
            return None
        return self._checked(self._parcels.get_nowait())

    def _checked(self, parcel: Parcel | None) -> Parcel | None:
        self._ended = parcel is None
        return parcel


class _Round:
    """One round: a task that fetches batches, a task a connection, a task that commits."""

    def __init__(self, relay: Relay, ledger: Ledger) -> None:
        self._relay = relay
        self._ledger = ledger
        self._parcels: asyncio.Queue[Parcel | None] = asyncio.Queue(maxsize=2 * relay.connections)
        self._pending = _Pending()
        self._wake = asyncio.Event()
        self._over = False
        self._tried = 0
        self._trouble = ""

    async def run(self) -> Carried:
        try:
            session = await open_session(self._relay)
        except RelayDown as down:
            return Carried(tried=0, trouble=str(down))
        async with asyncio.TaskGroup() as everything:
            committer = everything.create_task(self._commit_groups())
            async with asyncio.TaskGroup() as work:
                work.create_task(self._fetch())
                for number in range(self._relay.connections):
                    work.create_task(self._serve(session if number == 0 else None))
            self._over = True
            self._wake.set()
            await committer
        return Carried(tried=self._tried, trouble=self._trouble)

    async def _fetch(self) -> None:
        """Keep the queue full; each connection gets a None at the end."""
        while not self._trouble:
            # Signing must not stall the conversations.
            batch = await self._ask(self._ledger.next_batch, beside=self._ledger.signs)
            if not batch:
                break
            for parcel in batch:
                await self._parcels.put(parcel)
        for _ in range(self._relay.connections):
            await self._parcels.put(None)

    async def _serve(self, session: Session | None) -> None:
        """Send what the queue brings over one connection, opened when first needed and again when it breaks."""
        line = _Line(self._parcels)
        parcel = await line.next()
        while parcel is not None:
            if session is None or not session.is_open:
                session = await self._reopen()
            if session is None:
                self._report(parcel, Deferred(reply=self._trouble))
            else:
                parcel = await session.converse(parcel, line.take, self._intend, self._report)
                if parcel is not None:
                    continue
            parcel = await line.next()
        if session is not None:
            await session.quit()

    async def _reopen(self) -> Session | None:
        """A new session, or None where the relay is in trouble; then the rest of the batch is put off."""
        if self._trouble:
            return None
        try:
            return await open_session(self._relay)
        except RelayDown as down:
            self._trouble = str(down)
            return None

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

    async def _commit_groups(self) -> None:
        """One transaction after the other, each with all that has piled up during the one before."""
        while self._pending or not self._over:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
                continue
            # Once around the loop: whoever has an answer by now joins the group.
            await asyncio.sleep(0)
            group, self._pending = self._pending, _Pending()
            tickets = [ticket for ticket, _ in group.intents]
            granted = await self._ask(self._ledger.record, tickets, group.reports)
            for ticket, waiting in group.intents:
                waiting.set_result(ticket.delivery_id in granted)
