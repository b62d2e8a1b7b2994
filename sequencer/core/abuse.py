"""Is this sign-up to be believed? Layers of a verdict, from what the request says and how often the like was asked for.

The verdict never depends on whether we know the address: so the answer cannot tell who is subscribed.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from sequencer.core import floods, mailboxes, networks
from sequencer.core.floods import Uses

SHORTEST_VISIT = timedelta(seconds=2)
LONGEST_VISIT = timedelta(days=1)


class Kind(StrEnum):
    """What sign-ups are counted by."""

    IP = "ip"
    NETWORK = "network"
    ADDRESS = "address"
    DOMAIN = "domain"
    FORM = "form"
    ALL = "all"
    TAKEN = "taken"
    PROVIDER = "provider"
    INSTITUTION = "institution"
    MAILBOX = "mailbox"


# Counted for those alone who are let through, and for those who confirm.
LET_THROUGH = frozenset({Kind.TAKEN, Kind.PROVIDER, Kind.INSTITUTION, Kind.MAILBOX})
# Counted for as long as counters are kept, which is some days; the others for a day.
LONG = frozenset({Kind.MAILBOX})
DIGITS = 16  # of the digest by which something is counted: where two of millions met, they would share a counter
SPELLINGS = 4  # of one mailbox that are let through and not confirmed; a person may press the button twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """How many sign-ups within `hours` are taken from or for one of a `kind`: beyond it a browser has to work first.

    At ten times as many nothing more is taken, whatever was solved; but for crowds of mailboxes (`floods.excess`).
    """

    kind: Kind
    hours: int
    most: int


HARD = 10  # times a cap
# A large provider's domain has that many times the usual.
LARGE = 50


# A tuple, as one is made for each sign-up of a flood, and a frozen dataclass takes twice as long.
class Signals(NamedTuple):
    """What speaks for and against one sign-up. `ip` is "" where a program speaks for a visitor whom it does not name.

    `visit` is how long the visitor looked at a page of ours, if it was one; `solved` whether their browser has done
    the work that we asked for; `sure` whether they said that the address is right as it is.
    """

    form: str
    address: str
    name: str
    ip: str
    is_robot: bool = False
    is_foreign: bool = False
    is_disposable: bool = False
    is_program: bool = False
    solved: bool = False
    sure: bool = False
    visit: timedelta | None = None
    challenge: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """Believed. `doubly` forbids to do without asking the owner of the address, whatever the form says.

    The mail that asks is put off for `wait`, where many come for the like of this mailbox and no browser can work.
    """

    doubly: bool = False
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretend:
    """A robot, or one spelling too many of a mailbox: told what everybody is told, and nothing is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """The browser has to do some work first, as `because` says."""

    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The address is probably mistyped: `suggestion` may be meant."""

    suggestion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Not taken, and the visitor is told why; `later` where it may be tried again in an hour."""

    sentence: str
    later: bool = False


Verdict: TypeAlias = Accept | Pretend | Challenge | Ask | Refuse

_URL = re.compile(
    r"://|\bwww\.|[<>{}]|\[/?url|\b[\w-]+\.(com|net|org|ru|info|biz|xyz|top|io|ly|me|link|shop|online)\b", re.IGNORECASE
)


def caps(most: Mapping[str, int]) -> tuple[Cap, ...]:
    """The caps of the settings: how many in an hour by each kind, for one address in a day, for a crowd in two."""
    hours = {Kind.ADDRESS: 24, Kind.PROVIDER: 2, Kind.INSTITUTION: 2}
    return tuple(Cap(kind=Kind(kind), hours=hours.get(Kind(kind), 1), most=number) for kind, number in most.items())


def judge(signals: Signals, counted: Mapping[Kind, str], uses: Uses, *, caps: Sequence[Cap], now: datetime) -> Verdict:
    """What to do about a sign-up, the strictest layer first; `counted` are its `subjects`."""
    plain = _at_sight(signals)
    if plain is not None:
        return plain
    if floods.unanswered(uses.get(counted.get(Kind.MAILBOX, ""), ())) >= SPELLINGS:
        return Pretend()
    used = _used(signals, counted, uses, caps, now)
    if used >= HARD:
        sentence = "There were too many sign-ups lately; please try again in an hour."
        return Refuse(sentence=sentence, later=True)
    wait = _wait(counted, uses, caps, now)
    is_attacked = floods.is_attacked(uses.get(counted[Kind.TAKEN], ()), uses.get(counted[Kind.FORM], ()), now)
    because = _doubts(signals, over=used >= 1, is_crowd=bool(wait), is_attacked=is_attacked)
    if because and not signals.solved:
        return Challenge(because=because)
    return Accept(doubly=mailboxes.is_role(signals.address), wait=timedelta(0) if signals.solved else wait)


