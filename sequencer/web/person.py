"""What can a person do from a link in a mail? Leave, change their preferences, read a lesson in the browser."""

from zoneinfo import ZoneInfo, available_timezones

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sequencer.core import schedule
from sequencer.core.model import Subscriber
from sequencer.errors import BadRequest
from sequencer.flows import report, subscription
from sequencer.web import intake
from sequencer.web.pages import app_of, page, spoken_time

# A lesson as a page brings its own styles, as it is a mail; nothing else may be loaded or run.
_VIEW_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'"


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
        name = intake.clean_name(given.get("name", ""))
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
    return HTMLResponse(mail.html, headers={"content-security-policy": _VIEW_POLICY})


async def _leave(request: Request, template: str, act: object) -> Response:
    app = app_of(request)
    assert callable(act)  # noqa: S101 (one of the two flows above)
    left: subscription.Left = await run_in_threadpool(
        act, app.db, app.settings.secret_key, request.path_params["token"], now=app.clock()
    )
    brand, title, lang = ("", "", "en")
    if left.course:
        brand, title, lang = left.course.brand, left.course.title, left.course.language
    return page(request, template, brand=brand, lang=lang, title=title)


async def _preferences_page(request: Request, person: Subscriber, *, saved: bool = False, error: str = "") -> Response:
    app = app_of(request)
    places = await run_in_threadpool(subscription.places, app.db, person.id)
    zone = ZoneInfo(person.timezone)
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
    brand, lang = (places[0][1].brand, places[0][1].language) if places else ("", "en")
    return page(
        request,
        "preferences.html",
        status=400 if error else 200,
        brand=brand,
        lang=lang,
        name=person.name,
        timezone=person.timezone,
        timezones=sorted(available_timezones()),
        saved=saved,
        error=error,
        courses=courses,
        leave_url=app.press.leave_url(person.id, 0).removeprefix(app.settings.base_url),
    )
