"""What can a person do from a link in a mail? Leave, change their preferences, read a lesson in the browser."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sequencer.core import schedule
from sequencer.core.model import Course, Subscriber
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import course as course_flow
from sequencer.flows import hours, replan, report, subscription
from sequencer.web import intake
from sequencer.web.pages import app_of, page, spoken_time

# A lesson as a page brings its own styles, as it is a mail; nothing else but images may be loaded, nothing run. Our own
# come from here, also where this is not spoken to by HTTPS.
_VIEW_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


async def ask_to_leave(request: Request) -> Response:
    """GET /u/{token}: a page with a button, as link scanners follow every link."""
    return await _leave(request, "leave.html", subscription.to_leave)


async def leave(request: Request) -> Response:
    """POST /u/{token}: one click (RFC 8058): no redirect, no login, idempotent; a button of ours posts here too."""
    return await _leave(request, "left.html", subscription.leave)


async def show_preferences(request: Request) -> Response:
    """GET /p/{token}: name, zone, and the courses."""
    app = app_of(request)
    person = await run_in_threadpool(
        subscription.preferences,
        app.db,
        app.settings.secret_key,
        request.path_params["token"],
        now=app.clock(),
    )
    return await _preferences_page(request, person)


async def change_preferences(request: Request) -> Response:
    """POST /p/{token}: change name and zone."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    given = await intake.fields(request)
    secret = app.settings.secret_key
    person = await run_in_threadpool(subscription.preferences, app.db, secret, token, now=now)
    zone, note = intake.zone_or_note(given.get("timezone", person.timezone))
    try:
        name = intake.clean_name(given.get("name", person.name))
    except BadRequest as error:
        return await _preferences_page(request, person, error=str(error))
    if note or not zone:
        return await _preferences_page(request, person, error="Please choose a time zone from the list.")
    person = await run_in_threadpool(
        subscription.prefer, app.db, secret, token, name=name, zone=ZoneInfo(zone), now=now
    )
    return await _preferences_page(request, person, saved=True)


async def view(request: Request) -> Response:
    """GET /v/{token}: a lesson in the browser; its links cannot act for the person."""
    app = app_of(request)
    mail = await run_in_threadpool(
        report.web_view,
        app.db,
        app.press,
        app.settings.secret_key,
        request.path_params["token"],
        now=app.clock(),
    )
    # In a mailbox it is one of many; here it is what the page is about.
    page = mail.html.replace(' aria-roledescription="email"', "", 1).replace('role="article"', 'role="main"', 1)
    return HTMLResponse(page, headers={"content-security-policy": _VIEW_POLICY})


async def _leave(request: Request, template: str, act: Callable[..., subscription.Left]) -> Response:
    app = app_of(request)
    left = await run_in_threadpool(act, app.db, app.settings.secret_key, request.path_params["token"], now=app.clock())
    title = left.course.title if left.course else ""
    brand, lang = await _imprint(request, left.course)
    return page(request, template, brand=brand, lang=lang, title=title)


async def _imprint(request: Request, course: Course | None) -> tuple[str, str]:
    """Brand and language of a page about `course`; where it is about none, those of the first form's course."""
    app = app_of(request)
    for form in app.settings.forms.values() if course is None else ():
        try:
            course = await run_in_threadpool(course_flow.published, app.db, form.course)
        except NotFound:
            continue
        break
    return (course.brand, course.language) if course else ("", "en")


async def _preferences_page(request: Request, person: Subscriber, *, saved: bool = False, error: str = "") -> Response:
    app = app_of(request)
    places = await run_in_threadpool(subscription.places, app.db, person.id)
    zone = hours.zone(person.timezone, replan.UTC)
    courses = [
        {
            "title": course.title,
            "done": place.step,
            "total": len(course.lessons),
            "next_due": spoken_time(schedule.in_zone(place.next_due_at, zone)) if place.next_due_at else "",
            "state": place.state.value,
        }
        for place, course in places
    ]
    brand, lang = await _imprint(request, places[0][1] if places else None)
    return page(
        request,
        "preferences.html",
        status=400 if error else 200,
        brand=brand,
        lang=lang,
        name=person.name,
        timezone=zone.key,
        timezones=sorted({*intake.zones(), zone.key}),
        saved=saved,
        error=error,
        courses=courses,
        leave_url=app.press.leave_url(person.id, 0).removeprefix(app.settings.base_url),
    )
