"""How do requests and answers of the API look? JSON Schemas (2020-12), by which requests are checked, and told of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from sequencer.core.model import EVENT_NAME, REPORTED, EnrolmentState, Pace, SubscriberState

Schema: TypeAlias = Mapping[str, Any]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LARGEST_ID = 2**53 - 1  # beyond it JavaScript cannot count
_SLUG = r"^[a-z0-9][a-z0-9_-]{0,99}$"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
_HOUR = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_LANGUAGE = "^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$"
_EVENT = f"^{EVENT_NAME}$"
_VISIBLE = "^[!-~]+$"
_PRINTED = "^[ -~]+$"

# What a text must be, in words, by the pattern or format that it does not fit.
PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        _SLUG: 'a name of small letters, digits, "-" and "_"',
        _ONE_LINE: "a text in one line, without control characters",
        _HOUR: "an hour like 07:30",
        _LANGUAGE: "a language tag like de-AT",
        _EVENT: 'a name of small letters, digits, "-" and "_" that begins with a letter',
        _VISIBLE: "of visible characters of ASCII, such as a UUID",
        _PRINTED: "an ETag as an answer gave it, in its quotes",
    }
)
FORMATS: Mapping[str, str] = MappingProxyType({"date": "a day like 2026-12-24", "email": "an e-mail address"})


def obj(properties: Schema, *, required: tuple[str, ...] | None = None, **more: object) -> Schema:
    """An object with these properties and no other; all of them `required` unless said otherwise."""
    needed = tuple(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False, **more}


def ref(name: str) -> Schema:
    """The schema of this name in `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def line(most: int, meaning: str = "", **more: object) -> Schema:
    """A text in one line."""
    told = {"description": meaning} if meaning else {}
    return {"type": "string", "maxLength": most, "pattern": _ONE_LINE, **told, **more}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    enum = {"enum": (*schema["enum"], None)} if "enum" in schema else {}
    return {**schema, **enum, "type": (schema["type"], "null")}


def page(of: str) -> Schema:
    """One page of a list; `next` is the address of the page that follows."""
    return obj(
        {
            "data": {"type": "array", "items": ref(of)},
            "next": {"type": ("string", "null"), "format": "uri", "description": "The next page; null on the last."},
        }
    )


ID: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
CURSOR: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID, "default": 0}
LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
EMAIL: Schema = {"type": "string", "format": "email"}
SLUG: Schema = {"type": "string", "pattern": _SLUG}
SUBSCRIBER_STATE: Schema = {"type": "string", "enum": tuple(SubscriberState)}
ENROLMENT_STATE: Schema = {"type": "string", "enum": tuple(EnrolmentState)}
IDEMPOTENCY_KEY: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": _VISIBLE}
IF_MATCH: Schema = {"type": "string", "maxLength": 255, "pattern": _PRINTED}
TAG: Schema = line(64, minLength=1)
ZONE: Schema = line(64, "A time zone's name, such as Europe/London.", minLength=1, format="timezone")
LANGUAGE: Schema = {
    "type": "string",
    "maxLength": 35,
    "pattern": _LANGUAGE,
    "description": "A language tag, such as de-AT.",
}
INSTANT: Schema = {"type": "string", "format": "date-time"}
PACE: Schema = {"type": "string", "enum": tuple(Pace)}
_TAGS: Schema = {"type": "array", "items": TAG, "maxItems": 50, "uniqueItems": True}
_NAMES: Schema = {"minLength": 1, "maxLength": 64, "pattern": _ONE_LINE}
_SEND_AT: Schema = {
    "type": "string",
    "pattern": _HOUR,
    "description": "The hour at which their mail comes, on their own clock.",
}
_DAYS: Schema = {
    "type": "array",
    "items": {"type": "string", "enum": DAYS},
    "minItems": 1,
    "uniqueItems": True,
    "description": "The days on which their mail comes.",
}


def _named(value: Schema, meaning: str) -> Schema:
    found = {"type": "object", "propertyNames": _NAMES, "additionalProperties": value, "maxProperties": 50}
    return {**found, "description": meaning}


def _to_whom(properties: Schema, *, required: tuple[str, ...]) -> Schema:
    """A body about somebody, who is named either by `subscriber` or by `email`."""
    either = ({"required": ("subscriber",)}, {"required": ("email",)})
    return obj({"subscriber": ID, "email": EMAIL, **properties}, required=required, oneOf=either)


SIGN_UP = obj(
    {
        "email": EMAIL,
        "form": {**SLUG, "description": "The form of the settings that says which course and which words it is about."},
        "course": {**SLUG, "description": "Another course that the form may lead to; left out, its own."},
        "name": line(200, "What they are called."),
        "timezone": ZONE,
        "language": LANGUAGE,
        "attributes": _named(line(500), "What else is known of them."),
        "tags": _TAGS,
        "utm": _named(line(500), "Which campaign brought them."),
        "source_url": line(2000, "The page on which they signed up."),
        "ip": line(45, "The visitor's own address on the internet, kept with their consent.", format="ip"),
        "user_agent": line(500, "The visitor's browser."),
        "proof": line(
            1000,
            "Where and when they agreed already. Nobody asks them by mail, and the key needs subscribers:import.",
            minLength=10,
        ),
    },
    required=("email", "form"),
)
CHANGE_PERSON = obj(
    {
        "name": line(200),
        "timezone": ZONE,
        "language": LANGUAGE,
        "attributes": _named(or_null(line(500)), "Joined to what is known; null takes one away."),
        "tags": {**_TAGS, "description": "In place of those that there are."},
        "send_at": or_null(_SEND_AT),
        "days": or_null(_DAYS),
        "state": {
            "type": "string",
            "enum": ("left",),
            "description": "They leave everything, and what is queued is not sent; only they can come back.",
        },
    },
    required=(),
    minProperties=1,
)
ENROL = _to_whom({"course": SLUG}, required=("course",))
CHANGE_PLACE = obj(
    {
        "paused_until": {
            "type": ("string", "null"),
            "format": "date",
            "description": "Nothing comes before this day of their calendar, a year ahead at most; null: they go on.",
        },
        "pace": or_null({**PACE, "description": "Their own pace; null leaves it to the course."}),
    },
    required=(),
    minProperties=1,
)
TELL = _to_whom(
    {
        "name": {"type": "string", "pattern": _EVENT, "description": "What they did, such as bought."},
        "data": {
            "type": "object",
            "maxProperties": 50,
            "description": "What is to be remembered of it, 16 KB at most.",
        },
    },
    required=("name",),
)
SUPPRESS = obj(
    {
        "email": EMAIL,
        "reason": {
            "type": "string",
            "enum": tuple(REPORTED),
            "description": "complaint: the owner reported our mail as spam. bounce: there is no such address.",
        },
        "detail": line(500, "What is to be remembered of it, such as the mail server's words; hooks are told them."),
    },
    required=("email", "reason"),
)

_PERSON = obj(
    {
        "id": ID,
        "email": {"type": "string"},
        "name": {"type": "string"},
        "timezone": {"type": "string"},
        "language": {"type": "string"},
        "state": {
            **SUBSCRIBER_STATE,
            "description": "Keys without suppressions:read see left in place of suppressed.",
        },
        "created_at": INSTANT,
        "confirmed_at": or_null(INSTANT),
        "left_at": or_null({**INSTANT, "description": "Null for keys without suppressions:read."}),
        "attributes": {"type": "object", "additionalProperties": {"type": "string"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "send_at": or_null(_SEND_AT),
        "days": or_null(_DAYS),
    }
)
_PLACE = obj(
    {
        "id": ID,
        "subscriber": ID,
        "course": {"type": "string"},
        "state": ENROLMENT_STATE,
        "lessons_done": {"type": "integer", "minimum": 0},
        "lessons": {"type": "integer", "minimum": 0},
        "next_due_at": or_null(INSTANT),
        "started_at": INSTANT,
        "finished_at": or_null(INSTANT),
        "paused_until": or_null(INSTANT),
        "pace": or_null(PACE),
    }
)
_FIELD = obj(
    {
        "name": {"type": "string"},
        "type": {"type": "string", "enum": ("email", "text", "hidden")},
        "label": {"type": "string"},
        "required": {"type": "boolean"},
        "autocomplete": {"type": "string"},
    }
)
_FORM = obj(
    {
        "key": {"type": "string"},
        "course": {"type": "string"},
        "courses": {"type": "array", "items": {"type": "string"}},
        "opt_in": {"type": "string", "enum": ("double", "single")},
        "consent": {"type": "string", "description": "The words to show above the button."},
        "consent_version": {"type": "string"},
        "action": {"type": "string", "format": "uri", "description": "Where the form is posted to."},
        "method": {"const": "post"},
        "fields": {"type": "array", "items": _FIELD},
    }
)
_LESSON = obj({name: {"type": "string"} for name in ("id", "subject", "preheader", "theme")})
_COURSE = obj(
    {
        **{name: {"type": "string"} for name in ("slug", "title", "subtitle", "author", "language", "next")},
        "exit_on": {"type": "array", "items": {"type": "string"}},
        "revision": {"type": "integer", "minimum": 1},
        "lessons": {"type": "array", "items": _LESSON},
    }
)
_PROBLEM = obj(
    {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": obj(
                {"pointer": {"type": "string"}, "parameter": {"type": "string"}, "detail": {"type": "string"}},
                required=("detail",),
            ),
        },
    },
    required=("type", "title", "status", "detail"),
)

COMPONENTS: Mapping[str, Schema] = MappingProxyType(
    {
        "Subscriber": _PERSON,
        "SubscriberPage": page("Subscriber"),
        "Enrolment": _PLACE,
        "EnrolmentPage": page("Enrolment"),
        "Form": _FORM,
        "FormPage": page("Form"),
        "Course": _COURSE,
        "CoursePage": page("Course"),
        "Accepted": obj({"status": {"const": "pending_confirmation"}}),
        "Told": obj({"status": {"const": "taken"}}),
        "Suppressed": obj({"status": {"const": "suppressed"}}),
        "SignUp": SIGN_UP,
        "SubscriberChange": CHANGE_PERSON,
        "NewEnrolment": ENROL,
        "EnrolmentChange": CHANGE_PLACE,
        "NewEvent": TELL,
        "NewSuppression": SUPPRESS,
        "Problem": _PROBLEM,
    }
)
