"""How does a far relay get several messages in one round trip? Whole messages one behind the other, unanswered.

MAIL, RCPT and BDAT LAST (RFC 3030) travel with the content; RFC 3030 §2 would have us wait for RCPT's reply before
BDAT, so this is a switch of the relay's (`eager`), for servers that are known to stand it. All that is unanswered when
the connection breaks is in doubt: up to WINDOW messages, where the careful way has one.
"""

import asyncio
from collections import deque

from sequencer.core import verdicts
from sequencer.core.model import Accepted, Deferred, Outcome, Parcel, Stage, Uncertain
from sequencer.delivery.replies import Lost
from sequencer.delivery.session import NO_SMTPUTF8, Gate, Take, Tell
from sequencer.delivery.wire import Wire

WINDOW = 16
_REFILL = WINDOW - 4  # so many are unanswered when the next are written: a commit is shared by some


class Window:
    """The eager way; needs PIPELINING and CHUNKING."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._unanswered: deque[Parcel] = deque()

    async def converse(self, first: Parcel, take: Take, gate: Gate, tell: Tell) -> Parcel | None:
        """As Conversation says; nothing is given back."""
        waiting: deque[Parcel] = deque([first])
        while self.wire.is_open and (waiting or self._unanswered):
            await self._send(waiting, gate, tell)
            await self._hear(tell, until=_REFILL if self._fill(waiting, take) else 0)
        for parcel in waiting:
            tell(parcel, Deferred(reply=self.wire.end, tried=False))
        return None

    def _fill(self, waiting: deque[Parcel], take: Take) -> bool:
        """Take what there is room for; whether there was something."""
        while not self.wire.is_worn and len(self._unanswered) + len(waiting) < WINDOW:
            parcel = take()
            if parcel is None:
                break
            waiting.append(parcel)
        return bool(waiting) or len(self._unanswered) >= WINDOW

    async def _send(self, waiting: deque[Parcel], gate: Gate, tell: Tell) -> None:
        """Write those whose intent was granted, all of them in one commit."""
        able = [one for one in waiting if self.wire.takes(one)]
        for parcel in waiting:
            if not self.wire.takes(parcel):
                tell(parcel, NO_SMTPUTF8)
        waiting.clear()
        granted = await asyncio.gather(*(gate(one.ticket) for one in able))
        for parcel, may in zip(able, granted, strict=True):
            if may and not self.wire.is_open:
                tell(parcel, Deferred(reply=self.wire.end))
            elif may:
                # RSET: what a refusal of the one before left behind must not become part of this one.
                bdat = f"BDAT {len(parcel.content)} LAST\r\n".encode()
                self.wire.write(b"RSET\r\n", *self.wire.envelope(parcel), bdat, parcel.content)
                self._unanswered.append(parcel)
        await self.wire.room()

    async def _hear(self, tell: Tell, *, until: int) -> None:
        """Take answers until no more than so many messages are unanswered, or the connection is over."""
        while len(self._unanswered) > until:
            try:
                outcome = await self._outcome()
            except Lost as lost:
                self._give_up(lost.reason, tell)
            else:
                parcel = self._unanswered.popleft()
                self.wire.count(refused=not isinstance(outcome, Accepted))
                tell(parcel, outcome)
                if outcome.reply.startswith("421"):
                    self._give_up(outcome.reply, tell)

    async def _outcome(self) -> Outcome:
        """What the four replies to the oldest unanswered message mean. Raises Lost where they do not come."""
        reset = await self.wire.command(Stage.MAIL)
        if not reset.startswith("2"):
            raise Lost(Stage.MAIL, f"the server refused RSET: {reset}")
        mail, rcpt = await self.wire.command(Stage.MAIL), await self.wire.command(Stage.RCPT)
        taken = await self.wire.content()
        for stage, reply in ((Stage.MAIL, mail), (Stage.RCPT, rcpt)):
            if not reply.startswith("2"):
                return Uncertain(reply=reply) if taken.startswith("2") else verdicts.judge(stage, reply)
        return verdicts.judge(Stage.CONTENT, taken)

    def _give_up(self, reason: str, tell: Tell) -> None:
        """The connection is over: after a 421 nothing more was looked at (RFC 5321 §3.8); else nobody knows."""
        self.wire.close(reason)
        closing = reason.startswith("421")
        while self._unanswered:
            outcome = verdicts.judge(Stage.DATA, reason) if closing else Uncertain(reply=reason)
            tell(self._unanswered.popleft(), outcome)
