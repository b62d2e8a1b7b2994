"""In whose name does a page speak? In that of the course that it is about, or of the first that has a form."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from sequencer.content.words import ENGLISH
from sequencer.core.model import Course
from sequencer.errors import NotFound
from sequencer.flows import course as course_flow
from sequencer.web.pages import app_of, words_of


async def of(request: Request, course: Course | None, *, spoken: str = "") -> tuple[str, str]:
    """Brand and language of a page about `course`; where it is about none, those of the first form's course.

    `spoken` is the language of the person whom the page is for: theirs, where it is about no course and we speak it.
    """
    app, own = app_of(request), spoken if course is None and words_of(request, spoken).language != ENGLISH else ""
    for form in app.settings.forms.values() if course is None else ():
        try:
            course = await run_in_threadpool(course_flow.published, app.db, form.course)
        except NotFound:
            continue
        break
    return (course.brand, own or course.language) if course else ("", own or ENGLISH)
