"""How does somebody join? /f/{form} takes any sign-up form."""

from functools import partial
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sequencer.content import words
from sequencer.core import tokens
from sequencer.core.model import Pairs
from sequencer.errors import BadRequest, NotFound
from sequencer.flows import course as course_flow
from sequencer.forms import Form, OptIn
from sequencer.web import (
    answers,
    bearer,
    bodies,
    challenge,
    cors,
    frame,
    hosted,
    inbound,
    intake,
    layout,
    letters,
    presets,
    reception,
    told,
)
from sequencer.web.answers import Manner
from sequencer.web.bodies import Body
from sequencer.web.hosted import Trouble
from sequencer.web.intake import Intake, Visit
from sequencer.web.pages import AGAIN, app_of, language_of, status_of, words_of
from sequencer.web.shapes import Preset, Speech
from sequencer.web.straight import or_stumble

_NO_KEY = 'This needs a key in a header like "Authorization: Bearer sq_…"; "sequencer key new" makes one.'
_BY_LINK = words.later("Nobody is signed up by a link alone here; please press the button of the form.")


def routes() -> list[Route]:
    """The addresses of forms: our own, and below and beside it those that other providers' scripts insist upon."""
    found = [
        Route("/f/{form}", or_stumble(sign_up), methods=["GET", "POST", "OPTIONS"]),
        Route("/f/{form}/embed", embedded, methods=["GET", "POST"]),
    ]
    for below in ("/f/{form}", ""):
        for row in presets.ROWS:
            methods = ["POST", "OPTIONS"] if row.private else ["GET", "POST", "OPTIONS"]
            found += [Route(below + path, partial(sign_up, row=row), methods=methods) for path in row.paths]
            found += [Route(below + row.link, partial(sign_up, row=row), methods=["GET"])] if row.link else []
        found += [
            Route(f"{below}/members/api/integrity-token{end}", integrity_token, methods=["GET", "OPTIONS"])
            for end in ("/", "")
        ]
        found.append(Route(f"{below}/api/public/lists", lists, methods=["GET", "OPTIONS"]))
    return found


async def sign_up(request: Request, row: Preset | None = None) -> Response:
    """/f/{form}: a page of our own, and whatever any page or program posts or, as some forms do, sends with GET.

    `row` is whose script it is, where that is known.
    """
    came = await _read(request)
    form = frame.within(request, _form(request, came.given, row))
    if request.method == "OPTIONS":
        return cors.preflight(request, form)
    answer = await _by_program(request, form, came, row) or await _by_browser(request, form, came, row)
    answer.headers.update(cors.headers(request, form))
    return answer


async def embedded(request: Request) -> Response:
    """/f/{form}/embed: the same page and all that follows it, in a frame on the sites that the form names."""
    frame.allow(request, _form(request, (), None))
    return await sign_up(request)


async def integrity_token(request: Request) -> Response:
    """GET /members/api/integrity-token/: Ghost's script asks for one before it posts."""
    form = _form(request, bodies.query(request), None)
    if request.method == "OPTIONS":
        return cors.preflight(request, form)
    app = app_of(request)
    token = tokens.stamp(app.settings.secret_key, now=app.clock())
    return PlainTextResponse(token, headers=dict(cors.headers(request, form)))


async def lists(request: Request) -> Response:
    """GET /api/public/lists: what a listmonk form offers to choose from."""
    form = _form(request, bodies.query(request), None)
    if request.method == "OPTIONS":
        return cors.preflight(request, form)
    db = app_of(request).db
    offered = form.lists or ((form.key, form.course),)
    courses = {slug: await run_in_threadpool(course_flow.published, db, slug) for _, slug in offered}
    says = [{"uuid": key, "name": courses[slug].title} for key, slug in offered]
    return JSONResponse(says, headers=dict(cors.headers(request, form)))


class _Read(NamedTuple):
    """What a request brought: the fields of its body and its address, and what is wrong with the body."""

    given: Pairs
    body: Body | None = None
    trouble: BadRequest | None = None


async def _read(request: Request) -> _Read:
    asked: Pairs = ()
    body: Body | None = None
    try:
        asked = bodies.query(request)
        if request.method == "POST":
            body = await bodies.read(request)
        return _Read(given=(*(body.fields() if body else ()), *asked), body=body)
    except BadRequest as error:
        return _Read(given=asked, body=body, trouble=error)


