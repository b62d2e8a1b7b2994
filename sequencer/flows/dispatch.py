"""How does a lesson go out? Recover what was left behind, claim what is due, send it, settle what the relay said."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core import lifecycle, schedule, verdicts
from sequencer.core.lifecycle import DeliveryEvent, EnrolmentEvent, SubscriberEvent
from sequencer.core.model import (
    Accepted,
    Blame,
    Claim,
    ConsentId,
    Deferred,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    Enrolment,
    EnrolmentState,
    Outcome,
    Parcel,
    Rejected,
    Report,
    Revision,
    SuppressionReason,
    Ticket,
    Uncertain,
    WhenUncertain,
)
from sequencer.delivery.courier import Carried, Courier
from sequencer.errors import BadContent
from sequencer.flows.archive import Archive
from sequencer.flows.press import Press
from sequencer.store import consents, deliveries, enrolments, subscribers
from sequencer.store.database import Database, Transaction
from sequencer.store.deliveries import LessonRow, Settlement

log = logging.getLogger(__name__)

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one pass did: rows taken back from dead senders, messages by their outcome, and the relay's trouble."""

    recovered: int
    accepted: int
    deferred: int
    rejected: int
    uncertain: int
    trouble: str


def tick(
    db: Database, courier: Courier, press: Press, *, now: datetime, stop: Callable[[], bool] = lambda: False
) -> Tick:
    """One pass: everything that is due at `now` is sent, unless `stop` says so before. Safe to run twice at once."""
    recovered = recover(db, press.archive, now=now)
    ledger = _Ledger(db, press, now, stop)
    due = next_due(db)
    # No connection is opened where nothing is due.
    carried = courier.carry(ledger) if due is not None and due <= now else Carried(tried=0)
    if carried.trouble:
        log.warning("relay.trouble", extra={"reason": carried.trouble})
    return Tick(
        recovered=recovered,
        accepted=ledger.count[Accepted],
        deferred=ledger.count[Deferred],
        rejected=ledger.count[Rejected],
        uncertain=ledger.count[Uncertain],
        trouble=carried.trouble,
    )


def recover(db: Database, archive: Archive, *, now: datetime) -> int:
    """Take back what dead senders held: what was not sent is due again, what may have been sent becomes uncertain."""
    with db.begin() as tx:
        rows = deliveries.expired(tx, limit=BATCH)
        for row in rows:
            after = lifecycle.move(lifecycle.DELIVERY, row.state, DeliveryEvent.EXPIRE)
            again: datetime | None = now
            if after is DeliveryState.UNCERTAIN:
                again = _again(tx, archive, row, now)
            deliveries.expire(tx, row, to=after, due_at=again)
            if again is None:
                # A message whose fate stays unknown does not hold up the course.
                _advance(tx, archive, [row], now)
            log.warning("delivery.recovered", extra={"delivery": row.id, "state": after})
    return len(rows)


def next_due(db: Database) -> datetime | None:
    """When there is something to send next; None where nobody waits for anything."""
    with db.read() as tx:
        times = [at for at in (enrolments.next_due(tx), deliveries.next_due(tx)) if at is not None]
    return min(times, default=None)


