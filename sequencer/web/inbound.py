"""What do we answer a program that posts a sign-up? Always JSON, never a redirect, and quickly.

Whoever signs is believed about the visitor: the IP address that counts is the one in the message, and if it names none,
none counts. A message that comes once more is answered like the first, and does nothing.
"""

import hashlib

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sequencer.core import signatures
from sequencer.core.model import Pairs
from sequencer.core.signatures import Refused, Sent
from sequencer.errors import BadRequest
from sequencer.forms import Form, Signature
from sequencer.message import ed25519
from sequencer.web import answers, bodies, intake, letters, reception, told
from sequencer.web.bodies import Body
from sequencer.web.letters import Letter
from sequencer.web.pages import app_of, status_of
from sequencer.web.shapes import Preset

# What is no sign-up, and what leaves the address blank: there is nothing to do, and sending it again changes nothing.
IGNORED = {"ok": True, "status": "ignored"}


async def receive(request: Request, form: Form, signature: Signature) -> Response:
    """The answer to a program that has to sign what it posts to this form."""
    try:
        raw = await request.body()
        sent = Sent(body=raw, headers=request.headers.raw, query=request.query_params.multi_items())
        now = app_of(request).clock()
        proof = signatures.verify(signature, form.secrets, sent, now=now, ed25519=ed25519.is_signed)
        if isinstance(proof, Refused):
            return _refusal(proof.sentence, 401)
        letter = letters.read(await bodies.parse(raw, request.headers.get("content-type", "")), request.headers)
        return await _take(request, form, letter, is_signed=True, delivery=proof.delivery or letter.delivery)
    except BadRequest as error:
        return _refusal(str(error), status_of(error))


async def hear(request: Request, form: Form, body: Body) -> Response:
    """The answer to a message that is a program's by its shape, though nobody signed it: a visitor like any other."""
    try:
        return await _take(request, form, letters.read(body, request.headers), is_signed=False, delivery="")
    except BadRequest as error:
        return _refusal(str(error), status_of(error))


async def _take(request: Request, form: Form, letter: Letter, *, is_signed: bool, delivery: str) -> Response:
    preset, visit = letter.program.preset, intake.visit(request, is_program=is_signed)
    if is_signed:
        visit = visit._replace(ip=letter.ip, user_agent=letter.agent, origin="", referer="", language="")
    fields = _addressed(letter.fields, form, preset) if letter.is_sign_up else ()
    if not fields:
        return JSONResponse(IGNORED)
    came = intake.parse(fields, form, visit, preset)
    # There is nobody who could be asked whether they meant gmail.com.
    came = came._replace(sure=came.sure or is_signed, receipt=_receipt(form, delivery))
    match await reception.take(request, came, form):
        case reception.Taken():
            return JSONResponse(answers.ACCEPTED)
        case reception.Ask(suggestion=suggestion):
            return _refusal(f"Did you mean {suggestion}?", 400)
        case reception.Challenge():
            return _refusal("There are many sign-ups at this moment; let the program sign what it sends.", 403)


def _addressed(fields: Pairs, form: Form, preset: Preset) -> Pairs:
    """The fields, with the address under its own name; none where the visitor left the place for it blank."""
    typed = told.email(fields, form, preset)
    if told.has_email(fields, preset):
        return fields if typed else ()
    if not typed:
        raise BadRequest('Nothing here is plainly the visitor\'s e-mail address; let the program call it "email".')
    # Some programs only number their fields.
    return tuple(("email" if value == typed else name, value) for name, value in fields)


def _receipt(form: Form, delivery: str) -> str:
    """What is used up when a message is taken, "" where it has no name: then only the address tells it from others."""
    named = f"delivery|{form.key}|{delivery}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(named).hexdigest() if delivery else ""


def _refusal(sentence: str, status: int) -> Response:
    return JSONResponse({"ok": False, "error": sentence}, status_code=status)
