"""How did an attempt end? What a relay's answer means."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from sequencer.core.model.ledger import Ticket


class Stage(StrEnum):
    """How far a conversation about one message had come when the answer fell."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"


class Slow(StrEnum):
    """Whom an answer asks us to spare: the relay a little, the relay altogether, or the recipient's domain."""

    NOBODY = "nobody"
    RELAY = "relay"
    STOP = "stop"
    DOMAIN = "domain"


class Blame(StrEnum):
    """Whom a refusal is about: the person's address, the message, us and our relay, or nobody in particular."""

    ADDRESS = "address"
    MESSAGE = "message"
    US = "us"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The relay has taken responsibility (RFC 5321 §6.1)."""

    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Not taken now; to be tried again. `after`: the least wait the answer asks for, where it asks.

    Where no server looked at the message it was not `tried`, and goes back as it was, for `after`.
    """

    reply: str
    blame: Blame = Blame.US
    after: timedelta = timedelta(0)
    slow: Slow = Slow.NOBODY
    tried: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Not taken, ever; a dead address is to be suppressed."""

    reply: str
    blame: Blame
    slow: Slow = Slow.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The content went out and the answer was never seen."""

    reply: str


Outcome = Accepted | Deferred | Rejected | Uncertain


# A tuple, as one is made for each message, and a frozen dataclass takes twice as long.
class Report(NamedTuple):
    """What became of one attempt, and at which relay."""

    ticket: Ticket
    outcome: Outcome
    relay: str
