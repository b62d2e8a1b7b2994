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
        self._proven = False
        self._enough = False

    async def converse(self, first: Parcel, take: Take, gate: Gate, tell: Tell) -> Parcel | None:
        """As Conversation says; nothing is given back."""
        waiting: deque[Parcel] = deque([first])
        while self.wire.is_open and (waiting or self._unanswered):
            await self._send(waiting, gate, tell)
            full = self._fill(waiting, take)
            await self._hear(tell, until=_REFILL if full else len(self._unanswered) - 1)
        # Where it was lost while the gate was asked, answers that had come before that still count.
        await self._hear(tell)
        for parcel in waiting:
            tell(parcel, Deferred(reply=self.wire.end, tried=False))
        if self._enough:
            await self.wire.quit()
        return None

    def _fill(self, waiting: deque[Parcel], take: Take) -> bool:
        """Take what there is room for; whether there was something, or no room."""
        while self._may_take(len(self._unanswered) + len(waiting)):
            parcel = take()
            if parcel is None:
                break
            waiting.append(parcel)
        return bool(waiting) or len(self._unanswered) >= WINDOW

    def _may_take(self, under_way: int) -> bool:
        able = self.wire.is_open and self.wire.has_room and not self._enough
        return able and under_way < WINDOW and not self.wire.is_worn_by(under_way)

    async def _send(self, waiting: deque[Parcel], gate: Gate, tell: Tell) -> None:
        """Write those whose intent was granted, all of them in one commit."""
        able = [one for one in waiting if self.wire.takes(one)]
        for parcel in waiting:
            if not self.wire.takes(parcel):
                tell(parcel, NO_SMTPUTF8)
        waiting.clear()
        granted = await asyncio.gather(*(gate(one.ticket) for one in able))
        if able and self.wire.unasked and not self._unanswered:
            # Replies are counted: one too many would be taken for the answer to what comes next.
            self.wire.close(f"the server said what it was not asked: {self.wire.unasked}")
        pieces: list[bytes] = []
        for parcel, may in zip(able, granted, strict=True):
            if may and not self.wire.is_open:
                # Of an untried connection the first message has had its try: else such a relay is asked for ever.
                tell(parcel, Deferred(reply=self.wire.end, tried=not (self._proven or self._unanswered)))
            elif may:
                # RSET: what a refusal of the one before left behind must not become part of this one.
                bdat = f"BDAT {len(parcel.content)} LAST\r\n".encode()
                pieces += b"RSET\r\n", *self.wire.envelope(parcel), bdat, parcel.content
                self._unanswered.append(parcel)
        if pieces:
            self.wire.write(*pieces)

    async def _hear(self, tell: Tell, *, until: int = 0) -> None:
        """Take answers until no more than so many messages are unanswered, or the connection is over."""
        while len(self._unanswered) > max(0, until):
            try:
                outcome = await self._outcome()
            except Lost as lost:
                self._give_up(lost.reason, tell)
                break
            parcel = self._unanswered.popleft()
            # The content behind a refused envelope is refused as well: servers count both.
            self.wire.count(refused=0 if isinstance(outcome, Accepted) else 2)
            tell(parcel, outcome)
            if outcome.reply.startswith("421"):
                self._give_up(outcome.reply, tell)

    async def _outcome(self) -> Outcome:
        """What the four replies to the oldest unanswered message mean. Raises Lost where they do not come."""
        try:
            reset = await self.wire.command(Stage.MAIL)
            if not reset.startswith("2"):
                raise Lost(Stage.MAIL, f"the server refused RSET: {reset}")
            mail, rcpt = await self.wire.command(Stage.MAIL), await self.wire.command(Stage.RCPT)
        except Lost as lost:
            if lost.reason.startswith("421"):
                return self._refused(lost.stage, lost.reason)
            raise
        taken = await self.wire.content()
        for reply in (mail, rcpt, taken):
            if reply.startswith("3"):
                raise Lost(Stage.CONTENT, f"the server answered out of turn: {reply}")
        for stage, reply in ((Stage.MAIL, mail), (Stage.RCPT, rcpt)):
            if not reply.startswith("2"):
                return Uncertain(reply=reply) if taken.startswith("2") else self._refused(stage, reply)
        self._proven = True
        return verdicts.judge(Stage.CONTENT, taken)

    def _refused(self, stage: Stage, reply: str) -> Outcome:
        if stage is Stage.MAIL and self._proven and verdicts.wears_out(reply):
            # That is no word about this one.
            self._enough = True
            return Deferred(reply=reply, tried=False)
        return verdicts.judge(stage, reply)

    def _give_up(self, reason: str, tell: Tell) -> None:
        """The connection is over: after a 421 nothing more was looked at (RFC 5321 §3.8); else nobody knows."""
        self.wire.close(reason)
        closing = reason.startswith("421")
        while self._unanswered:
            outcome = Deferred(reply=reason, tried=False) if closing else Uncertain(reply=reason)
            tell(self._unanswered.popleft(), outcome)
