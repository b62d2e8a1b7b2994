"""What can the owner of an address answer to the mail that asks them? Yes at /confirm, "that was not me" at /notme.

Link scanners open links, so opening a page changes nothing: a button does.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sequencer.errors import Expired
from sequencer.flows import disown as disown_flow
from sequencer.flows import optin
from sequencer.flows.disown import Doubted
from sequencer.web.pages import app_of, client_ip, page, words_of


def routes() -> list[Route]:
    """The addresses that stand in a confirmation mail, and one that stands on a page behind them."""
    return [
        Route("/confirm/{token}", ask, methods=["GET"]),
        Route("/confirm/{token}", confirm, methods=["POST"]),
        Route("/notme/{token}", ask_whether, methods=["GET"]),
        Route("/notme/{token}", disown, methods=["POST"]),
        Route("/notme/{token}/undo", undo, methods=["POST"]),
    ]


async def ask(request: Request) -> Response:
    """GET /confirm/{token}: the button."""
    app, token = app_of(request), request.path_params["token"]
    try:
        course = await run_in_threadpool(optin.to_confirm, app.db, app.settings.secret_key, token, now=app.clock())
    except Expired:
        return await _lapsed(request)
    return page(request, "confirm.html", brand=course.brand, lang=course.language, course=course)


async def confirm(request: Request) -> Response:
    """POST /confirm/{token}: the person is on the course."""
    app, token, ip = app_of(request), request.path_params["token"], client_ip(request)
    try:
        done = await run_in_threadpool(optin.confirm, app.db, app.settings.secret_key, token, ip=ip, now=app.clock())
    except Expired:
        return await _lapsed(request)
    course = done.course
    due = words_of(request, course.language).time(done.first_due) if done.first_due else ""
    return page(request, "confirmed.html", brand=course.brand, lang=course.language, course=course, first_due=due)


async def ask_whether(request: Request) -> Response:
    """GET /notme/{token}: what was asked for with this address, when and from where, and the button."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(disown_flow.to_disown, app.db, app.settings.secret_key, token, now=app.clock())
    return _doubted(request, "disown.html" if found.consent.disowned_at is None else "disowned.html", found)


async def disown(request: Request) -> Response:
    """POST /notme/{token}: nothing more is sent there."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(disown_flow.disown, app.db, app.settings.secret_key, token, now=app.clock())
    return _doubted(request, "disowned.html", found)


async def undo(request: Request) -> Response:
    """POST /notme/{token}/undo: it was them after all, and they may confirm."""
    app, token, now = app_of(request), request.path_params["token"], app_of(request).clock()
    found = await run_in_threadpool(disown_flow.undo, app.db, app.settings.secret_key, token, now=now)
    consent = found.consent
    works = consent.confirmed_at is None and now < app.press.expires_at(consent)
    confirm_url = app.press.confirm_url(consent).removeprefix(app.settings.base_url) if works else ""
    return _doubted(request, "reclaimed.html", found, confirm_url=confirm_url)


def _doubted(request: Request, template: str, found: Doubted, *, confirm_url: str = "") -> Response:
    consent, course = found.consent, found.course
    return page(
        request,
        template,
        brand=course.brand,
        lang=course.language,
        course=course,
        asked=words_of(request, course.language).time(consent.asked_at),
        ip=consent.ip,
        is_about_all=found.is_about_all,
        undo_url=f"/notme/{request.path_params['token']}/undo" if found.may_undo else "",
        undo_days=disown_flow.UNDO_WITHIN.days,
        form_url=_form_url(request, consent.form),
        confirm_url=confirm_url,
    )


async def _lapsed(request: Request) -> Response:
    """The page behind a link whose time is over: where to sign up again."""
    app, token = app_of(request), request.path_params["token"]
    found = await run_in_threadpool(optin.lapsed, app.db, app.settings.secret_key, token)
    brand, lang = (found.course.brand, found.course.language) if found.course else ("", "en")
    title = found.course.title if found.course else ""
    form_url = _form_url(request, found.form) or "/"
    return page(
        request,
        "expired.html",
        status=400,
        brand=brand,
        lang=lang,
        title=title,
        was_used=found.was_used,
        form_url=form_url,
    )


def _form_url(request: Request, form: str) -> str:
    """Where the form is, if it still is."""
    return f"/f/{form}" if form in app_of(request).settings.forms else ""
