"""What does a person see and press on their course page? /c/{token} and what is below it, and the certificate.

GET shows and POST acts, as link scanners follow every link. Who has pressed is led back to the page, which says what
came of it, so that loading it again presses nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sequencer.app import App
from sequencer.core import timing
from sequencer.core.model import Pace
from sequencer.flows import certificate as certificates
from sequencer.flows import progress, seats
from sequencer.flows.progress import Became, Progress, Standing
from sequencer.flows.seats import Said
from sequencer.web import intake
from sequencer.web.buttons import ACTS, WEEKS, Press
from sequencer.web.pages import app_of, page, spoken_day, spoken_time

WORDS: Mapping[Said, str] = MappingProxyType(
    {
        Said.NOW: "The next lesson is on its way to you.",
        Said.UNDER_WAY: "A lesson is on its way to you just now. Please wait until it is there.",
        Said.RESTING: "Lessons rest for everybody at the moment. Yours comes when they go on.",
        Said.PAUSED: "Paused.",
        Said.RESUMED: "Your course goes on.",
        Said.RHYTHM: "Saved.",
        Said.SKIPPED: "That lesson is left out.",
        Said.RESTARTED: "You begin again with the first lesson.",
        Said.DONE: "Ticked as done.",
        Said.UNDONE: "Not ticked any more.",
        Said.ALREADY: "That has been done already; nothing has changed.",
        Said.FINISHED: "You have finished this course; nothing has changed.",
    }
)
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PAGES = {Standing.FINISHED: "finished.html", Standing.GONE: "gone.html"}


async def show(request: Request) -> Response:
    """GET /c/{token}: progress, lessons so far, what comes, and the buttons."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    seen = await run_in_threadpool(progress.look, app.db, app.press, which, now=now)
    said = request.query_params.get("said", "")
    return page(
        request,
        _PAGES.get(seen.standing, "course.html"),
        brand=seen.course.brand,
        lang=seen.course.language,
        url=f"/c/{token}",
        said=WORDS.get(Said(said), "") if said in set(Said) else "",
        course=_shown(app, seen),
    )


async def press(request: Request) -> Response:
    """POST /c/{token}/{act}: one act, then back to the page."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    act = ACTS[request.url.path.rpartition("/")[2]]
    pressed = Press(app=app, which=which, given=await intake.fields(request), now=now)
    said = await run_in_threadpool(act, pressed)
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
    course = found.course
    return page(
        request,
        "certificate.html",
        brand=course.brand,
        lang=course.language,
        certificate=found,
        began=spoken_day(found.began),
        ended=spoken_day(found.ended),
        address=f"{app.settings.base_url}/certificate/{token}",
    )


ROUTES = (
    Route("/c/{token}", show, methods=["GET"]),
    Route("/c/{token}/lessons.ics", feed, methods=["GET"]),
    Route("/c/{token}/certificate", certify, methods=["POST"]),
    *(Route(f"/c/{{token}}/{act}", press, methods=["POST"]) for act in ACTS),
    Route("/certificate/{token}", certificate, methods=["GET"]),
)


def _shown(app: App, seen: Progress) -> dict[str, object]:
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
                "when": _short(one.at) if one.at else "",
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
                "when": _short(one.at) if one.at else "",
                "spoken": spoken_time(one.at) if one.at else "",
            }
            for one in seen.coming
        ],
        "held": next((one.subject for one in seen.past if one.became is Became.UNDER_WAY), ""),
        "paused_until": spoken_day(seen.paused_until.date()) if seen.paused_until else "",
        "weeks": WEEKS,
        "paces": [
            {"value": one.value, "label": one.value.capitalize(), "chosen": one is seen.preference.pace} for one in Pace
        ],
        "own_gap": str(course.rhythm.gap),
        "hour": f"{seen.rhythm.send_at:%H:%M}",
        "own_hour": f"{course.rhythm.send_at:%H:%M}",
        "days": [
            {"name": name, "label": label, "chosen": day in seen.rhythm.days}
            for day, (name, label) in enumerate(zip(timing.WEEKDAYS, _DAY_NAMES, strict=True))
        ],
        "form_url": f"/f/{forms[0]}" if forms else "",
    }


def _short(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%B}, {at:%H:%M}"