async def _by_program(request: Request, form: Form, came: _Read, row: Preset | None) -> Response | None:
    """The answer to a program that speaks for its visitors; None where it is a browser."""
    if row and row.private:
        refusal = answers.refused(Manner(speech=Speech.JSON, preset=row), (), _NO_KEY, 401)
        return None if await bearer.may_sign_up(request) else refusal
    if form.signature and request.method == "POST":
        return await inbound.receive(request, form, form.signature)
    if form.signature:
        raise NotFound("This form takes sign-ups from a program alone; there is no page for it.")
    if row is None and came.body and letters.is_known(came.body):
        return await inbound.hear(request, form, came.body)
    return None


async def _by_browser(request: Request, form: Form, came: _Read, row: Preset | None) -> Response:
    how = answers.manner(request, came.given, row or presets.of(came.given))
    if came.trouble:
        return await _refusal(request, form, how, came.given, came.trouble)
    if request.method == "POST" or _is_sent(request, how, came.given):
        return await _taken(request, form, how, came.given)
    return await hosted.form_page(request, form)


def _form(request: Request, given: Pairs, row: Preset | None) -> Form:
    """The form that is meant: by the address, by what its page calls it, or the first."""
    forms = app_of(request).settings.forms
    if "form" in request.path_params:
        form = forms.get(request.path_params["form"])
    else:
        named = [value for name, value in given if name == "form" or layout.is_list(name, row or presets.PLAIN)]
        named += [str(value) for value in request.path_params.values()]
        form = next((form for name in named for form in forms.values() if name in (form.key, *dict(form.lists))), None)
        form = form or next(iter(forms.values()), None)
    if form is None:
        raise NotFound("There is no such sign-up form here; the address it is sent to must be wrong.")
    return form


def _is_sent(request: Request, how: Manner, given: Pairs) -> bool:
    """Whether a GET is a form that was sent, and not only a page that is looked at."""
    return request.method == "GET" and bool(how.callback or told.has_email(given, how.preset))


async def _taken(request: Request, form: Form, how: Manner, given: Pairs) -> Response:
    try:
        came = intake.parse(given, form, _visit(request, how.preset), how.preset)
        if request.method == "GET" and not _may_follow(request, form):
            by_link = words_of(request, await language_of(request, form.course)).say(_BY_LINK)
            return answers.refused(how, given, by_link, 400) or await hosted.button_page(request, came, form)
        reply = await reception.take(request, came, form)
    except BadRequest as error:
        return await _refusal(request, form, how, given, error)
    match reply:
        case reception.Taken(course=course):
            return answers.done(how, came, form) or hosted.sent_page(request, course)
        case reception.Ask(suggestion=suggestion):
            speech = words_of(request, await language_of(request, form.course))
            sentence = speech.say("Did you mean %(suggestion)s?", suggestion=suggestion)
            return answers.asked(how, given, suggestion, sentence) or await hosted.ask_page(
                request, came, form, suggestion
            )
        case reception.Challenge():
            return await _challenge(request, form, how, came)


def _visit(request: Request, preset: Preset) -> Visit:
    """How the visitor came: where a program speaks for them, nothing is known of that."""
    found = intake.visit(request, is_program=preset.private)
    if not preset.private:
        return found
    return Visit(now=found.now, secret=found.secret, base_url=found.base_url, is_program=True)


def _may_follow(request: Request, form: Form) -> bool:
    """Whether an address alone may sign somebody up: not without asking them, nor for a browser that looks ahead."""
    return form.opt_in is OptIn.DOUBLE and "prefetch" not in request.headers.get("sec-purpose", "")


async def _challenge(request: Request, form: Form, how: Manner, came: Intake) -> Response:
    where = f"{app_of(request).settings.base_url}/f/{form.key}"
    speech = words_of(request, await language_of(request, came.course))
    sentence = speech.say("Many people sign up just now; please use this page: %(where)s", where=where)
    return answers.refused(how, came.fields, sentence, 403) or await challenge.page_for(request, came, form)


async def _refusal(request: Request, form: Form, how: Manner, given: Pairs, error: BadRequest) -> Response:
    status, sentence = status_of(error), str(error)
    said = words_of(request, await language_of(request, form.course)).again(sentence)
    answer = answers.refused(how, given, said, status)
    if answer is None:
        trouble = Trouble(sentence=sentence, status=status)
        answer = await hosted.form_page(request, form, given, trouble=trouble)
    answer.headers.update(AGAIN.get(status, {}))
    return answer