class _Ledger:
    """The ledger as a courier sees it during one pass; its calls come from threads, one at a time each."""

    def __init__(self, db: Database, press: Press, now: datetime, stop: Callable[[], bool]) -> None:
        self.count: dict[type[Outcome], int] = {Accepted: 0, Deferred: 0, Rejected: 0, Uncertain: 0}
        self._db = db
        self._press = press
        self._now = now
        self._stop = stop
        self._claims: dict[DeliveryId, Claim] = {}

    def next_batch(self) -> Sequence[Parcel]:
        """Claim what is due, in one transaction, and make parcels of it."""
        while not self._stop():
            with self._db.begin() as tx:
                ids = deliveries.claim_waiting(tx, now=self._now, limit=BATCH)
                again = bool(ids)
                if not ids:
                    ids, again = _claim_lessons(tx, self._press.archive, self._now)
                claims = deliveries.claims(tx, ids) if ids else []
                made = [(claim, self._parcel(tx, claim)) for claim in claims]
            parcels = [parcel for _, parcel in made if isinstance(parcel, Parcel)]
            self._claims.update({claim.delivery.id: claim for claim in claims})
            self._put_off(
                [
                    Report(ticket=claim.ticket, outcome=broken, relay="")
                    for claim, broken in made
                    if isinstance(broken, Deferred)
                ]
            )
            if parcels or not again:
                return parcels
        return []

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        """Settle what is known and say what will be sent now, in one transaction."""
        with self._db.begin() as tx:
            settled = self._settle(tx, reports)
            granted = deliveries.intend(tx, intents) if intents else frozenset()
        for report in reports:
            self._log(report, settled=report.ticket.delivery_id in settled)
            self._claims.pop(report.ticket.delivery_id, None)
        return granted

    def _parcel(self, tx: Transaction, claim: Claim) -> Parcel | Deferred:
        """The finished message; a message that cannot be made is put off, and the others go on."""
        try:
            if claim.delivery.kind is DeliveryKind.CONFIRMATION:
                consent = consents.get(tx, ConsentId(claim.delivery.campaign_id))
                if consent is None:
                    raise BadContent(f"delivery {claim.delivery.id}: its consent is gone.")
                return self._press.confirmation(claim, consent, self._press.archive.current(tx, consent.course_id))
            return self._press.lesson(claim, _revision(tx, self._press.archive, claim.delivery))
        except BadContent as error:
            log.error("delivery.broken", extra={"delivery": claim.delivery.id, "reason": str(error)})  # noqa: TRY400
            return Deferred(reply=f"The message could not be made: {error}")

    def _put_off(self, reports: Sequence[Report]) -> None:
        if reports:
            self.record([], reports)

    def _settle(self, tx: Transaction, reports: Sequence[Report]) -> frozenset[DeliveryId]:
        held = [report for report in reports if report.ticket.delivery_id in self._claims]
        # People before messages: whoever locks both locks them in this order, so that nobody waits in a circle.
        for report in held:
            if isinstance(report.outcome, Rejected) and report.outcome.blame is Blame.ADDRESS:
                self._suppress(tx, self._claims[report.ticket.delivery_id], report.outcome.reply)
        made = [self._settlement(tx, report) for report in held]
        settled = deliveries.settle(tx, made, now=self._now)
        over = [one for one in made if one.due_at is None and one.ticket.delivery_id in settled]
        _advance(tx, self._press.archive, [self._claims[one.ticket.delivery_id].delivery for one in over], self._now)
        return settled

    def _settlement(self, tx: Transaction, report: Report) -> Settlement:
        row = self._claims[report.ticket.delivery_id].delivery
        event, again = DeliveryEvent.REJECT, None
        match report.outcome:
            case Accepted():
                event = DeliveryEvent.ACCEPT
            case Deferred(after=least):
                again = verdicts.next_attempt(row.attempt, self._now, key=row.id, least=least)
                event = DeliveryEvent.REJECT if again is None else DeliveryEvent.DEFER
            case Uncertain():
                event, again = DeliveryEvent.LOSE, _again(tx, self._press.archive, row, self._now)
            case Rejected():
                pass
        return Settlement(
            ticket=report.ticket, event=event, reply=report.outcome.reply, relay=report.relay, due_at=again
        )

    def _suppress(self, tx: Transaction, claim: Claim, reply: str) -> None:
        """A dead address: the person gets no more mail, and their courses stop."""
        person = subscribers.lock(tx, claim.delivery.subscriber_id)
        if person is None:
            return
        state = lifecycle.move(lifecycle.SUBSCRIBER, person.state, SubscriberEvent.BOUNCE)
        subscribers.suppress(tx, person.address, reason=SuppressionReason.BOUNCE, detail=reply, now=self._now)
        subscribers.save(tx, replace(person, state=state))
        stop_courses(tx, enrolments.of(tx, person.id))
        log.info("subscriber.suppressed", extra={"subscriber": person.id, "reason": SuppressionReason.BOUNCE})

    def _log(self, report: Report, *, settled: bool) -> None:
        outcome = type(report.outcome)
        self.count[outcome] += settled
        log.info(
            f"delivery.{outcome.__name__.lower()}" if settled else "delivery.late",
            extra={"delivery": report.ticket.delivery_id, "relay": report.relay, "reply": report.outcome.reply},
        )


