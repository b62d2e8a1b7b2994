"""Who agreed to what, when and where? Rows of `consent`; they are added to and confirmed, never changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Row, and_, insert, or_, select, update

from sequencer.core.model import Assent, Consent, ConsentId, CourseId, SignupRequest, SubscriberId
from sequencer.forms import Form
from sequencer.store import crowd
from sequencer.store.database import Transaction
from sequencer.store.tables import consent

_OPEN = and_(consent.c.confirmed_at.is_(None), consent.c.considered_at.is_(None))


def record(
    tx: Transaction,
    who: SubscriberId,
    course: CourseId,
    request: SignupRequest,
    *,
    wording: str,
    wording_version: str = "",
    assent: Assent = Assent.MAIL,
    newsletter: bool = False,
    now: datetime,
) -> ConsentId:
    """Keep what was asked for; it takes effect when it is confirmed."""
    made = tx.execute(
        insert(consent)
        .values(
            subscriber_id=who,
            course_id=course,
            form=request.form,
            wording=wording,
            name=request.name,
            timezone=request.timezone,
            note=request.note,
            source_url=request.source_url,
            ip=request.ip,
            asked_at=now,
            assent=assent,
            wording_version=wording_version,
            user_agent=request.user_agent,
            language=request.language,
            shape=request.shape,
            utm=request.utm,
            attributes=request.attributes,
            tags=request.tags,
            newsletter=int(newsletter),
        )
        .returning(consent.c.id)
    )
    return ConsentId(made.scalar_one())


def record_all(
    tx: Transaction, asked: Sequence[tuple[SubscriberId, CourseId, SignupRequest, Form]], *, now: datetime
) -> Mapping[SubscriberId, ConsentId]:
    """Keep what many asked for, each person once; each takes effect when it is confirmed."""
    if tx.dialect.name == "sqlite":
        return crowd.record(tx, asked, now=now)
    rows = [
        {
            "subscriber_id": who,
            "course_id": course,
            "form": request.form,
            "wording": form.consent,
            "wording_version": form.wording_version,
            "name": request.name,
            "timezone": request.timezone,
            "note": request.note,
            "source_url": request.source_url,
            "ip": request.ip,
            "asked_at": now,
            "user_agent": request.user_agent,
            "language": request.language,
            "shape": request.shape,
            "utm": request.utm,
            "attributes": request.attributes,
            "tags": request.tags,
            "newsletter": int(form.newsletter),
        }
        for who, course, request, form in asked
    ]
    # Known by their people, as nothing promises the order of the rows.
    made = tx.execute(insert(consent).returning(consent.c.subscriber_id, consent.c.id), rows)
    return {SubscriberId(who): ConsentId(which) for who, which in made}


def lock(tx: Transaction, which: ConsentId) -> Consent | None:
    """The consent, locked until the transaction ends."""
    row = tx.execute(select(consent).where(consent.c.id == which).with_for_update()).one_or_none()
    return None if row is None else _consent(row)


def get(tx: Transaction, which: ConsentId) -> Consent | None:
    """The consent, or None."""
    row = tx.execute(select(consent).where(consent.c.id == which)).one_or_none()
    return None if row is None else _consent(row)


def confirm(tx: Transaction, which: ConsentId, *, ip: str, now: datetime) -> None:
    """Keep when and from where the consent was confirmed first."""
    tx.execute(
        update(consent)
        .where(consent.c.id == which, consent.c.confirmed_at.is_(None))
        .values(confirmed_at=now, confirmed_ip=ip)
    )


def disown(tx: Transaction, which: ConsentId, *, now: datetime) -> None:
    """Keep when the owner of the address said first that it had not been them; it is never asked about again."""
    still = (consent.c.id == which, consent.c.disowned_at.is_(None))
    tx.execute(update(consent).where(*still).values(disowned_at=now, considered_at=now))


def reclaim(tx: Transaction, which: ConsentId, *, note: str) -> None:
    """It had been them after all; `note` keeps what was said in between."""
    tx.execute(update(consent).where(consent.c.id == which).values(disowned_at=None, note=note))


def unconsidered(tx: Transaction, *, until: datetime, after: Consent | None, limit: int) -> Sequence[Consent]:
    """Consents of up to then, neither confirmed nor considered yet, the oldest first: those behind `after`."""
    query = select(consent).where(_OPEN, consent.c.asked_at <= until)
    if after is not None:
        at = consent.c.asked_at
        query = query.where(at >= after.asked_at, or_(at > after.asked_at, consent.c.id > after.id))
    return [_consent(row) for row in tx.execute(query.order_by(consent.c.asked_at, consent.c.id).limit(limit))]


def consider(tx: Transaction, which: ConsentId, *, now: datetime) -> bool:
    """It is decided now whether whoever gave it is reminded; False where it was answered or decided meanwhile."""
    still = (consent.c.id == which, _OPEN)
    return tx.execute(update(consent).where(*still).values(considered_at=now)).rowcount > 0


def answered_at(tx: Transaction, people: Collection[SubscriberId]) -> Mapping[SubscriberId, datetime]:
    """When these people last confirmed or disowned anything; who never did is left out."""
    times = [consent.c.confirmed_at, consent.c.disowned_at]
    query = select(consent.c.subscriber_id, *times).where(
        consent.c.subscriber_id.in_(list(people)), or_(*(time.is_not(None) for time in times))
    )
    found: dict[SubscriberId, datetime] = {}
    for who, *said in tx.execute(query):
        found[SubscriberId(who)] = max(time for time in (found.get(SubscriberId(who)), *said) if time is not None)
    return found


def of(tx: Transaction, who: SubscriberId) -> Sequence[Consent]:
    """All consents of a person, the oldest first."""
    rows = tx.execute(select(consent).where(consent.c.subscriber_id == who).order_by(consent.c.id))
    return [_consent(row) for row in rows]


def _consent(row: Row[tuple[object, ...]]) -> Consent:
    return Consent(
        id=ConsentId(row.id),
        subscriber_id=SubscriberId(row.subscriber_id),
        course_id=CourseId(row.course_id),
        form=row.form,
        wording=row.wording,
        name=row.name,
        timezone=row.timezone,
        note=row.note,
        source_url=row.source_url,
        ip=row.ip,
        asked_at=row.asked_at,
        confirmed_at=row.confirmed_at,
        confirmed_ip=row.confirmed_ip,
        disowned_at=row.disowned_at,
        assent=row.assent,
        wording_version=row.wording_version,
        user_agent=row.user_agent,
        language=row.language,
        shape=row.shape,
        utm=row.utm,
        attributes=row.attributes,
        tags=row.tags,
        newsletter=bool(row.newsletter),
    )
