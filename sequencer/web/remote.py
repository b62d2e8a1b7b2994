"""What does a person see and press on their course page? /c/{token} and what is below it, and the certificate.

GET shows and POST acts, as link scanners follow every link. Who has pressed is led back to the page, which says what
came of it, so that loading it again presses nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sequencer.app import App
from sequencer.content import words
from sequencer.content.words import Words
from sequencer.core import timing
from sequencer.core.model import Pace
from sequencer.errors import BadRequest
from sequencer.flows import certificate as certificates
from sequencer.flows import progress, seats
from sequencer.flows.progress import Became, Progress, Standing
from sequencer.flows.seats import Said
from sequencer.web import intake
from sequencer.web.buttons import ACTS, WEEKS, Press
from sequencer.web.pages import app_of, page, words_of

WORDS: Mapping[Said, str] = MappingProxyType(
    {
        Said.NOW: words.later("The next lesson is on its way to you."),
        Said.UNDER_WAY: words.later("A lesson is on its way to you just now. Please wait until it is there."),
        Said.RESTING: words.later("Lessons rest for everybody at the moment. Yours comes when they go on."),
        Said.PAUSED: words.later("Paused."),
        Said.RESUMED: words.later("Your course goes on."),
        Said.RHYTHM: words.later("Saved."),
        Said.SKIPPED: words.later("That lesson is left out."),
        Said.RESTARTED: words.later("You begin again with the first lesson."),
        Said.DONE: words.later("Ticked as done."),
        Said.UNDONE: words.later("Not ticked any more."),
        Said.ALREADY: words.later("That has been done already; nothing has changed."),
        Said.FINISHED: words.later("You have finished this course; nothing has changed."),
    }
)
PACES: Mapping[Pace, str] = MappingProxyType(
    {
        Pace.DAILY: words.later("Daily"),
        Pace.EVERY_OTHER_DAY: words.later("Every other day"),
        Pace.WEEKLY: words.later("Weekly"),
    }
)
_PAGES = {Standing.FINISHED: "finished.html", Standing.GONE: "gone.html"}


async def show(request: Request) -> Response:
    """GET /c/{token}: progress, lessons so far, what comes, and the buttons."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    seen = await run_in_threadpool(progress.look, app.db, app.press, which, now=now)
    said, speech = request.query_params.get("said", ""), words_of(request, seen.course.language)
    return page(
        request,
        _PAGES.get(seen.standing, "course.html"),
        brand=seen.course.brand,
        lang=seen.course.language,
        url=f"/c/{token}",
        said=speech.say(WORDS[Said(said)]) if said in WORDS else "",
        course=_shown(app, seen, speech),
    )


async def press(request: Request) -> Response:
    """POST /c/{token}/{act}: one act, then back to the page."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    act = ACTS[request.url.path.rpartition("/")[2]]
    pressed = Press(app=app, which=which, given=await intake.fields(request), now=now)
    try:
        said = await run_in_threadpool(act, pressed)
    except BadRequest:
        seen = await run_in_threadpool(progress.look, app.db, app.press, which, now=now)
        request.state.course = seen.course.slug  # in whose language they are told
        raise
    return RedirectResponse(f"/c/{token}?said={said}", status_code=303)


async def feed(request: Request) -> Response:
    """GET /c/{token}/lessons.ics: the lessons as a calendar that other programs ask for again and again."""
    app, now = app_of(request), app_of(request).clock()
    which = seats.whose(app.settings.secret_key, request.path_params["token"], now=now)
    content = await run_in_threadpool(progress.feed, app.db, app.press, which, now=now)
    return Response(content, media_type="text/calendar")


async def certify(request: Request) -> Response:
    """POST /c/{token}/certificate: to the certificate, with the person's name where they agreed by pressing that."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    named = (await intake.fields(request)).get("name", "") == "shown"
    seen = await run_in_threadpool(progress.look, app.db, app.press, which, now=now)
    made = certificates.seal(app.settings.secret_key, seen.place, named=named)
    return RedirectResponse(f"/certificate/{made}", status_code=303)


async def certificate(request: Request) -> Response:
    """GET /certificate/{token}: what we certify, for anybody who has the link."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    found = await run_in_threadpool(certificates.read, app.db, app.press, app.settings.secret_key, token, now=now)
    course, speech = found.course, words_of(request, found.course.language)
    return page(
        request,
        "certificate.html",
        brand=course.brand,
        lang=course.language,
        certificate=found,
        began=speech.day(found.began),
        ended=speech.day(found.ended),
        address=f"{app.settings.base_url}/certificate/{token}",
    )


ROUTES = (
    Route("/c/{token}", show, methods=["GET"]),
    Route("/c/{token}/lessons.ics", feed, methods=["GET"]),
    Route("/c/{token}/certificate", certify, methods=["POST"]),
    *(Route(f"/c/{{token}}/{act}", press, methods=["POST"]) for act in ACTS),
    Route("/certificate/{token}", certificate, methods=["GET"]),
)


def _shown(app: App, seen: Progress, speech: Words) -> dict[str, object]:
    """What the templates are filled with."""
    course = seen.course
    forms = [form.key for form in app.settings.forms.values() if form.course == course.slug]
    return {
        "title": course.title,
        "name": seen.name,
        "has_name": seen.has_name,
        "standing": seen.standing.value,
        "total": len(course.lessons),
        "received": seen.received,
        "ticked": sum(one.is_done for one in seen.past),
        "run": seen.place.run,
        "past": [
            {
                "id": one.lesson,
                "number": one.number,
                "subject": one.subject,
                "became": one.became.value,
                "when": speech.short(one.at) if one.at else "",
                "url": one.view.removeprefix(app.settings.base_url),
                "is_done": one.is_done,
            }
            for one in seen.past
        ],
        "coming": [
            {
                "id": one.lesson,
                "number": one.number,
                "subject": one.subject,
                "when": speech.short(one.at) if one.at else "",
                "spoken": speech.time(one.at) if one.at else "",
            }
            for one in seen.coming
        ],
        "held": next((one.subject for one in seen.past if one.became is Became.UNDER_WAY), ""),
        "paused_until": speech.day(seen.paused_until.date()) if seen.paused_until else "",
        "weeks": WEEKS,
        "paces": [
            {"value": one.value, "label": speech.say(label), "chosen": one is seen.preference.pace}
            for one, label in PACES.items()
        ],
        "own_gap": speech.gap(course.rhythm.gap),
        "hour": f"{seen.rhythm.send_at:%H:%M}",
        "own_hour": f"{course.rhythm.send_at:%H:%M}",
        "days": [
            {"name": name, "label": speech.weekday(day), "chosen": day in seen.rhythm.days}
            for day, name in enumerate(timing.WEEKDAYS)
        ],
        "form_url": f"/f/{forms[0]}" if forms else "",
    }
