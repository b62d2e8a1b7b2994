"""What does a person see and press on their course page? /c/{token} and what is below it, and the certificate.

GET shows and POST acts, as link scanners follow every link. Who has pressed is led back to the page, which says what
came of it, so that loading it again presses nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sequencer.app import App
from sequencer.core import timing
from sequencer.core.model import EnrolmentId, LessonId, Pace
from sequencer.errors import BadRequest
from sequencer.flows import certificate as certificates
from sequencer.flows import progress, remote, seats, tempo
from sequencer.flows.progress import Progress, Standing
from sequencer.flows.seats import Said
from sequencer.web import intake
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
_WEEKS = (1, 2, 4)
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PAGES = {Standing.FINISHED: "finished.html", Standing.GONE: "gone.html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of a button: on whose page, with which fields, and when."""

    app: App
    which: EnrolmentId
    given: Mapping[str, str]
    now: datetime

    def number(self, name: str) -> int:
        """The number that the button sent along. Raises BadRequest."""
        value = self.given.get(name, "")
        if not value.isascii() or not value.isdecimal() or len(value) > len(str(2**63)):
            raise BadRequest("Something is missing. Please open your course page again and press the button there.")
        return int(value)


async def show(request: Request) -> Response:
    """GET /c/{token}: progress, lessons so far, what comes, and the buttons."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    seen = await run_in_threadpool(progress.look, app.db, app.press, which, now=now)
    said = request.query_params.get("said", "")
    return _unlisted(
        page(
            request,
            _PAGES.get(seen.standing, "course.html"),
            brand=seen.course.brand,
            lang=seen.course.language,
            url=f"/c/{token}",
            said=WORDS.get(Said(said), "") if said in set(Said) else "",
            course=_shown(app, seen),
        )
    )


async def press(request: Request) -> Response:
    """POST /c/{token}/{act}: one act, then back to the page."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    act = ACTS[request.url.path.rpartition("/")[2]]
    pressed = Press(app=app, which=which, given=await intake.fields(request), now=now)
    said = await run_in_threadpool(act, pressed)
    return _unlisted(RedirectResponse(f"/c/{token}?said={said}", status_code=303))


async def feed(request: Request) -> Response:
    """GET /c/{token}/lessons.ics: the lessons as a calendar that other programs ask for again and again."""
    app, now = app_of(request), app_of(request).clock()
    which = seats.whose(app.settings.secret_key, request.path_params["token"], now=now)
    content = await run_in_threadpool(progress.feed, app.db, app.press, which, now=now)
    return _unlisted(Response(content, media_type="text/calendar"))


async def certify(request: Request) -> Response:
    """POST /c/{token}/certificate: to the certificate, with the person's name where they agreed by pressing that."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    which = seats.whose(app.settings.secret_key, token, now=now)
    named = (await intake.fields(request)).get("name", "") == "shown"
    seen = await run_in_threadpool(progress.look, app.db, app.press, which, now=now)
    made = certificates.seal(app.settings.secret_key, seen.place, named=named)
    return _unlisted(RedirectResponse(f"/certificate/{made}", status_code=303))


async def certificate(request: Request) -> Response:
    """GET /certificate/{token}: what we certify, for anybody who has the link."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    found = await run_in_threadpool(certificates.read, app.db, app.press, app.settings.secret_key, token, now=now)
    course = found.course
    return _unlisted(
        page(
            request,
            "certificate.html",
            brand=course.brand,
            lang=course.language,
            certificate=found,
            began=spoken_day(found.began),
            ended=spoken_day(found.ended),
            address=f"{app.settings.base_url}/certificate/{token}",
        )
    )


def _next_now(pressed: Press) -> Said:
    lesson = LessonId(pressed.number("lesson"))
    return remote.next_now(pressed.app.db, pressed.which, lesson, now=pressed.now)


def _skip(pressed: Press) -> Said:
    return remote.skip(pressed.app.db, pressed.which, LessonId(pressed.number("lesson")), now=pressed.now)


def _pause(pressed: Press) -> Said:
    weeks = pressed.number("weeks")
    if weeks not in _WEEKS:
        raise BadRequest("Please choose one, two or four weeks.")
    return tempo.pause(pressed.app.db, pressed.which, timedelta(weeks=weeks), now=pressed.now)


def _resume(pressed: Press) -> Said:
    return tempo.resume(pressed.app.db, pressed.which, now=pressed.now)


def _rhythm(pressed: Press) -> Said:
    given = pressed.given
    pace, hour = given.get("pace", ""), given.get("hour", "")
    if pace and pace not in set(Pace):
        raise BadRequest("Please choose a pace from the list.")
    try:
        send_at = timing.parse_hour(hour) if hour else None
    except ValueError as error:
        raise BadRequest("Please write the hour like 08:00.") from error
    days = frozenset(day for day, name in enumerate(timing.WEEKDAYS) if given.get(name))
    return tempo.set_rhythm(
        pressed.app.db,
        pressed.which,
        pace=Pace(pace) if pace else None,
        send_at=send_at,
        days=days or None,
        now=pressed.now,
    )


def _start_over(pressed: Press) -> Said:
    return remote.start_over(pressed.app.db, pressed.which, pressed.number("run"), now=pressed.now)


def _done(pressed: Press) -> Said:
    lesson = LessonId(pressed.number("lesson"))
    return remote.tick(pressed.app.db, pressed.which, lesson, is_done=True, now=pressed.now)


def _undone(pressed: Press) -> Said:
    lesson = LessonId(pressed.number("lesson"))
    return remote.tick(pressed.app.db, pressed.which, lesson, is_done=False, now=pressed.now)


ACTS: Mapping[str, Callable[[Press], Said]] = MappingProxyType(
    {
        "now": _next_now,
        "skip": _skip,
        "pause": _pause,
        "resume": _resume,
        "rhythm": _rhythm,
        "restart": _start_over,
        "done": _done,
        "undone": _undone,
    }
)

ROUTES = (
    Route("/c/{token}", show, methods=["GET"]),
    Route("/c/{token}/lessons.ics", feed, methods=["GET"]),
    Route("/c/{token}/certificate", certify, methods=["POST"]),
    *(Route(f"/c/{{token}}/{act}", press, methods=["POST"]) for act in ACTS),
    Route("/certificate/{token}", certificate, methods=["GET"]),
)


def _unlisted(answer: Response) -> Response:
    """The answer, which is for whoever has the link and for no search engine."""
    answer.headers["x-robots-tag"] = "noindex, nofollow"
    return answer


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
        "paused_until": spoken_day(seen.paused_until.date()) if seen.paused_until else "",
        "weeks": _WEEKS,
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