def stop_courses(tx: Transaction, places: Sequence[Enrolment]) -> None:
    """Nothing more is due to a person on these courses."""
    for place in places:
        state = lifecycle.move(lifecycle.ENROLMENT, place.state, EnrolmentEvent.STOP)
        enrolments.save(tx, replace(place, state=state, next_due_at=None))


def _claim_lessons(tx: Transaction, archive: Archive, now: datetime) -> tuple[Sequence[DeliveryId], bool]:
    """Claim lessons that are due: ledger rows are made, steps advance. Also whether anybody was due."""
    due = enrolments.claim_due(tx, now=now, limit=BATCH)
    if not due:
        return [], False
    revisions = {course: archive.current(tx, course) for course in {place.course_id for place in due}}
    rows = []
    for place in due:
        revision = revisions[place.course_id]
        if place.step >= len(revision.lesson_ids):
            # The course has become shorter than this person had come.
            _finish(tx, place, now)
            continue
        rows.append(
            LessonRow(
                lesson_id=revision.lesson_ids[place.step],
                subscriber_id=place.subscriber_id,
                run=place.run,
                enrolment_id=place.id,
                revision_id=revision.id,
            )
        )
    made = deliveries.claim_lessons(tx, rows, now=now) if rows else {}
    for place in due:
        if place.id not in made and place.step < len(revisions[place.course_id].lesson_ids):
            # The ledger says that this person has had this lesson: the next one is due instead.
            enrolments.save(tx, replace(place, next_due_at=place.next_due_at))
    return list(made.values()), True


def _advance(tx: Transaction, archive: Archive, rows: Sequence[Delivery], now: datetime) -> None:
    """These lessons are over, one way or the other: the people's next ones are planned."""
    places = enrolments.lock(tx, [row.enrolment_id for row in rows if row.enrolment_id is not None])
    zones = {
        claim.delivery.enrolment_id: claim.timezone
        for claim in (deliveries.claims(tx, [row.id for row in rows]) if places else [])
    }
    revisions = {course: archive.current(tx, course) for course in {one.course_id for one in places.values()}}
    for which, place in places.items():
        if place.state is EnrolmentState.ACTIVE:
            _plan(tx, place, revisions[place.course_id], ZoneInfo(zones[which]), now)


def _plan(tx: Transaction, place: Enrolment, revision: Revision, zone: ZoneInfo, now: datetime) -> None:
    if place.step >= len(revision.lesson_ids):
        _finish(tx, place, now)
    else:
        due = schedule.next_due(now, zone, revision.rhythm_to(place.step))
        enrolments.save(tx, replace(place, next_due_at=due))


def _finish(tx: Transaction, place: Enrolment, now: datetime) -> None:
    state = lifecycle.move(lifecycle.ENROLMENT, place.state, EnrolmentEvent.FINISH)
    enrolments.save(tx, replace(place, state=state, next_due_at=None, finished_at=now))
    log.info("enrolment.finished", extra={"enrolment": place.id})


def _again(tx: Transaction, archive: Archive, row: Delivery, now: datetime) -> datetime | None:
    """When an uncertain message is sent once more, or None where it is left to an admin."""
    policy = WhenUncertain.RETRY
    if row.revision_id is not None:
        policy = _revision(tx, archive, row).course.uncertain
    if policy is WhenUncertain.HOLD or row.doubts + 1 >= verdicts.MOST_DOUBTS:
        return None
    return now + verdicts.DOUBT_FOR


def _revision(tx: Transaction, archive: Archive, row: Delivery) -> Revision:
    if row.revision_id is None:
        raise BadContent(f"delivery {row.id}: it names no revision of its course.")
    return archive.revision(tx, row.revision_id)
