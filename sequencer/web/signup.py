"""How does somebody join? POST /f/{form} takes any sign-up form; /confirm/{token} shows a button, POST acts."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sequencer.core.model import Course
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import course as course_flow
from sequencer.flows import subscription
from sequencer.forms import Form
from sequencer.web import intake
from sequencer.web.pages import app_of, client_ip, page, spoken_time, wants_json

# One answer for all: known, unknown, suppressed, or a robot that filled in the trap.
ACCEPTED = {"ok": True, "success": True, "status": "pending_confirmation", "result": "success"}


async def show_form(request: Request) -> Response:
    """GET /f/{form}: a sign-up page of our own."""
    form = _form(request)
    return await _form_page(request, form)


async def sign_up(request: Request) -> Response:
    """POST /f/{form}: take a sign-up from any page or program."""
    app, form, now = app_of(request), _form(request), app_of(request).clock()
    given = await intake.fields(request)
    try:
        came = intake.parse(given, form, ip=client_ip(request), source_url=request.headers.get("referer", ""))
    except BadRequest as error:
        if wants_json(request):
            raise
        return await _form_page(request, form, error=str(error), given=given)
    if not came.is_bot:
        zone = app.settings.default_timezone
        await run_in_threadpool(subscription.sign_up, app.db, came.request, form, zone=zone, now=now)
    if wants_json(request):
        return JSONResponse(ACCEPTED)
    if came.next:
        return RedirectResponse(came.next, status_code=303)
    course = await _course(request, form)
    days = app.settings.confirm_within
    return page(request, "sent.html", brand=course.brand, lang=course.language, course=course, confirm_within=days)


async def ask(request: Request) -> Response:
    """GET /confirm/{token}: a page with a button, as link scanners follow every link."""
    app = app_of(request)
    token = request.path_params["token"]
    course = await run_in_threadpool(subscription.to_confirm, app.db, app.settings.secret_key, token, now=app.clock())
    return page(request, "confirm.html", brand=course.brand, lang=course.language, course=course)


async def confirm(request: Request) -> Response:
    """POST /confirm/{token}: the person is on the course."""
    app = app_of(request)
    done = await run_in_threadpool(
        subscription.confirm,
        app.db,
        app.settings.secret_key,
        request.path_params["token"],
        ip=client_ip(request),
        now=app.clock(),
    )
    due = spoken_time(done.first_due) if done.first_due else ""
    course = done.course
    return page(request, "confirmed.html", brand=course.brand, lang=course.language, course=course, first_due=due)


def _form(request: Request) -> Form:
    form = app_of(request).settings.forms.get(request.path_params["form"])
    if form is None:
        raise NotFound("There is no such sign-up form here; the address it is sent to must be wrong.")
    return form


async def _course(request: Request, form: Form) -> Course:
    return await run_in_threadpool(course_flow.published, app_of(request).db, form.course)


async def _form_page(
    request: Request, form: Form, *, error: str = "", given: Mapping[str, str] | None = None
) -> Response:
    course = await _course(request, form)
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
        status=400 if error else 200,
        brand=course.brand,
        lang=course.language,
        action=f"/f/{form.key}",
        course=shown,
        consent=form.consent,
        error=error,
        email=(given or {}).get("email", ""),
        name=(given or {}).get("name", ""),
    )
