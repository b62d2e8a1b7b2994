"""What becomes of those who sign up? They are judged, counted and written down, many in one commit."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sequencer.core import abuse, floods, verdicts
from sequencer.core.abuse import Accept, Cap, Signals, Verdict
from sequencer.core.floods import Use
from sequencer.core.hooks import Happening
from sequencer.core.model import (
    NEWSLETTER,
    CourseId,
    DeliveryKind,
    SignupRequest,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.core.verdicts import SignupVerdict
from sequencer.errors import BadSettings
from sequencer.flows import optin, telling
from sequencer.flows.telling import Told
from sequencer.forms import Form
from sequencer.store import asking, consents, courses, door, enrolments, subscribers, used
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
SOLUTION_KEPT = timedelta(hours=1)
RECEIPT_KEPT = timedelta(days=7)


class Knock(NamedTuple):
    """One sign-up at the door.

    `solution` and `receipt` are digests of what counts once only: the work that a browser did, and the name that a
    program gave to its message; "" where there is none.
    """

    request: SignupRequest
    form: Form
    signals: Signals
    solution: str = ""
    receipt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the door knows of itself: how many it takes, the key of its counters, the zone of who names none."""

    caps: tuple[Cap, ...]
    secret: str
    zone: ZoneInfo


def take(db: Database, knocks: Sequence[Knock], at: Door, *, now: datetime) -> Sequence[Verdict]:
    """Judge these sign-ups and take those that are believed, in one commit; the verdicts in their order.

    Nothing about a person changes before they confirm, and no verdict depends on whether we know them.
    """
    with db.begin() as tx:
        judged = _judged(tx, knocks, at, now)
        believed = [
            _Asked(knock=knock, verdict=verdict)
            for knock, (verdict, is_first) in zip(knocks, judged, strict=True)
            if isinstance(verdict, Accept) and is_first
        ]
        taken = _write(tx, believed, zone=at.zone, now=now)
        _count_admitted(tx, believed, taken, at.secret, now)
    for knock, (verdict, _) in zip(knocks, judged, strict=True):
        if not isinstance(verdict, Accept):
            log.info("signup.held_up", extra={"form": knock.form.key, "verdict": type(verdict).__name__.lower()})
    _tell(believed, taken)
    return [verdict for verdict, _ in judged]


def sign_up(db: Database, request: SignupRequest, form: Form, *, zone: ZoneInfo, now: datetime) -> SignupVerdict:
    """Take a sign-up that an admin typed: neither judged nor counted."""
    signals = Signals(form=request.form, address=request.address.normalized, name="", ip="")
    asked = _Asked(knock=Knock(request=request, form=form, signals=signals), verdict=Accept())
    with db.begin() as tx:
        taken = _write(tx, [asked], zone=zone, now=now)
    _tell([asked], taken)
    return taken[0][1]


def admit(tx: Transaction, knock: Knock, at: Door, *, now: datetime) -> Verdict:
    """The same as `take`, for one whom a program with a key brings, in a transaction that does more."""
    ((verdict, _),) = _judged(tx, [knock], at, now)
    if isinstance(verdict, Accept):
        asked = [_Asked(knock=knock, verdict=verdict)]
        taken = _write(tx, asked, zone=at.zone, now=now)
        _count_admitted(tx, asked, taken, at.secret, now)
        _tell(asked, taken)
    return verdict


class _Asked(NamedTuple):
    """A sign-up that is believed."""

    knock: Knock
    verdict: Accept


def _judged(tx: Transaction, knocks: Sequence[Knock], at: Door, now: datetime) -> Sequence[tuple[Verdict, bool]]:
    """A verdict for each, as if they had come one after the other, and whether it came for the first time.

    They are counted with it: each for what it tried, and those who are let through for what that may bring.
    """
    counted = [abuse.subjects(knock.signals, at.secret) for knock in knocks]
    before = door.counted(tx, counted, now=now)
    uses: dict[str, Sequence[Use]] = dict(before)
    asked: dict[str, int] = {}
    hour = floods.hour(now)
    found = []
    for knock, subjects in zip(knocks, counted, strict=True):
        for one in subjects.values():
            if one in asked:
                uses[one] = (*before.get(one, ()), Use(hour=hour, asked=asked[one], confirmed=0))
        signals = knock.signals
        if knock.solution:
            signals = signals._replace(solved=used.first(tx, knock.solution, until=now + SOLUTION_KEPT, now=now))
        verdict = abuse.judge(signals, subjects, uses, caps=at.caps, now=now)
        is_taken = isinstance(verdict, Accept) and _is_first(tx, knock, now)
        found.append((verdict, is_taken))
        for kind, one in subjects.items():
            if is_taken or kind not in abuse.LET_THROUGH:
                asked[one] = asked.get(one, 0) + 1
    door.count(tx, asked, now=now)
    return found


def _is_first(tx: Transaction, knock: Knock, now: datetime) -> bool:
    """Whether a program's message was not taken before; used up with the sign-up that it brings, or not at all."""
    return not knock.receipt or used.first(tx, knock.receipt, until=now + RECEIPT_KEPT, now=now)


