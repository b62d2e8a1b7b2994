"""What does the courier ask of the ledger during one pass? Claims to send, intents to allow, outcomes to settle."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from sequencer.core import records, verdicts
from sequencer.core.hooks import Happening
from sequencer.core.lifecycle import DeliveryEvent
from sequencer.core.limits import Rest
from sequencer.core.model import (
    Accepted,
    Blame,
    Claim,
    CourseId,
    Deferred,
    DeliveryId,
    DeliveryKind,
    LessonId,
    Outcome,
    Parcel,
    Rejected,
    Report,
    RevisionId,
    SuppressionReason,
    Ticket,
    Uncertain,
)
from sequencer.core.rates import Grant, Turn
from sequencer.delivery.way import Lane
from sequencer.errors import BadContent, BadDatabase
from sequencer.flows import broadcast, catchup, doubt, orders, plan, several, silence, telling
from sequencer.flows.domains import Domains
from sequencer.flows.lowwater import LowWater
from sequencer.flows.orders import Print, Withheld
from sequencer.flows.precedence import SHARE, Precedence
from sequencer.flows.press import Press
from sequencer.flows.ration import Ration
from sequencer.flows.telling import Audience
from sequencer.relays import Relay
from sequencer.store import deliveries, hot, pauses, rests, shards, subscribers
from sequencer.store.database import Database, Transaction
from sequencer.store.hot import Due, Plan, Settlement
from sequencer.store.journal import Journal
from sequencer.store.pauses import Still
from sequencer.values import Intent

log = logging.getLogger(__name__)

BATCH = 1000


class PassLedger:
    """The ledger during one pass. Its calls may come from several threads; each commits before it returns.

    `count` says how many attempts were settled, by outcome, `claimed` how many messages were claimed. With a `shard`,
    new lessons are claimed of its people alone; what waits in the ledger is anybody's.
    """

    def __init__(
        self,
        db: Database,
        press: Press,
        *,
        now: datetime,
        stop: Callable[[], bool],
        end: Callable[[], bool],
        intent: Intent = Intent.STRICT,
        apart: timedelta = timedelta(0),
        shard: int | None = None,
        low: LowWater | None = None,
        journal: Journal | None = None,
        newsletter_share: int = SHARE,
        most: Callable[[], int] = lambda: BATCH,
    ) -> None:
        self.count: dict[type[Outcome], int] = {Accepted: 0, Deferred: 0, Rejected: 0, Uncertain: 0}
        self.claimed = 0
        self.in_process = db.is_sqlite
        self.signs = press.signs
        self.intends = intent is Intent.BATCH
        self._db = db
        self._press = press
        self._now = now
        self._stop, self._most = stop, most
        self._end = end
        # By attempt: what went back may be claimed anew before we have forgotten that it did.
        self._claims: dict[Ticket, Claim] = {}
        self._journal = journal
        self._names: dict[Ticket, str] = {}
        self._ration = Ration(db, now=now)
        self._domains = Domains(db, share=newsletter_share)
        self._order = Precedence(self._ration, share=newsletter_share, now=now)
        self._apart = apart
        self._audience = Audience()
        self._shard = shard
        self._people = shards.table(db, shard)
        self._low = low or LowWater()

    def lease(self, relay: Relay, room: int, held: int) -> Grant:
        """How many of `room` messages this relay may be given now, and turns for those that hold none."""
        return self._ration.lease(relay, room, held)

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        """What was leased and not needed is there for others; of each of these relays so many of the last turns."""
        return self._ration.give_back(unused)

    def rests(self, relays: Sequence[str]) -> Mapping[str, str]:
        """Those of these relays that an admin has paused; all of them where everything stands still."""
        with self._db.read() as tx:
            still = pauses.still(tx)
        if still.everything is not None:
            return dict.fromkeys(relays, f"{still.everything}.")
        return {name: f"{one}." for name, one in still.relays.items() if name in relays}

    def share(self, news: Sequence[Rest], relays: Sequence[str]) -> Sequence[Rest]:
        """Tell other workers what is left alone, or works again; and hear what they know of these relays."""
        if news:
            with self._db.begin() as tx:
                rests.tell(tx, news)
        with self._db.read() as tx:
            return rests.known(tx, relays)

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        """Claim what is due, one for each place at most, in one transaction, and make parcels of it.

        Empty when nothing is due any more. Where claims are intents, all of it is in doubt after a crash: then whoever
        asks has few places.
        """
        while not self._stop():
            if self._order.short:
                self._fan_out()
            with self._db.begin() as tx:
                hot.steer(tx)
                still = pauses.still(tx)
                usable = _usable(places, still)
                claims, more = self._claim(tx, usable, min(len(usable), BATCH, self._most()), still)
                pairs = _paired(claims, usable)
                ordered = self._orders(tx, pairs)
            self._order.had(claims)
            parcels = self._parcels(ordered, pairs)
            if parcels or not (more or (usable and self._fan_out())):
                return parcels
        return []

    def pressed(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        """Of what answers a person's own press alone, one for each place at most."""
        if self._stop():
            return []
        with self._db.begin() as tx:
            hot.steer(tx)
            still = pauses.still(tx)
            usable = _usable(places, still) if still.everything is None else []
            claims = self._waiting(tx, len(usable), (), deliveries.AT_ONCE) if usable else []
            pairs = _paired(claims, usable)
            ordered = self._orders(tx, pairs)
        return self._parcels(ordered, pairs)

    def renew(self, ticket: Ticket, relay: Relay) -> Turn | None:
        """Another turn at its domain for a message that could not begin within its own; None where there is none."""
        claim = self._claims.get(ticket)
        return self._domains.renew(claim, relay) if claim else None

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        """Settle what is known and say what will be sent now, in one transaction.

        What is known is in the journal before: where the commit fails, or we die, it is not lost. Where the journal
        cannot be written, what is known is settled, nothing more is sent, and BadDatabase is raised.
        """
        trouble = self._noted(reports)
        with self._db.begin() as tx:
            hot.steer(tx)
            settled = self._settle(tx, reports)
            granted = hot.intend(tx, intents) if intents and trouble is None else frozenset()
        for report in reports:
            self._log(report, settled=report.ticket.delivery_id in settled)
            self._claims.pop(report.ticket, None)
            self._names.pop(report.ticket, None)
        self._account(reports, settled)
        self._ration.not_taken(one for one in intents if one.delivery_id not in granted)
        if trouble is not None:
            raise trouble
        return granted

    def must_end(self) -> bool:
        """Whether even answers that are awaited are not to be awaited any longer."""
        return self._end()

    def _parcels(self, ordered: Sequence[tuple[Claim, Print]], pairs: Sequence[tuple[Claim, Lane]]) -> Sequence[Parcel]:
        """What was claimed, printed; what cannot be, or may not go to its domain yet, is put off, the others go on."""
        self.claimed += len(ordered)
        self._claims.update({claim.ticket: claim for claim, _ in ordered})
        if any(lane.relay.domains for _, lane in pairs):
            return self._in_turn(ordered, pairs)
        return self._print(ordered, {})

    def _in_turn(self, ordered: Sequence[tuple[Claim, Print]], pairs: Sequence[tuple[Claim, Lane]]) -> Sequence[Parcel]:
        """Those that have a turn at their domain, or need none; the others are put off until it is theirs."""
        wanted = {claim.ticket for claim, _ in ordered}
        answer = self._domains.admit([(claim, lane.relay) for claim, lane in pairs if claim.ticket in wanted])
        if answer.later:
            self.record([], answer.later)
        late = {one.ticket for one in answer.later}
        return self._print([one for one in ordered if one[0].ticket not in late], answer.turns)

    def _print(self, ordered: Sequence[tuple[Claim, Print]], turns: Mapping[Ticket, Turn]) -> Sequence[Parcel]:
        made = [(claim, _printed(claim, make)) for claim, make in ordered]
        broken = [
            Report(ticket=claim.ticket, outcome=outcome, relay="")
            for claim, outcome in made
            if isinstance(outcome, Deferred)
        ]
        if broken:
            self.record([], broken)
        parcels = [
            parcel._replace(at_once=True) if claim.kind in deliveries.AT_ONCE else parcel
            for claim, parcel in made
            if isinstance(parcel, Parcel)
        ]
        if turns:
            parcels = [one._replace(turn=turns.get(one.ticket)) for one in parcels]
        self._name(parcels)
        return self._granted(parcels)

    def _name(self, parcels: Sequence[Parcel]) -> None:
        """Keep their Message-IDs for the journal."""
        if self._journal is not None:
            self._names.update({one.ticket: _message_id(one.content) for one in parcels})

    def _noted(self, reports: Sequence[Report]) -> BadDatabase | None:
        """These answers are in the journal; or why they are not."""
        if self._journal is None:
            return None
        at = int(self._now.timestamp())
        answers = [one for one in reports if not isinstance(one.outcome, Deferred) or one.outcome.tried]
        held = [(self._claims[one.ticket], one) for one in answers if one.ticket in self._names]
        noted = [records.record(claim, one.outcome, at=at, message_id=self._names[one.ticket]) for claim, one in held]
        try:
            self._journal.write(noted)
        except BadDatabase as error:
            return error
        return None

    def _fan_out(self) -> bool:
        """Make more of an issue ready: never more than is being sent. Whether there was more, and leave to send it."""
        self._order.short = self._order.contends = False
        if self._order.has_its_day:
            broadcast.wait(self._db, now=self._now)
        else:
            self._order.contends = broadcast.fan_out(self._db, self._press.archive, now=self._now)
        return self._order.contends

    def _granted(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Where what is claimed is written without another question: those whose intent is on record now."""
        asked = [one.ticket for one in parcels if not self._claims[one.ticket].is_begun] if self.intends else []
        if not asked:
            return parcels
        refused = {one.delivery_id for one in asked} - self.record(asked, [])
        return [one for one in parcels if one.ticket.delivery_id not in refused]

    def _claim(self, tx: Transaction, places: Sequence[Lane], most: int, paused: Still) -> tuple[Sequence[Claim], bool]:
        """What is to be sent next. Also whether anything was due.

        The order of claims: what answers a person's own press, lessons, reminders, issues. While issues wait beside
        lessons, they have their share of each batch.
        """
        if paused.everything is not None or not most:
            return [], False
        still = pauses.paused_courses(tx)
        issues: Sequence[Claim] = []
        if self._order.contends:
            pressed = self._waiting(tx, most, still, deliveries.AT_ONCE)
            if pressed:
                return pressed, True
            issues = self._issues(tx, self._order.beside_lessons(self._order.room(tx, places, most), most), still)
        lessons = self._lessons(tx, most - len(issues), paused, still) if len(issues) < most else []
        if lessons:
            return [*lessons, *issues], True
        # Nobody contends with them: all the room is theirs.
        behind = self._waiting(tx, most - len(issues), still, deliveries.BEHIND) if len(issues) < most else []
        more = min(most - len(issues) - len(behind), self._order.room(tx, places, most) - len(issues))
        found = [*behind, *issues, *self._issues(tx, max(0, more), still)]
        return found, bool(found)

    def _lessons(self, tx: Transaction, most: int, paused: Still, still: Collection[CourseId]) -> Sequence[Claim]:
        """Those that wait to be tried again, and what answers a press; else new ones."""
        if waiting := self._waiting(tx, most, still):
            return waiting
        due = self._claim_due(tx, most, paused)
        return self._make_claims(tx, due, still) if due else []

    def _make_claims(self, tx: Transaction, due: Sequence[Due], still: Collection[CourseId]) -> Sequence[Claim]:
        """Ledger rows for people whose next lesson is due; who has had that lesson, or all of them, moves on."""
        archive, now = self._press.archive, self._now
        due = _held_back(tx, due, still)
        revisions = {course: archive.current(tx, course) for course in {one.course_id for one in due}}
        # What was missed is known by the hour at which people were due: before anybody is given another one.
        due = catchup.claimed(tx, due, revisions, default_zone=archive.default_zone, now=now)
        due = several.spaced(tx, due, revisions, apart=self._apart, now=now)
        orders: list[tuple[Due, LessonId, RevisionId]] = []
        for one in due:
            revision = revisions[one.course_id]
            if one.step < len(revision.lesson_ids):
                orders.append((one, revision.lesson_ids[one.step], revision.id))
        claims = hot.make_claims(tx, orders, now=now, begun=self.intends) if orders else []
        if len(claims) < len(orders):
            # The ledger says that these people have had this lesson: the next one is due instead.
            made = {claim.enrolment_id for claim in claims}
            had = [one for one, _, _ in orders if one.enrolment_id not in made]
            plans = [Plan(enrolment_id=one.enrolment_id, step=one.step + 1, due_at=one.due_at) for one in had]
            hot.plan(tx, plans, now=now)
        ended = [one for one in due if one.step >= len(revisions[one.course_id].lesson_ids)]
        plan.finish(tx, archive, ended, now=now)
        return claims

    def _issues(self, tx: Transaction, most: int, still: Collection[CourseId]) -> Sequence[Claim]:
        """Newsletters that are made ready; where there are too few of them, more are, before the next batch."""
        if not most:
            return []
        found = self._waiting(tx, most, still, deliveries.LAST)
        self._order.short = len(found) < most
        return found

    def _waiting(
        self, tx: Transaction, most: int, still: Collection[CourseId], kinds: Collection[DeliveryKind] = ()
    ) -> Sequence[Claim]:
        waiting = deliveries.claim_waiting(tx, now=self._now, limit=most, still=still, only=kinds)
        return deliveries.claims(tx, waiting) if waiting else []

    def _claim_due(self, tx: Transaction, most: int, paused: Still) -> Sequence[Due]:
        """People whose lesson is due, but for those whose shard stands still: their rows stay due."""
        if not paused.shards:
            return self._low.claim_due(tx, now=self._now, limit=most, people=self._people)
        for people in shards.tables(self._db, self._shard, but=paused.shards):
            if due := hot.claim_due(tx, now=self._now, limit=most, people=people):
                return due
        return []

    def _orders(self, tx: Transaction, pairs: Sequence[tuple[Claim, Lane]]) -> Sequence[tuple[Claim, Print]]:
        """How each of these is printed for its relay; what is not to be sent any more is taken out of the ledger."""
        desk = orders.desk(tx, self._press, [claim for claim, _ in pairs], now=self._now)
        found: list[tuple[Claim, Print]] = []
        for claim, lane in pairs:
            order = orders.order(tx, desk, claim, lane.relay)
            if isinstance(order, Withheld):
                deliveries.withhold(tx, claim.ticket, reason=order.reason, now=self._now)
                log.info("delivery.withheld", extra={"delivery": claim.id, "reason": order.reason})
            else:
                if lane.relay.daily_quota or lane.relay.warm_up:
                    self._ration.spend(claim.ticket, lane.relay, issue=claim.kind is DeliveryKind.ISSUE)
                found.append((claim, order))
        return found

    def _settle(self, tx: Transaction, reports: Sequence[Report]) -> frozenset[DeliveryId]:
        held = [(self._claims[one.ticket], one) for one in reports if one.ticket in self._claims]
        # People before messages before places: whoever locks several locks them in this order, and none in a circle.
        refused = [(claim, one.outcome) for claim, one in held if isinstance(one.outcome, Rejected)]
        dead = {claim: said.reply for claim, said in refused if _is_dead(claim, said)}
        people = {claim: subscribers.lock(tx, claim.subscriber_id) for claim in dead}
        made = [self._settlement(tx, claim, report) for claim, report in held]
        settled = hot.settle(tx, made, now=self._now)
        for claim, person in people.items():
            if person is not None and claim.id in settled:
                silence.silence(tx, person, SuppressionReason.BOUNCE, detail=dead[claim], now=self._now)
        if any(self._audience.wants(tx, what) for what in (Happening.SENT, Happening.ISSUE_SENT)):
            made_sent = {one.ticket for one in made if one.event is DeliveryEvent.ACCEPT}
            sent = [claim for claim, _ in held if claim.ticket in made_sent and claim.id in settled]
            telling.sent(tx, self._press.archive, sent, now=self._now)
        over = [claim for (claim, _), one in zip(held, made, strict=True) if one.due_at is None and claim.id in settled]
        plan.go_on(tx, self._press.archive, over, now=self._now)
        return settled

    def _account(self, reports: Sequence[Report], settled: Collection[DeliveryId]) -> None:
        """What may have been taken counts as taken, and what somebody else has settled meanwhile."""
        if not self._ration.counts:
            return
        lost = [one.ticket for one in reports if one.ticket.delivery_id not in settled]
        self._ration.taken([*lost, *(one.ticket for one in reports if isinstance(one.outcome, Accepted | Uncertain))])
        self._ration.not_taken(one.ticket for one in reports)

    def _settlement(self, tx: Transaction, claim: Claim, report: Report) -> Settlement:
        event, again, reply = DeliveryEvent.REJECT, None, report.outcome.reply
        match report.outcome:
            case Accepted():
                event = DeliveryEvent.ACCEPT
            case Deferred(tried=False, after=rest):
                event, again = DeliveryEvent.RELEASE, self._now + rest
            case Deferred(after=least):
                tries = claim.attempt - claim.spared
                again = verdicts.next_attempt(tries, self._now, key=claim.id, least=least)
                event = DeliveryEvent.REJECT if again is None else DeliveryEvent.DEFER
            case Uncertain():
                what = doubt.settle(tx, self._press.archive, claim, now=self._now)
                event, again = DeliveryEvent.ACCEPT if what.sent else DeliveryEvent.LOSE, what.again
                reply = doubt.assumed(reply) if what.sent else reply
            case Rejected():
                pass
        return Settlement(ticket=report.ticket, event=event, reply=reply, relay=report.relay, due_at=again)

    def _log(self, report: Report, *, settled: bool) -> None:
        outcome = type(report.outcome)
        if outcome is Accepted and settled and not log.isEnabledFor(logging.INFO):
            # Which most are: no words are sought that nobody will read.
            self.count[outcome] += 1
            return
        if isinstance(report.outcome, Deferred) and not report.outcome.tried:
            # Nothing has happened to the message; what stands in its way is told of the relay.
            log.debug("delivery.released", extra={"delivery": report.ticket.delivery_id})
            return
        self.count[outcome] += settled
        claim = self._claims.get(report.ticket)
        log.info(
            _EVENTS[outcome] if settled else "delivery.late",
            extra={
                "delivery": report.ticket.delivery_id,
                "kind": claim.kind if claim else "",
                "relay": report.relay,
                "reply": report.outcome.reply,
            },
        )


_EVENTS: Mapping[type[Outcome], str] = MappingProxyType(
    {
        Accepted: "delivery.accepted",
        Deferred: "delivery.deferred",
        Rejected: "delivery.rejected",
        Uncertain: "delivery.uncertain",
    }
)


def _message_id(content: bytes) -> str:
    """The Message-ID of a finished message, as its header has it."""
    begin = content.index(b"\r\nMessage-ID: ") + len(b"\r\nMessage-ID: ")
    return content[begin : content.index(b"\r\n", begin)].decode("ascii")


def _printed(claim: Claim, make: Print) -> Parcel | Deferred:
    """The finished message; one that cannot be made is put off, and the others go on."""
    try:
        return make()
    except BadContent as error:
        log.error("delivery.broken", extra={"delivery": claim.id, "reason": str(error)})  # noqa: TRY400
        return Deferred(reply=f"The message could not be made: {error}")


def _held_back(tx: Transaction, due: Sequence[Due], still: Collection[CourseId]) -> Sequence[Due]:
    """Those whose course goes on; the others wait until it does, at the place where they stood."""
    if still:
        pauses.hold(tx, [(one.enrolment_id, one.step, one.due_at) for one in due if one.course_id in still])
    return [one for one in due if one.course_id not in still]


def _usable(places: Sequence[Lane], still: Still) -> Sequence[Lane]:
    """The places at relays that do not stand still."""
    resting = still.relays
    return [place for place in places if place.relay.name not in resting] if resting else places


def _paired(claims: Sequence[Claim], places: Sequence[Lane]) -> Sequence[tuple[Claim, Lane]]:
    """Each claim with a place: one that takes its address, and rather not the relay that has just put it off."""
    if len({id(place.relay) for place in places}) == 1:
        return list(zip(claims, places, strict=False))
    free = list(places)
    pairs = []
    # Who cannot take any place chooses first; another relay is a wish only.
    for claim in sorted(claims, key=lambda claim: not claim.address.needs_smtputf8):
        able = [which for which, place in enumerate(free) if place.smtputf8 or not claim.address.needs_smtputf8] or [0]
        chosen = next((which for which in able if free[which].relay.name != claim.relay), able[0])
        pairs.append((claim, free.pop(chosen)))
    return pairs


def _is_dead(claim: Claim, said: Rejected) -> bool:
    """Whether the relay said that there is no such address as the person's; of a move they are at neither end yet."""
    return said.blame is Blame.ADDRESS and claim.kind is not DeliveryKind.MOVE
