"""What can a program do with people? List them, look at one, sign them up, change what is known, and let them go."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from typing import Any

from sequencer.core import abuse, networks, schedule
from sequencer.core.abuse import Signals, Verdict
from sequencer.core.keys import Scope
from sequencer.core.model import (
    Address,
    Pairs,
    SignupRequest,
    Subscriber,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import directory, erase, leaving, signup, silence
from sequencer.flows.directory import Wanted
from sequencer.flows.signup import Knock
from sequencer.forms import Form
from sequencer.message import address
from sequencer.store.database import Transaction
from sequencer.web import intake, reception
from sequencer.web.api.calls import Call, Reply, instant, paged
from sequencer.web.api.problems import Fault, Kind, Refused, unusable
from sequencer.web.api.reading import pointer
from sequencer.web.api.schemas import DAYS
from sequencer.web.pages import AGAIN

MOST_ATTRIBUTES = 50


def listed(tx: Transaction, call: Call) -> Reply:
    """GET /subscribers."""
    query = call.query
    state = SubscriberState(query["state"]) if query["state"] else None
    if state is SubscriberState.SUPPRESSED:
        call.insist(Scope.READ_SUPPRESSIONS)
    wanted = Wanted(
        sees_left=not call.may(Scope.READ_SUPPRESSIONS),
        state=state,
        course=query["course"] or "",
        tag=query["tag"] or "",
        address=_filter(query["email"]) if query["email"] else None,
    )
    found = directory.people(tx, wanted, after=query["cursor"], limit=query["limit"] + 1)
    return paged(call, [shown(one) for one in found], [one.id for one in found])


def one(tx: Transaction, call: Call) -> Reply:
    """GET /subscribers/{id}."""
    return Reply(body=_as_seen(call, directory.person(tx, SubscriberId(call.id))))


def sign_up(tx: Transaction, call: Call) -> Reply:
    """POST /subscribers: the same answer whoever they are; with a proof they are on the course at once."""
    form, request = _form(call), _request(call.body)
    zone = call.settings.default_timezone
    if "proof" not in call.body:
        _refuse(signup.admit(tx, _knock(call, request, form), reception.door(call.settings), now=call.now))
        return Reply(status=202, body={"status": "pending_confirmation"})
    call.insist(Scope.IMPORT_SUBSCRIBERS)
    return Reply(status=201, body=_as_seen(call, directory.bring(tx, request, form, zone=zone, now=call.now)))


def change(tx: Transaction, call: Call) -> Reply:
    """PATCH /subscribers/{id}: what is not named stays."""
    before = directory.lock(tx, SubscriberId(call.id))
    call.unless_changed(_as_seen(call, before))
    after = _changed(before, call.body)
    directory.change(tx, before, after, now=call.now)
    if "state" in call.body:
        leaving.depart(tx, after.id, leaving.BY_US, now=call.now)
    return Reply(body=_as_seen(call, directory.person(tx, after.id)))


def remove(tx: Transaction, call: Call) -> Reply:
    """DELETE /subscribers/{id}: nothing is kept of them, and nothing more is sent."""
    erase.wipe(tx, SubscriberId(call.id), now=call.now)
    return Reply(status=204)


def suppress(tx: Transaction, call: Call) -> Reply:
    """POST /suppressions: the same answer whether or not we know the address, and where it is on the list already."""
    reason, detail = SuppressionReason(call.body["reason"]), call.body.get("detail", "")
    silence.hear(tx, read_address(call.body["email"]), reason, detail=detail, now=call.now)
    return Reply(body={"status": "suppressed"})


def shown(person: Subscriber) -> Mapping[str, object]:
    """A person as the API tells of them."""
    own = person.preference
    return {
        "id": person.id,
        "email": person.address.normalized,
        "name": person.name,
        "timezone": person.timezone,
        "language": person.language,
        "state": person.state.value,
        "created_at": instant(person.created_at),
        "confirmed_at": instant(person.confirmed_at),
        "left_at": instant(person.left_at),
        "attributes": dict(person.attributes),
        "tags": list(person.tags),
        "send_at": None if own.send_at is None else f"{own.send_at:%H:%M}",
        "days": None if own.days is None else [DAYS[day] for day in sorted(own.days)],
    }


def named(tx: Transaction, body: Mapping[str, Any]) -> Subscriber | None:
    """Whom a body is about, locked; None where nobody has the address. Raises Refused for an id that nobody has."""
    if "subscriber" in body:
        try:
            return directory.lock(tx, SubscriberId(int(body["subscriber"])))
        except NotFound as error:
            raise unusable("#/subscriber", str(error)) from error
    found = directory.of_address(tx, read_address(body["email"]))
    return None if found is None else directory.lock(tx, found.id)


def read_address(text: str) -> Address:
    """The address in the field "email". Raises Refused."""
    try:
        return address.parse(text)
    except BadRequest as error:
        raise unusable("#/email", str(error)) from error


def _filter(text: str) -> Address:
    try:
        return address.parse(text)
    except BadRequest as error:
        fault = Fault(parameter="email", detail=str(error))
        raise Refused(Kind.UNUSABLE, str(error), faults=[fault]) from error


def _as_seen(call: Call, person: Subscriber) -> Mapping[str, object]:
    return shown(person if call.may(Scope.READ_SUPPRESSIONS) else directory.seen(person))


def _form(call: Call) -> Form:
    """The form, leading to the course that is asked for."""
    key, forms = call.body["form"], call.settings.forms
    form = forms.get(key)
    if form is None:
        raise unusable("#/form", f'There is no form "{key}"; there is {", ".join(forms) or "none"}.')
    course = call.body.get("course", form.course)
    if course not in form.courses:
        raise unusable("#/course", f'This form leads to {", ".join(form.courses)}; not to "{course}".')
    return replace(form, course=course)


def _knock(call: Call, request: SignupRequest, form: Form) -> Knock:
    """The sign-up as the door sees it: a program has no browser that could work, and nobody to ask what was meant."""
    refuses = call.settings.disposable_addresses == "refuse"
    signals = Signals(
        form=form.key,
        address=request.address.normalized,
        name=request.name,
        ip=request.ip,
        is_disposable=refuses and address.is_disposable(request.address),
        is_program=True,
        sure=True,
    )
    return Knock(request=request, form=form, signals=signals)


def _refuse(verdict: Verdict) -> None:
    """Raises Refused for what the door does not take, be it from a program that it trusts."""
    match verdict:
        case abuse.Refuse(sentence=sentence, later=True):
            raise Refused(Kind.TOO_MANY, sentence, headers={"Retry-After": AGAIN[429]["retry-after"]})
        case abuse.Refuse(sentence=sentence):
            raise Refused(Kind.UNUSABLE, sentence)


def _request(body: Mapping[str, Any]) -> SignupRequest:
    return SignupRequest(
        form=body["form"],
        address=read_address(body["email"]),
        name=_name(body.get("name", "")),
        timezone=_zone(body["timezone"]) if "timezone" in body else "",
        note=body.get("proof", ""),
        source_url=body.get("source_url", ""),
        ip=_ip(body.get("ip", "")),
        user_agent=body.get("user_agent", ""),
        language=body.get("language", ""),
        shape="api",
        utm=_pairs(body.get("utm", {})),
        attributes=_pairs(body.get("attributes", {})),
        tags=tuple(body.get("tags", ())),
    )


def _changed(person: Subscriber, body: Mapping[str, Any]) -> Subscriber:
    """The person with what the body names."""
    attributes = {**dict(person.attributes), **body.get("attributes", {})}
    own = person.preference
    if "send_at" in body:
        own = replace(own, send_at=None if body["send_at"] is None else time.fromisoformat(body["send_at"]))
    if "days" in body:
        own = replace(own, days=None if body["days"] is None else frozenset(DAYS.index(day) for day in body["days"]))
    kept = {name: value for name, value in attributes.items() if value is not None}
    if len(kept) > MOST_ATTRIBUTES:
        raise unusable("#/attributes", f"There would be more than {MOST_ATTRIBUTES} attributes; take some away.")
    return replace(
        person,
        name=_name(body["name"]) if "name" in body else person.name,
        timezone=_zone(body["timezone"]) if "timezone" in body else person.timezone,
        language=body.get("language", person.language),
        attributes=_pairs(kept),
        tags=tuple(body.get("tags", person.tags)),
        preference=own,
    )


def _name(text: str) -> str:
    try:
        return intake.clean_name(text)
    except BadRequest as error:
        raise unusable("#/name", str(error)) from error


def _zone(name: str) -> str:
    if name not in intake.zones() or schedule.known_zone(name) is None:
        raise unusable(pointer("timezone"), f'"{name}" is not a time zone; write one like Europe/London.')
    return name


def _ip(text: str) -> str:
    named = networks.plain(text)
    if text and not named:
        raise unusable("#/ip", f'"{text}" is not an address of the internet; write one like 192.0.2.1.')
    return named


def _pairs(given: Mapping[str, str]) -> Pairs:
    return tuple(given.items())