def _at_sight(signals: Signals) -> Verdict | None:
    """What needs no counting; None for a sign-up that looks like any other."""
    suggestion = mailboxes.meant(signals.address)
    if signals.is_robot:
        return Pretend()
    # A name of letters alone, as most are, holds none of the marks that an address has.
    if not signals.name.replace(" ", "").isalpha() and _URL.search(signals.name):
        return Refuse(sentence="Your name looks like the address of a page; please write your name alone.")
    # First: those who buy the domains of slips are on the list of the disposable, too.
    if suggestion and not signals.sure:
        return Ask(suggestion=suggestion)
    if signals.is_disposable:
        return Refuse(sentence="This address is one that is soon thrown away; please give one that you keep.")
    return None


def subjects(signals: Signals, secret: str) -> Mapping[Kind, str]:
    """What this sign-up counts for: keyed digests, as the counters need no addresses."""
    address, ip = signals.address, signals.ip
    found = {
        Kind.ADDRESS: subject(Kind.ADDRESS, mailboxes.canonical(address), secret),
        Kind.DOMAIN: subject(Kind.DOMAIN, address.rpartition("@")[2], secret),
        Kind.FORM: subject(Kind.FORM, signals.form, secret),
        Kind.ALL: subject(Kind.ALL, "", secret),
    }
    if ip:
        found[Kind.IP] = subject(Kind.IP, networks.own(ip), secret)
        found[Kind.NETWORK] = subject(Kind.NETWORK, networks.around(ip), secret)
    found.update(answered(signals.form, address, secret))
    return found


def answered(form: str, address: str, secret: str) -> Mapping[Kind, str]:
    """What a sign-up counts for when it is let through, and once more when it is confirmed: `LET_THROUGH`."""
    mailbox = mailboxes.canonical(address)
    domain = mailbox.rpartition("@")[2]
    named = {Kind.TAKEN: form}
    if mailbox != address:
        # rea+1@, rea+2@, …: each is somebody of their own to us, and one victim to whoever makes them up.
        named[Kind.MAILBOX] = mailbox
    if domain in mailboxes.LARGE:
        named[Kind.PROVIDER] = domain
    elif institution := mailboxes.institution(domain):
        # A flood aimed at a state is aimed at many of its offices.
        named[Kind.INSTITUTION] = institution
    return {kind: subject(kind, name, secret) for kind, name in named.items()}


def subject(kind: Kind, name: str, secret: str) -> str:
    """The digest under which something is counted."""
    return _often(kind, name, secret) if kind in _SHARED else _digest(kind, name, secret)


def _digest(kind: Kind, name: str, secret: str) -> str:
    return hmac.digest(_key(secret), f"counted|{kind.value}|{name}".encode(), "sha256").hex()[:DIGITS]


@lru_cache(16)
def _key(secret: str) -> bytes:
    return secret.encode()


# These are the same for many; hardly anybody has the address or the network of somebody else.
_SHARED = frozenset(Kind) - {Kind.ADDRESS, Kind.IP, Kind.NETWORK}
_often = lru_cache(4096)(_digest)


def _used(signals: Signals, counted: Mapping[Kind, str], uses: Uses, caps: Sequence[Cap], now: datetime) -> float:
    """How much of the narrowest cap is used up: 1 is all of it."""
    share, this = 0.0, floods.hour(now)
    is_large = signals.address.rpartition("@")[2] in mailboxes.LARGE
    for cap in caps:
        seen = uses.get(counted.get(cap.kind, ""))
        if not seen or cap.kind in LET_THROUGH:
            continue
        asked = sum(one.asked for one in seen if one.hour > this - cap.hours)
        share = max(share, asked / (cap.most * (LARGE if is_large and cap.kind is Kind.DOMAIN else 1)))
    return share


def _wait(counted: Mapping[Kind, str], uses: Uses, caps: Sequence[Cap], now: datetime) -> timedelta:
    """How long a mail to such a mailbox has to wait where nobody works for it; not at all where few of them come."""
    for cap in caps:
        if cap.kind in LET_THROUGH and cap.kind in counted:
            over = floods.excess(uses.get(counted[cap.kind], ()), cap.most, now)
            if over >= 0:
                return floods.wait(over, cap.most)
    return timedelta(0)


def _doubts(signals: Signals, *, over: bool, is_crowd: bool, is_attacked: bool) -> str:
    """Why a browser should work for it, or "". A program that signs what it sends has no browser."""
    if signals.is_program or signals.challenge == "never":
        return ""
    reasons = (
        (signals.challenge == "always", "the form asks for it"),
        (over, "there were many"),
        (is_crowd, "there were many for such mailboxes"),
        (signals.visit is not None and not SHORTEST_VISIT <= signals.visit <= LONGEST_VISIT, "the time is odd"),
        (signals.is_foreign, "the page is none of the form's"),
        (is_attacked, "hardly anybody confirms"),
    )
    return next((words for holds, words in reasons if holds), "")
