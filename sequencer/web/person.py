"""What can a person change by a link in a mail, and where do they read a lesson in the browser? /p/… and /v/…

GET shows and POST acts, as link scanners follow every link. Such links are passed on with the mails: so nothing here
shows an address, and what could hurt is asked by mail first.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sequencer.app import App
from sequencer.content import words
from sequencer.content.words import Words
from sequencer.core import schedule, timing
from sequencer.core.model import Course, Enrolment, EnrolmentState, Subscriber, SubscriberState
from sequencer.errors import BadRequest
from sequencer.flows import hours, preferences, replan, report, seats
from sequencer.flows.preferences import Done
from sequencer.web import imprint, intake, onpage, wishes
from sequencer.web.buttons import WEEKS
from sequencer.web.pages import app_of, client_ip, page, status_of, words_of
from sequencer.web.wishes import Press

WORDS: Mapping[Done, str] = MappingProxyType(
    {
        Done.SAVED: words.later("Saved."),
        Done.LEFT: words.later("You have left that course."),
        Done.BACK: words.later("That course goes on."),
        Done.PAUSED: words.later("Paused."),
        Done.RESUMED: words.later("Your courses go on."),
        Done.ASKED: words.later("A mail is on its way to the new address. Press its button, and your mails go there."),
        Done.SENT: words.later("A mail with the link is on its way to you."),
        Done.NEWSLETTER: words.later("You get the newsletter from now on."),
        Done.NO_NEWSLETTER: words.later("You get no more issues of the newsletter."),
        Done.NOTHING: words.later("Nothing has changed."),
    }
)


def routes() -> list[Route]:
    """The addresses that stand in lessons, and what the page of preferences posts to."""
    return [
        Route("/p/{token}", show, methods=["GET"]),
        Route("/p/{token}", save, methods=["POST"]),
        *(Route(f"/p/{{token}}/{act}", press, methods=["POST"]) for act in wishes.ACTS),
        Route("/v/{token}", view, methods=["GET"]),
    ]


async def show(request: Request) -> Response:
    """GET /p/{token}: name, zone, hour and days, the courses, and the ways out."""
    app, token = app_of(request), request.path_params["token"]
    who = preferences.whose(app.settings.secret_key, token, now=app.clock())
    person = await run_in_threadpool(preferences.person, app.db, who)
    said = request.query_params.get("said", "")
    return await _page(request, person, said=Done(said) if said in set(Done) else None)


async def save(request: Request) -> Response:
    """POST /p/{token}: change name, zone, hour and days."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    who = preferences.whose(app.settings.secret_key, token, now=now)
    given = await intake.fields(request)
    person = await run_in_threadpool(preferences.person, app.db, who)
    try:
        wish = wishes.wish(given, person.preference)
    except BadRequest as error:
        return await _page(request, person, error=error)
    person = await run_in_threadpool(preferences.prefer, app.db, who, wish, now=now)
    return await _page(request, person, said=Done.SAVED)


async def press(request: Request) -> Response:
    """POST /p/{token}/{act}: one act, then back to the page, so that loading it again presses nothing."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    who = preferences.whose(app.settings.secret_key, token, now=now)
    person = await run_in_threadpool(preferences.person, app.db, who)
    act = wishes.ACTS[request.url.path.rpartition("/")[2]]
    given = await intake.fields(request)
    try:
        pressed = Press(app=app, who=who, given=given, ip=client_ip(request), now=now)
        said = await run_in_threadpool(act, pressed)
    except BadRequest as error:
        return await _page(request, person, error=error, email=given.get("email", ""))
    return RedirectResponse(f"/p/{token}?said={said}", status_code=303)


async def view(request: Request) -> Response:
    """GET /v/{token}: a lesson or an issue in the browser; its links cannot act for the person."""
    app = app_of(request)
    mail = await run_in_threadpool(
        report.web_view,
        app.db,
        app.press,
        app.settings.secret_key,
        request.path_params["token"],
        now=app.clock(),
    )
    html, policy = onpage.page(mail.html)
    return HTMLResponse(html, headers={"content-security-policy": policy})


async def _page(
    request: Request, person: Subscriber, *, said: Done | None = None, error: BadRequest | None = None, email: str = ""
) -> Response:
    app, token = app_of(request), request.path_params["token"]
    places = await run_in_threadpool(preferences.places, app.db, person.id)
    brand, lang = await imprint.of(request, places[0][1] if places else None, spoken=person.language)
    speech = words_of(request, lang)
    going = [place for place, _ in places if place.state is EnrolmentState.ACTIVE]
    own = person.preference
    letter = await run_in_threadpool(preferences.newsletter, app.db)
    form = next(iter(app.settings.forms), "")
    return page(
        request,
        "preferences.html",
        status=status_of(error) if error else 200,
        brand=brand,
        lang=lang,
        url=f"/p/{token}",
        said=speech.say(WORDS[said]) if said else "",
        error=speech.again(str(error)) if error else "",
        name=person.name,
        timezone=hours.zone(person.timezone, replan.UTC).key,
        timezones=sorted({*intake.zones(), hours.zone(person.timezone, replan.UTC).key}),
        hour=f"{own.send_at:%H:%M}" if own.send_at else "",
        days=[
            {"name": name, "label": speech.weekday(day), "chosen": day in (own.days or ())}
            for day, name in enumerate(timing.WEEKDAYS)
        ],
        courses=[_course(app, person, place, course, speech) for place, course in places if not course.is_newsletter],
        newsletter=_newsletter(letter, places),
        is_here=person.state is SubscriberState.ACTIVE,
        may_pause=bool(going),
        is_paused=any(seats.is_paused(place, app.clock()) for place in going),
        weeks=WEEKS,
        email=email,
        form_url=f"/f/{form}" if form else "",
        leave_url=app.press.leave_url(person.id, 0).removeprefix(app.settings.base_url),
    )


def _newsletter(letter: Course | None, places: Sequence[tuple[Enrolment, Course]]) -> dict[str, object] | None:
    """The switch of the newsletter, where there is one."""
    if letter is None:
        return None
    is_on = any(course.is_newsletter and place.state is EnrolmentState.ACTIVE for place, course in places)
    return {"value": letter.slug, "title": letter.title, "is_on": is_on}


def _course(app: App, person: Subscriber, place: Enrolment, course: Course, speech: Words) -> dict[str, object]:
    zone = hours.zone(person.timezone, replan.UTC)
    paused = place.paused_until if seats.is_paused(place, app.clock()) else None
    return {
        "slug": course.slug,
        "title": course.title,
        "done": place.step,
        "total": len(course.lessons),
        "next_due": speech.time(schedule.in_zone(place.next_due_at, zone)) if place.next_due_at else "",
        "paused_until": speech.day(schedule.in_zone(paused, zone).date()) if paused else "",
        "state": place.state.value,
        "url": app.press.course_url(place.id).removeprefix(app.settings.base_url),
    }
