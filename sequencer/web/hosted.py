"""Which pages does a visitor see around a sign-up? The form, a question about the address, a button, the next step."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sequencer.core import tokens
from sequencer.core.model import Course, Pairs
from sequencer.errors import NotFound
from sequencer.flows import course as course_flow
from sequencer.forms import Form
from sequencer.web import frame, layout, presets, shapes, told
from sequencer.web.intake import Intake
from sequencer.web.pages import app_of, page, still, words_of
from sequencer.web.shapes import Preset

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
    here = layout.of(given, form, preset)
    mark = layout.said(given, here.stamp)
    shown = {
        "title": course.title,
        "subtitle": course.subtitle,
        "brand": course.brand,
        "author": course.author,
        "lessons": len(course.lessons),
    }
    choices = await _choices(request, form, given, preset)
    offered = dict(form.lists) if choices else {}
    answer = page(
        request,
        "form.html",
        status=trouble.status if trouble else 200,
        brand=course.brand,
        lang=course.language,
        action=frame.action(request, form),
        course=shown,
        consent=form.consent,
        error=words_of(request, course.language).again(trouble.sentence) if trouble else "",
        email=told.email(given, form, preset),
        name=told.name(given, here),
        choices=choices,
        kept=_kept(
            tuple((name, value) for name, value in given if not (layout.is_list(name, preset) and value in offered)),
            (*_OWN, *preset.email, *shapes.EMAIL),
            (*shapes.NAME, *shapes.FIRST_NAME, *shapes.LAST_NAME),
        ),
        # Who corrects a slip has looked at the form since it was first shown.
        shown_at=tokens.stamp(secret, now=now) if tokens.age(secret, mark, now=now) is None else mark,
    )
    return _leading_on(request, form, answer)


async def ask_page(request: Request, came: Intake, form: Form, suggestion: str) -> Response:
    """Did you mean …? One button for the address that is probably meant, one for that which was typed."""
    course = await _course(request, came.course)
    answer = page(
        request,
        "meant.html",
        brand=course.brand,
        lang=course.language,
        action=frame.action(request, form),
        kept=_kept(came.fields, ("email", "sure", *came.preset.email, *shapes.EMAIL)),
        typed=came.request.address.normalized,
        suggestion=suggestion,
    )
    return _leading_on(request, form, answer)


async def button_page(request: Request, came: Intake, form: Form) -> Response:
    """A page with one button, as what follows links and addresses need not be a person."""
    course = await _course(request, came.course)
    answer = page(
        request,
        "button.html",
        brand=course.brand,
        lang=course.language,
        action=frame.action(request, form),
        kept=_kept(came.fields, ()),
        address=came.request.address.normalized,
        consent=form.consent,
    )
    return _leading_on(request, form, answer)


def sent_page(request: Request, course: Course) -> Response:
    """What happens next; the same for everybody."""
    # In a flood most of what we do is to say this.
    return still(
        request,
        "sent.html",
        brand=course.brand,
        lang=course.language,
        title=course.title,
        is_newsletter=course.is_newsletter,
        confirm_within=app_of(request).settings.confirm_within,
    )


async def _course(request: Request, slug: str) -> Course:
    app = app_of(request)
    return await run_in_threadpool(course_flow.published, app.db, slug, app.press.archive)


async def _choices(request: Request, form: Form, given: Pairs, preset: Preset) -> list[dict[str, object]]:
    """The courses to choose from, each by what the form calls it, where there is more than the form's own."""
    named = {slug: key for key, slug in reversed(form.lists)}
    if set(named) <= {form.course}:
        return []
    asked = told.tags(given, layout.of(given, form, preset))
    wanted = [dict(form.lists)[tag] for tag in asked if tag in dict(form.lists)]
    chosen = wanted[0] if wanted else form.course
    found = []
    for slug in form.courses:
        try:
            course = await _course(request, slug)
        except NotFound:
            continue
        found.append({"value": named.get(slug, ""), "title": course.title, "chosen": slug == chosen})
    return found


def _leading_on(request: Request, form: Form, answer: HTMLResponse) -> HTMLResponse:
    """The page, whose form may be answered by leading the visitor on."""
    answer.headers["content-security-policy"] = frame.policy(request, form)
    return answer


def _kept(given: Pairs, without: Iterable[str], plain: Iterable[str] = ()) -> Pairs:
    """What a form of ours takes along unseen: not what it asks for itself, and nobody's password."""
    out, names = frozenset(without), frozenset(plain)
    found = [
        (name, value)
        for (name, value), (written, _) in zip(given, shapes.plain(given), strict=True)
        if name.lower() not in out and written not in names and "passw" not in written
    ]
    return tuple(found[:_MOST_HIDDEN])
