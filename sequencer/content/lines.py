"""How does the subject of a lesson read to somebody who looks at a list of lessons, without the lesson around it?"""

from types import SimpleNamespace

from sequencer.content import marks
from sequencer.content.templates import Templates
from sequencer.core.model import Course


def subject(templates: Templates, course: Course, step: int, *, name: str) -> str:
    """The subject of the lesson at `step`, its marks filled in; those that cannot be are left out."""
    lesson = course.lessons[step]
    if "{" not in lesson.subject:
        return lesson.subject
    number, total = step + 1, len(course.lessons)
    known: dict[str, dict[str, object]] = {owner: dict.fromkeys(names, "") for owner, names in marks.KNOWN.items()}
    shown = {
        **known,
        "subscriber": {**known["subscriber"], "name": name},
        "course": {one: getattr(course, one, f"{number} of {total}") for one in marks.KNOWN["course"]},
        "lesson": {**known["lesson"], "number": number, "total": total, "theme": lesson.theme},
    }
    values = {owner: SimpleNamespace(**fields) for owner, fields in shown.items()}
    try:
        words = templates.person_text.from_string(lesson.subject).render(values)
    except Exception:  # noqa: BLE001 (an author's expression can raise anything; a list without it is better than none)
        words = marks.blank(lesson.subject)
    return " ".join(words.split())
