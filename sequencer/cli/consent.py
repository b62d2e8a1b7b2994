"""How does an admin show that somebody agreed? The proof, for a person or an authority to read."""

from collections.abc import Iterator
from datetime import datetime
from textwrap import wrap

import click

from sequencer import app as wiring
from sequencer.cli import arguments, frame
from sequencer.core.model import Address, Assent, Consent, Delivery, DeliveryKind, DeliveryState, Pairs
from sequencer.flows import evidence
from sequencer.flows.evidence import Agreed, Record

_MAILS = {DeliveryKind.CONFIRMATION: "confirmation mail", DeliveryKind.REMINDER: "reminder"}
_HOW = {
    Assent.MAIL: "confirmed by a button behind a link that was mailed to the address",
    Assent.FORM: "nobody was asked by mail; the form is trusted to know its visitors",
    Assent.ELSEWHERE: "nobody was asked by mail; they agreed elsewhere, as was said when they were added",
}


@click.command()
@arguments.email_argument
@frame.json_option
@click.pass_context
def consent(ctx: click.Context, email: Address, *, as_json: bool) -> None:
    """Print the proof of what a person agreed to: when, where, in which words, and how they confirmed it."""
    with frame.opened(ctx) as app:
        record = evidence.of(app.db, email, link=wiring.terms(app.settings).patience.link)
        now = app.clock()
    if as_json:
        frame.print_json(_document(record, now))
        return
    for line in _lines(record, now):
        click.echo(line)


def _lines(record: Record, now: datetime) -> Iterator[str]:
    person = record.person
    yield f"Consent of {person.address.normalized}, as it is on record on {_utc(now)}"
    yield f"The person is {person.state}; we know of them since {_utc(person.created_at)}."
    if record.suppression is not None:
        found = record.suppression
        yield f"The address is suppressed since {_utc(found.created_at)} ({found.reason}): {found.detail}"
    if not record.agreed:
        yield "No consent is on record."
    for number, one in enumerate(record.agreed, 1):
        yield ""
        yield f'{number}. "{one.course.title}" ({one.course.slug})'
        for name, words in _facts(one, now):
            first, *more = wrap(words, 92, break_long_words=False, break_on_hyphens=False) or [""]
            yield f"   {name + ':':<14}{first}"
            yield from (f"   {'':<14}{line}" for line in more)


def _facts(one: Agreed, now: datetime) -> Iterator[tuple[str, str]]:
    """What is known of one consent, as names and words; what is not known is left out."""
    told = one.consent
    shape = f', sent as "{told.shape}" sends it' if told.shape else ""
    yield "asked", f'{_utc(told.asked_at)}, by the form "{told.form}"{shape}'
    facts = (
        ("from", f"IP address {told.ip}" if told.ip else ""),
        ("browser", told.user_agent),
        ("page", told.source_url),
        ("campaign", _pairs(told.utm)),
        ("words", f'"{told.wording}"'),
        ("version", told.wording_version),
        ("told us", _told(told)),
        ("note", told.note),
    )
    yield from ((name, words) for name, words in facts if words)
    yield from (("mail", _mail(mail)) for mail in one.mails)
    yield "answer", _answer(one, now)
    if told.confirmed_at is not None:
        yield "proof", _HOW[told.assent]


def _told(told: Consent) -> str:
    """What the visitor said of themselves."""
    said = (("name", told.name), ("time zone", told.timezone), ("language", told.language))
    words = [f"{name} {value}" for name, value in said if value]
    words += [f"{name} {value}" for name, value in told.attributes]
    return "; ".join([*words, *([f"tags {', '.join(told.tags)}"] if told.tags else [])])


def _mail(mail: Delivery) -> str:
    what = _MAILS[mail.kind]
    if mail.state is DeliveryState.SENT and mail.finished_at is not None:
        return f'{what}, taken by the mail server on {_utc(mail.finished_at)} ("{mail.reply}")'
    return f"{what} of {_utc(mail.created_at)}: {mail.state}" + (f' ("{mail.reply}")' if mail.reply else "")


def _answer(one: Agreed, now: datetime) -> str:
    told, said = one.consent, []
    if told.confirmed_at is not None:
        where = f" from the IP address {told.confirmed_ip}" if told.confirmed_ip else ""
        said.append(f"yes, on {_utc(told.confirmed_at)}{where}")
    if told.disowned_at is not None:
        said.append(f'the owner of the address said "that was not me" on {_utc(told.disowned_at)}')
    if not said:
        works = "works" if now < one.link_until else "worked"
        said.append(f"none; the link {works} until {_utc(one.link_until)}")
    return "; ".join(said)


def _pairs(pairs: Pairs) -> str:
    return ", ".join(f"{name}={value}" for name, value in pairs)


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _document(record: Record, now: datetime) -> dict[str, object]:
    found = record.suppression
    return {
        "address": record.person.address.normalized,
        "state": record.person.state.value,
        "created_at": record.person.created_at,
        "on_record_at": now,
        "suppressed": {"reason": found.reason.value, "detail": found.detail, "since": found.created_at}
        if found
        else None,
        "consents": [_one(one) for one in record.agreed],
    }


def _one(one: Agreed) -> dict[str, object]:
    told = one.consent
    return {
        "course": one.course.slug,
        "form": told.form,
        "shape": told.shape,
        "asked_at": told.asked_at,
        "ip": told.ip,
        "user_agent": told.user_agent,
        "source_url": told.source_url,
        "utm": dict(told.utm),
        "wording": told.wording,
        "wording_version": told.wording_version,
        "name": told.name,
        "timezone": told.timezone,
        "language": told.language,
        "attributes": dict(told.attributes),
        "tags": list(told.tags),
        "note": told.note,
        "assent": told.assent.value,
        "confirmed_at": told.confirmed_at,
        "confirmed_ip": told.confirmed_ip,
        "disowned_at": told.disowned_at,
        "link_until": one.link_until,
        "mails": [
            {
                "kind": mail.kind.value,
                "state": mail.state.value,
                "created_at": mail.created_at,
                "finished_at": mail.finished_at,
                "relay": mail.relay,
                "reply": mail.reply,
            }
            for mail in one.mails
        ],
    }