def _count_admitted(
    tx: Transaction,
    believed: Sequence[_Asked],
    taken: Sequence[tuple[SubscriberId, SignupVerdict]],
    secret: str,
    now: datetime,
) -> None:
    """Nobody asks them to confirm: without this, each would count as one who did not."""
    admitted = [one.knock for one, (_, verdict) in zip(believed, taken, strict=True) if verdict is SignupVerdict.ADMIT]
    counted = [abuse.answered(one.form.key, one.request.address.normalized, secret) for one in admitted]
    door.confirm(tx, [subject for named in counted for subject in named.values()], now=now)


def _write(
    tx: Transaction, asked: Sequence[_Asked], *, zone: ZoneInfo, now: datetime
) -> Sequence[tuple[SubscriberId, SignupVerdict]]:
    """The people (pending), what they agreed to, and mails that ask them; what became of each, in their order."""
    if not asked:
        return []
    at = _published(tx, {slug for one in asked for slug in _slugs(one.knock.form)})
    # Without the name: who typed it need not be who confirms.
    addresses = [one.knock.request.address for one in asked]
    people, made = subscribers.ensure_all(tx, addresses, timezone=zone.key, now=now)
    known = _Known.of(tx, people, made, now)
    found: list[tuple[SubscriberId, SignupVerdict]] = []
    to_ask: list[tuple[SubscriberId, CourseId, SignupRequest, Form]] = []
    waits: dict[SubscriberId, datetime] = {}
    for one in asked:
        request = one.knock.request
        person, course = people[request.address.normalized], at[one.knock.form.course]
        admitted = not one.verdict.doubly and optin.admit(tx, person.id, course, request, one.knock.form, now=now)
        wanted = [at[slug] for slug in _slugs(one.knock.form)]
        verdict = SignupVerdict.ADMIT if admitted else known.judge(person, wanted, now)
        found.append((person.id, verdict))
        if verdict is SignupVerdict.CONFIRM:
            to_ask.append((person.id, course, request, one.knock.form))
            known.asked(person.id, now)
            waits[person.id] = now + one.verdict.wait
    if to_ask:
        mails = [(which, who) for who, which in consents.record_all(tx, to_ask, now=now).items()]
        due = {which: waits[who] for which, who in mails}
        asking.queue(tx, DeliveryKind.CONFIRMATION, mails, now=now, due=due)
        told = (
            Told(who=who, address=request.address, course=course, more={"form": form.key})
            for who, course, request, form in to_ask
        )
        telling.tell(tx, Happening.SUBSCRIBED, told, now=now)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of people: whose address is suppressed, who is on which course, and when they were asked."""

    suppressed: frozenset[str]
    present: frozenset[tuple[SubscriberId, CourseId]]
    times: dict[SubscriberId, list[datetime]]

    @classmethod
    def of(cls, tx: Transaction, people: Mapping[str, Subscriber], made: Collection[str], now: datetime) -> "_Known":
        """What is known of these, of whom some were made just now."""
        old = [person.id for address, person in people.items() if address not in made]
        asked = asking.of(tx, old) if old else {}
        return cls(
            suppressed=subscribers.suppressed_among(tx, people),
            present=enrolments.present(tx, old) if old else frozenset(),
            times={who: list(verdicts.asked(mails, now=now)) for who, mails in asked.items()},
        )

    def judge(self, person: Subscriber, wanted: Sequence[CourseId], now: datetime) -> SignupVerdict:
        """Whether this person is asked by mail."""
        since = max(person.confirmed_at or _LONG_AGO, person.left_at or _LONG_AGO)
        state = SubscriberState.SUPPRESSED if person.address.normalized in self.suppressed else person.state
        return verdicts.signup(
            state,
            on_course=all((person.id, course) in self.present for course in wanted),
            confirmations=[at for at in self.times.get(person.id, ()) if at > since],
            now=now,
        )

    def asked(self, who: SubscriberId, now: datetime) -> None:
        """They are asked with this very batch."""
        self.times.setdefault(who, []).append(now)


def _slugs(form: Form) -> tuple[str, ...]:
    """What somebody gets who signs up there: its course, and the newsletter where the form is for it too."""
    if not form.newsletter or form.course == NEWSLETTER:
        return (form.course,)
    return (form.course, NEWSLETTER)


def _published(tx: Transaction, slugs: Collection[str]) -> Mapping[str, CourseId]:
    found = courses.published_ids(tx, slugs)
    for slug in slugs:
        if slug not in found:
            raise BadSettings(f'The course "{slug}" is not published yet; run "sequencer course apply {slug}".')
    return found


def _tell(asked: Sequence[_Asked], taken: Sequence[tuple[SubscriberId, SignupVerdict]]) -> None:
    for one, (who, verdict) in zip(asked, taken, strict=True):
        log.info("signup.taken", extra={"subscriber": who, "form": one.knock.form.key, "verdict": verdict})
