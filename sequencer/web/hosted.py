"""Which pages does a visitor see around a sign-up? The form, a question about the address, a button, the next step."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sequencer.core import tokens
from sequencer.core.model import Course, Pairs
from sequencer.flows import course as course_flow
from sequencer.forms import Form
from sequencer.web import presets, shapes, told
from sequencer.web.intake import Intake
from sequencer.web.pages import app_of, page

_OWN = ("email", "name", "website", "_t", "altcha", "sure")
_MOST_HIDDEN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a form is shown once more, and the status that says so to programs."""

    sentence: str
    status: int


async def form_page(request: Request, form: Form, given: Pairs = (), *, trouble: Trouble | None = None) -> Response:
    """The sign-up page of our own, filled in again where something was wrong, whichever form it came from."""
    app, course = app_of(request), await _course(request, form.course)
    preset, secret, now = presets.of(given), app.settings.secret_key, app.clock()
    mark = shapes.first(given, ("_t",))
    shown = {
        "title": course.title,
        "subtitle": course.subtitle,
        "brand": course.brand,
        "author": course.author,
        "lessons": len(course.lessons),
    }
    return page(
        request,
        "form.html",
        status=trouble.status if trouble else 200,
        brand=course.brand,
        lang=course.language,
        action=f"/f/{form.key}",
        course=shown,
        consent=form.consent,
        error=trouble.sentence if trouble else "",
        email=told.email(given, form, preset),
        name=told.name(given),
        kept=_kept(given, (*_OWN, *preset.email, *shapes.EMAIL), (*shapes.NAME, *shapes.FIRST_NAME, *shapes.LAST_NAME)),
        # Who corrects a slip has looked at the form since it was first shown.
        shown_at=tokens.stamp(secret, now=now) if tokens.age(secret, mark, now=now) is None else mark,
    )


async def ask_page(request: Request, came: Intake, form: Form, suggestion: str) -> Response:
    """Did you mean …? One button for the address that is probably meant, one for that which was typed."""
    course = await _course(request, came.course)
    return page(
        request,
        "meant.html",
        brand=course.brand,
        lang=course.language,
        action=f"/f/{form.key}",
        kept=_kept(came.fields, ("email", "sure", *came.preset.email, *shapes.EMAIL)),
        typed=came.request.address.normalized,
        suggestion=suggestion,
    )


async def button_page(request: Request, came: Intake, form: Form) -> Response:
    """A page with one button, as what follows links and addresses need not be a person."""
    course = await _course(request, came.course)
    return page(
        request,
        "button.html",
        brand=course.brand,
        lang=course.language,
        action=f"/f/{form.key}",
        kept=_kept(came.fields, ()),
        address=came.request.address.normalized,
        consent=form.consent,
    )


def sent_page(request: Request, course: Course) -> Response:
    """What happens next; the same for everybody."""
    days = app_of(request).settings.confirm_within
    values: dict[str, str | int] = {
        "title": course.title,
        "confirm_within": days,
        "lang": course.language,
        "status": 200,
    }
    # As quick as it can be: in a flood most of what we do is to say this.
    return HTMLResponse(app_of(request).templates.still("sent.html", {**values, "brand": course.brand or "Newsletter"}))


async def _course(request: Request, slug: str) -> Course:
    app = app_of(request)
    return await run_in_threadpool(course_flow.published, app.db, slug, app.press.archive)


def _kept(given: Pairs, without: Iterable[str], plain: Iterable[str] = ()) -> Pairs:
    """What a form of ours takes along unseen: not what it asks for itself, and nobody's password."""
    out, names = frozenset(without), frozenset(plain)
    found = [
        (name, value)
        for (name, value), (written, _) in zip(given, shapes.plain(given), strict=True)
        if name.lower() not in out and written not in names and "passw" not in written
    ]
    return tuple(found[:_MOST_HIDDEN])
