"""What can a program learn of forms and courses? What it takes to show them on the site's own pages."""

from collections.abc import Mapping

from sequencer.core.model import Revision
from sequencer.errors import NotFound
from sequencer.flows import directory
from sequencer.forms import Form
from sequencer.store.database import Transaction
from sequencer.web.api.calls import Call, Reply

_FIELDS = (
    {"name": "email", "type": "email", "label": "E-mail", "required": True, "autocomplete": "email"},
    {"name": "name", "type": "text", "label": "First name", "required": False, "autocomplete": "given-name"},
    {"name": "timezone", "type": "hidden", "label": "", "required": False, "autocomplete": "off"},
)


def forms(_tx: Transaction, call: Call) -> Reply:
    """GET /forms."""
    return Reply(body={"data": [_form(one, call) for one in call.settings.forms.values()], "next": None})


def form(_tx: Transaction, call: Call) -> Reply:
    """GET /forms/{key}."""
    found = call.settings.forms.get(call.named["key"])
    if found is None:
        raise NotFound("There is no such form.")
    return Reply(body=_form(found, call))


def courses(tx: Transaction, _call: Call) -> Reply:
    """GET /courses."""
    return Reply(body={"data": [_course(one) for one in directory.catalogue(tx)], "next": None})


def course(tx: Transaction, call: Call) -> Reply:
    """GET /courses/{slug}."""
    for found in directory.catalogue(tx):
        if found.course.slug == call.named["slug"]:
            return Reply(body=_course(found))
    raise NotFound("There is no such course, or it is not published.")


def _form(found: Form, call: Call) -> Mapping[str, object]:
    return {
        "key": found.key,
        "course": found.course,
        "courses": list(found.courses),
        "opt_in": found.opt_in.value,
        "consent": found.consent,
        "consent_version": found.wording_version,
        "action": f"{call.settings.base_url}/f/{found.key}",
        "method": "post",
        "fields": list(_FIELDS),
    }


def _course(found: Revision) -> Mapping[str, object]:
    course = found.course
    return {
        "slug": course.slug,
        "title": course.title,
        "subtitle": course.subtitle,
        "author": course.author,
        "language": course.language,
        "next": course.next,
        "exit_on": list(course.exit_on),
        "revision": found.number,
        "lessons": [
            {"id": one.key, "subject": one.subject, "preheader": one.preheader, "theme": one.theme}
            for one in course.lessons
        ],
    }
