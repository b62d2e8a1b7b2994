"""With what is each page for visitors filled? Every page, each with the values that bring out all of its words."""

from types import SimpleNamespace
from typing import Any

WHEN = "2026-03-02 08:00"
ZONES = ["Europe/Berlin", "Europe/Paris"]
_DAYS = [{"name": "mon", "label": "D", "chosen": True}]
_PAST = [
    {"id": at, "number": at, "subject": "S", "became": became, "when": WHEN, "url": "/v/x", "is_done": at == 1}
    for at, became in enumerate(("sent", "under way", "failed", "skipped", "passed over", "in a digest"), 1)
]
_NEXT = {"id": 7, "number": 7, "subject": "S", "when": WHEN, "spoken": WHEN}
_PLACE = {
    "title": "T",
    "name": "N",
    "has_name": True,
    "standing": "waiting",
    "received": 2,
    "total": 9,
    "ticked": 2,
    "run": 1,
    "past": _PAST,
    "coming": [_NEXT],
    "held": "",
    "paused_until": WHEN,
    "weeks": (1, 2),
    "paces": [{"value": "daily", "label": "P", "chosen": True}],
    "own_gap": "G",
    "hour": "08:00",
    "own_hour": "09:00",
    "days": _DAYS,
    "form_url": "/f/x",
}
_COURSE = {
    "title": "T",
    "subtitle": "U",
    "brand": "B",
    "author": "A",
    "lessons": 9,
    "form_url": "/f/x",
    "is_newsletter": False,
}
_LETTER = {**_COURSE, "lessons": 0, "is_newsletter": True}
_ARCHIVE = {
    "title": "T",
    "subtitle": "U",
    "issues": [{"url": "/archive/1-x", "subject": "S", "preheader": "P", "day": "D", "date": "2026-03-02"}],
    "number": 2,
    "newer": "/archive",
    "older": "/archive?page=3",
    "feed_url": "/archive/feed.xml",
    "form_url": "/f/x",
}
_PREFERENCES = {
    "newsletter": {"value": "newsletter", "title": "T", "is_on": True},
    "url": "/p/x",
    "said": "",
    "error": "",
    "name": "N",
    "timezone": ZONES[0],
    "timezones": ZONES,
    "hour": "08:00",
    "days": _DAYS,
    "is_here": True,
    "may_pause": True,
    "is_paused": True,
    "weeks": (1, 2),
    "email": "",
    "form_url": "/f/x",
    "leave_url": "/u/x",
    "courses": [
        {
            "slug": "x",
            "title": "T",
            "done": 1,
            "total": 9,
            "next_due": due,
            "paused_until": until,
            "state": state,
            "url": "",
        }
        for due, until, state in (
            (WHEN, "", "active"),
            ("", WHEN, "active"),
            ("", "", "finished"),
            ("", "", "stopped"),
        )
    ],
}
_FORM = {
    "action": "/f/x",
    "course": _COURSE,
    "consent": "C",
    "error": "",
    "email": "",
    "name": "",
    "choices": [{"value": "x", "title": "T", "chosen": True}],
    "kept": (),
    "shown_at": "1",
}
_LEAVE = {
    "title": "T",
    "choices": [],
    "everything": "all",
    "reasons": [{"value": "x", "label": "R"}],
    "most_words": 1000,
}
_DOUBT = {"course": _COURSE, "asked": WHEN, "ip": "192.0.2.1", "is_about_all": True, "undo_url": "/x", "undo_days": 7}
_CERTIFICATE = {
    "certificate": SimpleNamespace(
        course=SimpleNamespace(title="T", lessons=(1, 2, 3), author="A"), name="N", received=3, done=2
    ),
    "began": WHEN,
    "ended": "2026-03-05",
    "address": "https://x",
}
_NAMELESS = SimpleNamespace(course=_CERTIFICATE["certificate"].course, name="", received=1, done=1)  # type: ignore[attr-defined]
_EMPTY: dict[str, Any] = {"coming": [], "past": [], "name": "", "received": 1, "ticked": 1}
VISITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("button.html", {"address": "a@b.c", "consent": "C", "action": "/f/x", "kept": ()}),
    ("certificate.html", _CERTIFICATE),
    ("certificate.html", {**_CERTIFICATE, "certificate": _NAMELESS, "ended": WHEN}),
    ("challenge.html", {"action": "/f/x", "fields": [], "challenge": "{}", "reply_to": "a@b.c"}),
    ("archive.html", _ARCHIVE),
    ("archive.html", {**_ARCHIVE, "issues": (), "number": 1, "newer": "", "older": "", "form_url": ""}),
    ("confirm.html", {"course": _COURSE}),
    ("confirm.html", {"course": _LETTER}),
    ("confirmed.html", {"course": _COURSE, "first_due": WHEN}),
    ("confirmed.html", {"course": _LETTER, "first_due": ""}),
    ("course.html", {"said": "", "url": "/c/x", "course": _PLACE}),
    ("course.html", {"said": "", "url": "/c/x", "course": {**_PLACE, "standing": "paused"}}),
    ("course.html", {"said": "", "url": "/c/x", "course": {**_PLACE, "standing": "paused", "held": "H"}}),
    ("course.html", {"said": "", "url": "/c/x", "course": {**_PLACE, "standing": "resting"}}),
    ("course.html", {"said": "", "url": "/c/x", "course": {**_PLACE, "standing": "under way"}}),
    ("course.html", {"said": "S", "url": "/c/x", "course": {**_PLACE, **_EMPTY}}),
    ("data.html", {"url": "/data/x"}),
    ("disown.html", _DOUBT),
    ("disown.html", {**_DOUBT, "ip": "", "is_about_all": False}),
    ("disowned.html", _DOUBT),
    ("disowned.html", {**_DOUBT, "is_about_all": False}),
    ("erase.html", {"url": "/data/x"}),
    ("erased.html", {"for_good": True}),
    ("erased.html", {"for_good": False}),
    ("error.html", {"status": 404, "sentence": "S"}),
    ("error.html", {"status": 400, "sentence": "S"}),
    ("expired.html", {"title": "T", "was_used": True, "form_url": "/f/x"}),
    ("expired.html", {"title": "T", "was_used": False, "form_url": "/f/x"}),
    ("expired.html", {"title": "", "was_used": False, "form_url": "/f/x"}),
    ("finished.html", {"said": "", "url": "/c/x", "course": _PLACE}),
    ("finished.html", {"said": "", "url": "/c/x", "course": {**_PLACE, **_EMPTY, "has_name": False}}),
    ("form.html", _FORM),
    ("form.html", {**_FORM, "error": "S", "course": {**_COURSE, "lessons": 1}}),
    ("gone.html", {"course": _COURSE}),
    ("index.html", {"forms": [{"url": "/f/x", "title": "T"}]}),
    ("index.html", {"forms": []}),
    ("leave.html", _LEAVE),
    ("leave.html", {**_LEAVE, "title": ""}),
    ("leave.html", {**_LEAVE, "choices": [{"value": "x", "title": "T"}]}),
    ("left.html", {"title": "T", "left": "", "is_newsletter": False, "undo_url": "/x", "is_mailed": True}),
    ("left.html", {"title": "", "left": "", "is_newsletter": False, "undo_url": "", "is_mailed": False}),
    ("left.html", {"title": "T", "left": "T", "is_newsletter": False, "undo_url": "", "is_mailed": False}),
    ("left.html", {"title": "T", "left": "T", "is_newsletter": True, "undo_url": "", "is_mailed": False}),
    ("meant.html", {"typed": "a@b.c", "suggestion": "a@b.d", "action": "/f/x", "kept": ()}),
    ("move.html", {}),
    ("moved.html", {}),
    ("preferences.html", _PREFERENCES),
    ("preferences.html", {**_PREFERENCES, "error": "S", "email": "x"}),
    ("preferences.html", {**_PREFERENCES, "said": "S", "is_here": False}),
    ("preferences.html", {**_PREFERENCES, "courses": []}),
    ("preferences.html", {**_PREFERENCES, "newsletter": {"value": "newsletter", "title": "T", "is_on": False}}),
    ("reclaimed.html", {"course": _COURSE, "confirm_url": "/x", "form_url": ""}),
    ("reclaimed.html", {"course": _COURSE, "confirm_url": "", "form_url": "/f/x"}),
    ("reclaimed.html", {"course": _COURSE, "confirm_url": "", "form_url": ""}),
    ("return.html", {"courses": [{"title": "T"}]}),
    ("return.html", {"courses": []}),
    ("returned.html", {"courses": [{"title": "T", "next_due": WHEN}]}),
    ("sent.html", {"title": "T", "is_newsletter": False, "confirm_within": 1}),
    ("sent.html", {"title": "T", "is_newsletter": False, "confirm_within": 7}),
    ("sent.html", {"title": "T", "is_newsletter": True, "confirm_within": 1}),
    ("sent.html", {"title": "T", "is_newsletter": True, "confirm_within": 7}),
    ("stay.html", {}),
    ("stayed.html", {}),
    ("tried.html", {}),
)
