"""What does an issue say to a feed reader? Its words as plain HTML, with nothing of a person and nothing of a mail."""

from dataclasses import replace

from markupsafe import Markup

from sequencer.content import bare, markdown, marks
from sequencer.content.dress import Placed
from sequencer.content.render import Mail, Person, compiled, issue_values
from sequencer.content.templates import Templates
from sequencer.core.model import Course

TEMPLATE = "issue.feed.html"
_NO_LINKS = {"unsubscribe": "", "preferences": "", "view": "", "course": ""}


def entry(words: Course, *, templates: Templates, base_url: str, address: str) -> Mail:
    """The issue that is the only lesson of `words`, as somebody without a name reads it at `address`.

    `base_url` is from where its images are fetched. Raises BadContent where a value cannot be filled in.
    """
    lesson = words.lessons[0]
    images = {one.to: Placed(url=base_url + one.path, width=one.width, height=one.height) for one in lesson.images}
    open_marks: list[str] = []
    guarded = marks.guard(lesson.body, open_marks)
    blocks = [
        replace(block, html=Markup(block.html))  # noqa: S704 (rendered by us, with raw HTML off)
        for block in markdown.bare_blocks(guarded, images)
    ]
    html = marks.restore(templates.plain_html(TEMPLATE, {"blocks": blocks}, lang=words.language), open_marks)
    made = compiled(templates, lesson.source, lesson.subject, html, lesson.preheader, issue_values(words))
    mail = made.fill(Person(name="", address="", links=_NO_LINKS))
    return replace(mail, html=bare.absolute(mail.html, address))
