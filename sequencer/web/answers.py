"""How is a sign-up answered? In the words that the form's own script, or the visitor's browser, understands."""

import html
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from sequencer.core.model import Pairs
from sequencer.forms import Form
from sequencer.web import shapes
from sequencer.web.intake import Intake
from sequencer.web.pages import header, kind_of
from sequencer.web.shapes import ADDRESS, NOW, NUMBER, SENTENCE, Preset, Speech

# One answer for all: known, unknown, suppressed, or a robot that filled in the trap. It satisfies the scripts of most.
ACCEPTED: Mapping[str, object] = {
    "ok": True,
    "success": True,
    "status": "pending_confirmation",
    "result": "success",
    "data": {"has_optin": True},
}
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """In what somebody wants to be answered; `callback` is the function that JSONP calls."""

    speech: Speech
    preset: Preset
    callback: str = ""


def manner(request: Request, given: Pairs, preset: Preset) -> Manner:
    """How to answer this request: what it says goes before what is usual for its form."""
    callback = _callback(given) if request.method == "GET" else ""
    if callback:
        return Manner(speech=Speech.JSONP, preset=preset, callback=callback)
    if preset.words_for and preset.words_for in given:
        return Manner(speech=Speech.TEXT, preset=preset)
    return Manner(speech=_speech(request, preset), preset=preset)


def done(how: Manner, came: Intake, form: Form) -> Response | None:
    """The answer to who was taken; None where it is a page."""
    onward = came.next or form.thanks
    match how.speech:
        case Speech.PAGE:
            return RedirectResponse(onward, status_code=303) if onward else None
        case Speech.TEXT:
            return _text(how.preset.words.done if how.preset.words else "", 200)
        case _:
            says = {**ACCEPTED, **_filled(how.preset.success, _of(came))}
            if onward and how.preset.onward:
                says[how.preset.onward] = onward
            return _json(how, says, how.preset.status)


def refused(how: Manner, given: Pairs, sentence: str, status: int) -> Response | None:
    """The answer to what cannot be taken; None where it is a page."""
    match how.speech:
        case Speech.PAGE:
            return None
        case Speech.TEXT:
            words = how.preset.words
            blank = not shapes.first(given, (*how.preset.email, *shapes.EMAIL))
            said = (words.missing if blank else words.wrong) if words else SENTENCE
            # Scripts that read words look at nothing else, least of all at the status.
            return _text(said.replace(SENTENCE, sentence), 200)
        case _:
            says = {"ok": False, "success": False, "result": "error", "error": sentence}
            return _json(how, {**says, **_filled(how.preset.failure, {SENTENCE: sentence})}, status)


def asked(how: Manner, given: Pairs, suggestion: str, sentence: str) -> Response | None:
    """The answer to an address that looks mistyped, which `sentence` asks about; None where it is a page."""
    answer = refused(how, given, sentence, 400)
    if isinstance(answer, JSONResponse) and how.speech is Speech.JSON:
        return _json(how, {**json.loads(bytes(answer.body)), "suggestion": suggestion}, 400)
    return answer


def shown(answer: Response | None) -> str:
    """An answer in one line, for an admin to look at."""
    return f"{answer.status_code} {bytes(answer.body).decode()}" if answer else ""


def _callback(given: Pairs) -> str:
    return next((value for name, value in given if name in ("callback", "c") and _CALLBACK.fullmatch(value)), "")


def _speech(request: Request, preset: Preset) -> Speech:
    accept = header(request, b"accept")
    if "text/html" in accept:
        return Speech.PAGE
    by_script = (
        "application/json" in accept
        or kind_of(request) in ("application/json", "text/plain")
        or request.headers.get("x-requested-with", "").lower() == "xmlhttprequest"
        or request.headers.get("sec-fetch-mode") in ("cors", "no-cors", "same-origin")
    )
    return Speech.JSON if by_script else preset.speaks


def _json(how: Manner, told: Mapping[str, object], status: int) -> Response:
    if how.speech is not Speech.JSONP:
        return JSONResponse(told, status_code=status)
    # A script that is refused is not run. U+2028 ends a line in older JavaScript; "<" might end a script.
    body = json.dumps(told).replace("<", "\\u003c")
    return Response(f"/**/{how.callback}({body});", media_type="application/javascript")


def _text(words: str, status: int) -> Response:
    """A line; escaped, as some scripts put it into their page as it comes."""
    return PlainTextResponse(html.escape(words), status_code=status)


def _of(came: Intake) -> Mapping[str, object]:
    """What an answer may say of the visitor: nothing that depends on whether we know them."""
    address = came.request.address.normalized
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{came.request.form}|{address}")
    return {ADDRESS: address, NUMBER: str(number), NOW: int(came.came_at.timestamp())}


def _filled(row: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    return {key: _value(value, values) for key, value in row.items()}


def _value(value: object, values: Mapping[str, object]) -> object:
    if isinstance(value, Mapping):
        return _filled(value, values)
    if isinstance(value, list):
        return [_value(inner, values) for inner in value]
    if isinstance(value, str):
        if value in values:
            return values[value]
        for mark, said in values.items():
            value = value.replace(mark, str(said))
    return value
