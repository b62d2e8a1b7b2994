"""What did a sign-up form say? Bodies of any usual kind become one SignupRequest, or a sentence for the visitor."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.datastructures import UploadFile
from starlette.requests import Request

from sequencer.core.model import SignupRequest
from sequencer.errors import BadContentType, BadRequest
from sequencer.message import address
from sequencer.settings import Form

LONGEST_NAME = 200
_LONGEST_URL = 2000
_MOST_FIELDS = 50
HONEYPOT = "website"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What came through the door: the request, where its sender wants to go next, and whether a trap was touched."""

    request: SignupRequest
    next: str
    is_bot: bool


async def fields(request: Request) -> Mapping[str, str]:
    """The fields of a body that is urlencoded, multipart or JSON. Raises BadContentType and BadRequest."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    match kind:
        case "application/x-www-form-urlencoded" | "multipart/form-data":
            return await _form_fields(request)
        case "application/json":
            return _json_fields(await request.body())
        case _:
            raise BadContentType(
                "This form must be sent as application/x-www-form-urlencoded, multipart/form-data or application/json."
            )


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
    if not name.isprintable():
        raise BadRequest("Your name holds a line break or a control character; please write it in one line.")
    if len(name) > LONGEST_NAME:
        raise BadRequest(f"Your name is longer than {LONGEST_NAME} characters; please shorten it.")
    return " ".join(name.split())


def zone_or_note(typed: str) -> tuple[str, str]:
    """The zone's name, or nothing and a note that says why."""
    name = typed.strip()
    if not name:
        return "", ""
    try:
        return ZoneInfo(name).key, ""
    except (KeyError, ValueError, OSError):
        return "", f'The form sent the time zone "{name[:64]}", which is not known.'


async def _form_fields(request: Request) -> Mapping[str, str]:
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return {key: value for key, value in form.items() if not isinstance(value, UploadFile)}


def _json_fields(body: bytes) -> Mapping[str, str]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON.") from error
    if not isinstance(given, dict):
        raise BadRequest('The body must be a JSON object like {"email": "name@example.org"}.')
    return {key: value for key, value in given.items() if isinstance(value, str)}
