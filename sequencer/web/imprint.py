"""In whose name does a page speak? In that of the course that it is about, or of the first that has a form."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from sequencer.core.model import Course
from sequencer.errors import NotFound
from sequencer.flows import course as course_flow
from sequencer.web.pages import app_of


async def of(request: Request, course: Course | None) -> tuple[str, str]:
    """Brand and language of a page about `course`; where it is about none, those of the first form's course."""
    app = app_of(request)
    for form in app.settings.forms.values() if course is None else ():
        try:
            course = await run_in_threadpool(course_flow.published, app.db, form.course)
        except NotFound:
            continue
        break
    return (course.brand, course.language) if course else ("", "en")
