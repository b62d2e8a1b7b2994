"""Who agreed to what, when and where? Rows of `consent`; they are added to and confirmed, never changed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, insert, select, update

from sequencer.core.model import Consent, ConsentId, CourseId, SignupRequest, SubscriberId
from sequencer.store.database import Transaction
from sequencer.store.tables import consent


def record(
    tx: Transaction,
    who: SubscriberId,
    course: CourseId,
    request: SignupRequest,
    *,
    wording: str,
    wording_version: str = "",
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
            wording_version=wording_version,
            user_agent=request.user_agent,
            language=request.language,
            shape=request.shape,
            utm=request.utm,
            attributes=request.attributes,
            tags=request.tags,
        )
        .returning(consent.c.id)
    )
    return ConsentId(made.scalar_one())


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
        wording_version=row.wording_version,
        user_agent=row.user_agent,
        language=row.language,
        shape=row.shape,
        utm=row.utm,
        attributes=row.attributes,
        tags=row.tags,
    )
