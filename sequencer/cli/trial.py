"""What would happen if a form sent this? Its body is read and judged as the door would, and nothing is changed."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass

import click

from sequencer.app import App
from sequencer.core import abuse
from sequencer.core.abuse import Verdict
from sequencer.core.model import Pairs
from sequencer.flows import course as course_flow
from sequencer.flows import foresee
from sequencer.flows.signup import Knock
from sequencer.forms import Form, OptIn
from sequencer.web import answers, bodies, intake, layout, letters, presets, reception
from sequencer.web.answers import Manner
from sequencer.web.bodies import Body
from sequencer.web.intake import Intake, Visit
from sequencer.web.shapes import Preset, Speech

_IP = "192.0.2.1"  # of a visitor in examples (RFC 5737)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was understood, what the verdict is, and what a browser and a script would hear."""

    came: Intake
    lost: tuple[str, ...]
    course: str
    verdict: str
    browser: str
    script: str

    @property
    def facts(self) -> Mapping[str, object]:
        """The same for programs."""
        request = self.came.request
        return {
            "provider": self.came.shape,
            "email": request.address.normalized,
            "name": request.name,
            "timezone": request.timezone,
            "language": request.language,
            "course": self.came.course,
            "tags": list(request.tags),
            "attributes": dict(request.attributes),
            "utm": dict(request.utm),
            "source_url": request.source_url,
            "not_kept": list(self.lost),
            "verdict": self.verdict,
            "browser": self.browser,
            "script": self.script,
        }


def of(app: App, form: Form, raw: bytes, row: Preset | None) -> Trial:
    """Try this body, as `row` would send it where one is named. Raises BadRequest with what the visitor would read."""
    given, preset = _read(asyncio.run(bodies.parse(raw, _kind(raw))), form, row)
    secret, base, now = app.settings.secret_key, app.settings.base_url, app.clock()
    visit = Visit(now=now, secret=secret, base_url=base, ip=_IP, is_program=bool(form.signature))
    came = intake.parse(given, form, visit, preset)
    knock = Knock(request=came.request, form=came.lead(form), signals=reception.signals(app, came, form))
    verdict = foresee.verdict(app.db, knock, reception.door(app.settings), now=now)
    speech = Speech.TEXT if preset.words and preset.words_for in given else Speech.JSON
    then, browser, script = _heard(verdict, came, form, Manner(speech=speech, preset=preset))
    return Trial(
        came=came,
        lost=_lost(came, form),
        course=course_flow.published(app.db, came.course).title,
        verdict=then,
        browser=browser,
        script=script,
    )


def tell(found: Trial) -> None:
    """Print it."""
    shown = {
        "read as": found.came.preset.title,
        "email": found.came.request.address.normalized,
        "name": found.came.request.name,
        "time zone": found.came.request.timezone or found.came.request.note,
        "language": found.came.request.language,
        "course": f"{found.course} ({found.came.course})",
        "tags": ", ".join(found.came.request.tags),
        "campaign": _pairs(found.came.request.utm),
        "page": found.came.request.source_url,
        "also kept": _pairs(found.came.request.attributes),
        "not kept": ", ".join(found.lost),
        "then": found.verdict,
        "a browser": found.browser,
        "a script": f"reads {found.script}",
    }
    for name, value in shown.items():
        if value:
            click.echo(f"{name:<10} {value}")
    click.echo("Nothing was sent, counted or written.")


def _read(body: Body, form: Form, row: Preset | None) -> tuple[Pairs, Preset]:
    """The fields of the body, and by which row they are read: that of a form, or of a program's message."""
    if row is None and (form.signature or letters.is_known(body)):
        letter = letters.read(body, {})
        return letter.fields, letter.program.preset
    given = body.fields()
    return given, row or presets.of(given)


def _kind(raw: bytes) -> str:
    """How the body is written, as nobody says it here."""
    if raw.lstrip()[:1] in (b"{", b"["):
        return "application/json"
    if raw.startswith(b"--"):
        return f"multipart/form-data; boundary={raw.splitlines()[0][2:].decode('latin-1')}"
    return "application/x-www-form-urlencoded"


def _lost(came: Intake, form: Form) -> tuple[str, ...]:
    """Fields that were given and are not kept: traps, buttons, and other sites' technique."""
    used = (came.request.address.normalized, came.next, came.request.source_url, "")
    return tuple(
        name
        for name, value in came.fields
        if name != "_shape"
        and value.strip().lower() not in used
        and layout.is_kept_out(name, came.preset, form.honeypots)
    )


def _heard(verdict: Verdict, came: Intake, form: Form, how: Manner) -> tuple[str, str, str]:
    """What happens, what a browser shows, and what a script gets."""
    to = came.request.address.normalized
    match verdict:
        case abuse.Challenge(because=because):
            then = f"the browser has to do some work first, as {because}"
            return (
                then,
                "works on a page of ours for a moment",
                answers.shown(answers.refused(how, came.fields, then, 403)),
            )
        case abuse.Ask(suggestion=suggestion):
            then = f"the visitor is asked whether they meant {suggestion}"
            answer = answers.asked(how, came.fields, suggestion, f"Did you mean {suggestion}?")
            return then, "sees a page that asks", answers.shown(answer)
        case abuse.Refuse(sentence=sentence):
            answer = answers.refused(how, came.fields, sentence, 400)
            return f"it is refused: {sentence}", "sees the sentence above our form", answers.shown(answer)
        case abuse.Pretend():
            then = "nothing happens, as a field for robots is filled in; the answer is the same"
        case abuse.Accept(doubly=doubly):
            asked = doubly or form.opt_in is OptIn.DOUBLE
            then = f"a mail asks {to} to confirm" if asked else f"{to} is on the course at once"
    page = answers.done(Manner(speech=Speech.PAGE, preset=how.preset), came, form)
    browser = f"is led to {page.headers['location']}" if page else 'sees the page "Look in your inbox"'
    return then, browser, answers.shown(answers.done(how, came, form))


def _pairs(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in pairs)
