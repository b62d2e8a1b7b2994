"""What did a sign-up form say? Bodies of any usual kind become one SignupRequest, or a sentence for the visitor."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from sequencer.core.model import SignupRequest
from sequencer.errors import BadContentType, BadRequest
from sequencer.forms import Form
from sequencer.message import address
from sequencer.web.pages import kind_of

LONGEST_NAME = 200
_LONGEST_URL = 2000
_MOST_FIELDS = 50
HONEYPOT = "website"
_READ = ("email", "name", "timezone", "next", HONEYPOT)
# They join letters in Persian and Indian names, and parts of emoji.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What came through the door: the request, where its sender wants to go next, and whether a trap was touched."""

    request: SignupRequest
    next: str
    is_bot: bool


async def fields(request: Request) -> Mapping[str, str]:
    """The fields of a body that is urlencoded, multipart or JSON. Raises BadContentType and BadRequest."""
    match kind_of(request):
        case "application/x-www-form-urlencoded" | "multipart/form-data":
            given = await _form_fields(request)
        case "application/json":
            given = _json_fields(await request.body())
        case _:
            raise BadContentType(
                "This form must be sent as application/x-www-form-urlencoded, multipart/form-data or application/json."
            )
    try:
        "".join(given.values()).encode()
    except UnicodeEncodeError as error:
        # Half a surrogate pair could be neither stored nor shown again.
        raise BadRequest("The form holds characters that are no text.") from error
    return given


def parse(given: Mapping[str, str], form: Form, *, ip: str, source_url: str) -> Intake:
    """The sign-up that the fields describe. Raises BadRequest with a sentence for the visitor."""
    zone, note = zone_or_note(given.get("timezone", ""))
    return Intake(
        request=SignupRequest(
            form=form.key,
            address=address.parse(given.get("email", "")),
            name=clean_name(given.get("name", "")),
            timezone=zone,
            note=note,
            source_url=source_url[:_LONGEST_URL],
            ip=ip,
        ),
        next=given.get("next", "") if given.get("next") in form.next else "",
        is_bot=bool(given.get(HONEYPOT, "").strip()),
    )


def clean_name(typed: str) -> str:
    """A name that can stand in a mail: one line, of a sane length. Raises BadRequest."""
    name = typed.strip()
    if len(name) > LONGEST_NAME:
        raise BadRequest(f"Your name is longer than {LONGEST_NAME} characters; please shorten it.")
    if not all(one.isprintable() or one in _JOINERS or unicodedata.category(one) == "Zs" for one in name):
        raise BadRequest("Your name holds a line break or a control character; please write it in one line.")
    return " ".join(name.split())


def zone_or_note(typed: str) -> tuple[str, str]:
    """The zone's name, or nothing and a note that says why."""
    name = typed.strip()
    if not name or name in zones():
        return name, ""
    shown = "".join(one if one.isprintable() else "?" for one in name[:64])
    return "", f'The form sent the time zone "{shown}", which is not known.'


@cache
def zones() -> tuple[str, ...]:
    """All time zones by name; read once, as the list is spread over hundreds of files."""
    return tuple(sorted(available_timezones() - {"localtime", "Factory"}))


async def _form_fields(request: Request) -> Mapping[str, str]:
    try:
        async with request.form(max_files=_MOST_FIELDS, max_fields=_MOST_FIELDS) as form:
            if any(isinstance(value, UploadFile) for _, value in form.multi_items()):
                raise BadRequest("This form takes no files; please send it without.")
            return {key: str(value) for key, value in form.items()}
    except (HTTPException, UnicodeError) as error:
        reason = error.detail if isinstance(error, HTTPException) else "Its charset cannot be decoded."
        raise BadRequest(f"The form cannot be read. {reason}") from error


def _json_fields(body: bytes) -> Mapping[str, str]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON.") from error
    if not isinstance(given, dict):
        raise BadRequest('The body must be a JSON object like {"email": "name@example.org"}.')
    for key in _READ:
        if not isinstance(given.get(key), str | None):
            raise BadRequest(f'"{key}" must be a text in quotes.')
    return {key: value for key, value in given.items() if isinstance(value, str)}
