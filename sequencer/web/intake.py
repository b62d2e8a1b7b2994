"""What did a sign-up form say? The fields of any form become one SignupRequest, or a sentence for the visitor."""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import available_timezones

from starlette.requests import Request

from sequencer import values
from sequencer.core import tokens
from sequencer.core.model import Pairs, SignupRequest
from sequencer.errors import BadRequest
from sequencer.forms import Form
from sequencer.message import address
from sequencer.web import bodies, layout, shapes, told
from sequencer.web.layout import Layout, said
from sequencer.web.pages import app_of, client_ip, header
from sequencer.web.shapes import Preset

LONGEST_NAME = 200
# They join letters in Persian and Indian names, and parts of emoji.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


# Tuples: a dozen values of a frozen dataclass take twice as long, and each sign-up has four such.
class Visit(NamedTuple):
    """How a sign-up came, beside what it says: when, from whom, and from which page."""

    now: datetime
    secret: str
    base_url: str
    ip: str = ""
    user_agent: str = ""
    origin: str = ""
    referer: str = ""
    language: str = ""
    is_program: bool = False


class Intake(NamedTuple):
    """What came through the door: the request, and what the verdict and the answer need to know beside it.

    `fields` is all that was given, to be posted once more where the visitor is asked something. `course` is the one
    that the form leads to, by its lists. `next` is "" but for an address that the form allows. `receipt` is what a
    program's message uses up, so that it is taken once.
    """

    request: SignupRequest
    came_at: datetime
    preset: Preset
    fields: Pairs
    course: str
    next: str
    is_bot: bool
    is_foreign: bool
    is_program: bool = False
    filled_in: timedelta | None = None
    altcha: str = ""
    sure: bool = False
    receipt: str = ""

    @property
    def shape(self) -> str:
        """The name of the preset."""
        return self.preset.name

    def lead(self, form: Form) -> Form:
        """The form as it is for this visitor: leading to the course that they chose."""
        return form if self.course == form.course else replace(form, course=self.course)


def visit(request: Request, *, is_program: bool = False) -> Visit:
    """How a request came."""
    app = app_of(request)
    return Visit(
        now=app.clock(),
        secret=app.settings.secret_key,
        base_url=app.settings.base_url,
        ip=client_ip(request),
        user_agent=shapes.line(header(request, b"user-agent"), told.LONGEST_VALUE),
        origin=header(request, b"origin"),
        referer=shapes.line(header(request, b"referer"), told.LONGEST_URL),
        language=header(request, b"accept-language"),
        is_program=is_program,
    )


async def fields(request: Request) -> Mapping[str, str]:
    """The fields of a form of our own pages: the last word on each name. Raises BadContentType and BadRequest."""
    if not await request.body():
        return {}  # a button alone, whatever kind of nothing a program calls it
    return dict((await bodies.read(request)).fields())


def parse(given: Pairs, form: Form, came: Visit, preset: Preset) -> Intake:
    """The sign-up that the fields describe. Raises BadRequest with a sentence for the visitor."""
    if preset.refuses and preset.refuses[:2] in given:
        raise BadRequest(preset.refuses[2])
    here = layout.of(given, form, preset)
    zone, note = zone_or_note(said(given, here.zone))
    typed = told.email(given, form, preset)
    to = address.parse(typed)
    source = told.page(given, here) or came.referer
    tags, lists = told.tags(given, here), dict(form.lists)
    return Intake(
        request=SignupRequest(
            form=form.key,
            address=to,
            name=clean_name(told.name(given, here)),
            timezone=zone,
            note=note,
            source_url=source,
            ip=came.ip,
            user_agent=came.user_agent,
            language=told.language(given, here, came.language),
            shape=preset.name,
            utm=told.attribution(given, here, source),
            attributes=told.attributes(given, here, typed=typed),
            tags=tags,
        ),
        came_at=came.now,
        preset=preset,
        fields=(*given, *_remembered(here, preset, source)),
        course=next((lists[tag] for tag in tags if tag in lists), form.course),
        next=told.onward(given, form, preset),
        is_bot=told.is_trapped(given, here),
        is_foreign=is_foreign(came, form),
        is_program=came.is_program,
        filled_in=tokens.age(came.secret, said(given, here.stamp), now=came.now),
        altcha=said(given, here.altcha),
        # Where a program speaks for the visitor there is nobody who could be asked.
        sure=came.is_program or said(given, here.sure).lower() == to.normalized,
    )


def _remembered(here: Layout, preset: Preset, source: str) -> Pairs:
    """What would be lost when a page of ours posts the fields once more: whose form it was, and where it stood."""
    shape = () if "_shape" in here.remembers else (("_shape", preset.name),)
    return shape if not source or "current_url" in here.remembers else (*shape, ("current_url", source))


def is_foreign(came: Visit, form: Form) -> bool:
    """Whether a browser says that it comes from a page that is none of the form's; silence is believed."""
    said = came.origin if came.origin not in ("", "null") else came.referer
    parts = values.split(said) if said else None
    if not form.origins or parts is None or not parts.hostname:
        return False
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    return origin not in (*form.origins, came.base_url.lower())


def clean_name(typed: str) -> str:
    """A name that can stand in a mail: one line, of a sane length. Raises BadRequest."""
    name = typed.strip()
    if len(name) > LONGEST_NAME:
        raise BadRequest(f"Your name is longer than {LONGEST_NAME} characters; please shorten it.")
    if not name.isprintable() and not all(
        one.isprintable() or one in _JOINERS or unicodedata.category(one) == "Zs" for one in name
    ):
        raise BadRequest("Your name holds a line break or a control character; please write it in one line.")
    return " ".join(name.split())


def zone_or_note(typed: str) -> tuple[str, str]:
    """The zone's name, or nothing and a note that says why."""
    name = typed.strip()
    if not name or name in _known_zones():
        return name, ""
    shown = "".join(one if one.isprintable() else "?" for one in name[:64])
    return "", f'The form sent the time zone "{shown}", which is not known.'


@cache
def zones() -> tuple[str, ...]:
    """All time zones by name; read once, as the list is spread over hundreds of files."""
    return tuple(sorted(available_timezones() - {"localtime", "Factory"}))


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(zones())
