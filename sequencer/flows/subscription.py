"""How is somebody put on a course who agreed elsewhere, as an admin or a program of the site says?"""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from sequencer.core.model import (
    Address,
    Assent,
    Revision,
    SignupRequest,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from sequencer.errors import BadRequest, BadSettings
from sequencer.flows import optin
from sequencer.forms import Form
from sequencer.store import courses, subscribers
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)


def add(
    db: Database,
    address: Address,
    form: Form,
    *,
    name: str,
    zone: ZoneInfo,
    reason: str,
    now: datetime,
    chosen: ZoneInfo | None = None,
) -> SubscriberId:
    """An admin adds somebody who agreed elsewhere; `reason` says where and is kept as their consent.

    `zone` is for somebody new; a zone that was `chosen` takes the place of the one that is known.
    Raises BadRequest for an address that is suppressed, or whose owner has left: only they can come back.
    """
    timezone = chosen.key if chosen else ""
    request = SignupRequest(
        form=form.key, address=address, name=name, timezone=timezone, note=reason, source_url="", ip=""
    )
    with db.begin() as tx:
        return admit(tx, request, form, zone=zone, now=now).id


def admit(tx: Transaction, request: SignupRequest, form: Form, *, zone: ZoneInfo, now: datetime) -> Subscriber:
    """Somebody who agreed elsewhere is on the course; the request's note says where, and is kept as their consent.

    Raises BadRequest for an address that is suppressed, or whose owner has left: only they can come back.
    """
    address = request.address
    course = _published(tx, form.course).course_id
    person = subscribers.ensure(tx, address, name=request.name, timezone=request.timezone or zone.key, now=now)
    if subscribers.suppression_of(tx, address) or person.state is SubscriberState.SUPPRESSED:
        raise BadRequest(f"{address.normalized} is on the suppression list and gets no more mail.")
    if person.state is SubscriberState.LEFT:
        raise BadRequest(f"{address.normalized} has unsubscribed; only they can come back, by a sign-up form.")
    person = optin.vouch(
        tx,
        person,
        course,
        request,
        wording=request.note,
        assent=Assent.ELSEWHERE,
        newsletter=form.newsletter,
        now=now,
    )
    log.info("subscriber.added", extra={"subscriber": person.id})
    return person


def _published(tx: Transaction, slug: str) -> Revision:
    revision = courses.current(tx, slug)
    if revision is None:
        raise BadSettings(f'The course "{slug}" is not published yet; run "sequencer course apply {slug}".')
    return revision
