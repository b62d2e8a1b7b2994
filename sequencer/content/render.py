"""What does a person read? Compiles a lesson, an issue or another mail once, then fills in each person's values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, SimpleNamespace

import jinja2
from markupsafe import Markup

from sequencer.content import encoded, markdown, marks, themes
from sequencer.content.courses import COURSE_FILE
from sequencer.content.digest import NO_DIGEST, Digest
from sequencer.content.dress import Placed
from sequencer.content.encoded import Encode
from sequencer.content.markdown import Block
from sequencer.content.templates import Templates
from sequencer.content.themes import Theme
from sequencer.core.model import CatchUp, Course, Lesson
from sequencer.errors import BadContent

SAMPLE_LINKS = {
    "unsubscribe": "https://example.org/u/sample",
    "preferences": "https://example.org/p/sample",
    "view": "https://example.org/v/sample",
    "course": "https://example.org/c/sample",
}
# The templates of mails that are no lessons, in the order in which somebody may get them.
CONFIRM, REMIND, FAREWELL, FAREWELL_COURSE = "confirm", "remind", "farewell", "farewell-course"
MOVE, MOVED, ACCESS = "move", "moved", "access"
# The links that each of them holds, with samples.
LETTERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        CONFIRM: {"confirm": "https://example.org/confirm/sample", "refuse": "https://example.org/notme/sample"},
        REMIND: {"confirm": "https://example.org/confirm/sample", "refuse": "https://example.org/notme/sample"},
        FAREWELL: {"undo": "https://example.org/back/sample"},
        FAREWELL_COURSE: {"undo": "https://example.org/back/sample"},
        MOVE: {"move": "https://example.org/move/sample"},
        MOVED: {"undo": "https://example.org/move/sample"},
        ACCESS: {"data": "https://example.org/data/sample"},
    }
)
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a mail says of whoever asked for it: when, in words, and how their internet address begins, if it is known.

    `newsletter` is its title where they asked for it beside the course. None of it is anything that they typed.
    """

    when: str = ""
    network: str = ""
    newsletter: str = ""


NOT_ASKED = Asked()
SAMPLE_ASKED = Asked(when="Monday 2 March 2026 at 07:00 (UTC)", network="192.0.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The values of one person that a mail may show. Links that are empty are left out of the mail."""

    name: str
    address: str
    links: Mapping[str, str]
    digest: Digest = NO_DIGEST
    asked: Asked = NOT_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What one person reads: the subject, and both parts of the body."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledMail:
    """A mail of which only the person's values are open. `fill` gives words, or lines if it was made by `encoded`."""

    path: str
    subject: jinja2.Template
    html: jinja2.Template
    text: jinja2.Template
    html_source: str
    text_source: str
    shared: Mapping[str, object]

    def encoded(self, encode: Encode) -> "CompiledMail":
        """The same mail, whose parts are filled in as the lines that travel; the subject stays words."""
        return replace(
            self,
            html=encoded.compiled(self.html_source, encode, html=True),
            text=encoded.compiled(self.text_source, encode, html=False),
        )

    def fill(self, person: Person) -> Mail:
        """The mail for one person. Raises BadContent where a value cannot be filled in."""
        values = {
            **self.shared,
            "subscriber": SimpleNamespace(name=_lines(person.name), address=person.address),
            "links": SimpleNamespace(**person.links),
            "digest": person.digest,
            "asked": person.asked,
        }
        try:
            # One line, always: what a person is called must not become a header of its own.
            subject = " ".join(_rendered(self.subject, values).split())
            return Mail(subject=subject, html=_rendered(self.html, values), text=_rendered(self.text, values))
        except Exception as error:
            # An author's expression can raise anything; one lesson must not stop the others.
            raise BadContent(f"{self.path}: the mail cannot be filled in: {error}.") from error


def compile_lesson(
    course: Course, step: int, *, templates: Templates, postal_address: str, base_url: str = ""
) -> CompiledMail:
    """The lesson at `step` (0 is the first), compiled. Raises BadContent with file and line.

    `base_url` is where our site is, from which its images are fetched.
    """
    shown: dict[str, Mapping[str, object]] = {
        "course": {**_course(course), "progress": f"{step + 1} of {len(course.lessons)}"},
        "lesson": _lesson(course, course.lessons[step], step),
    }
    own = {"may_hold_digest": course.catch_up is CatchUp.DIGEST}
    return _compile(course, step, "lesson", own, shown, templates, postal_address, base_url)


def compile_issue(words: Course, *, templates: Templates, postal_address: str, base_url: str = "") -> CompiledMail:
    """An issue, which is the only lesson of `words`, compiled. Raises BadContent with file and line."""
    return _compile(words, 0, "issue", {}, issue_values(words), templates, postal_address, base_url)


def issue_values(words: Course) -> Mapping[str, Mapping[str, object]]:
    """What the marks of an issue may speak of that is nobody's own."""
    return {"course": {**_course(words), "progress": ""}, "lesson": _lesson(words, words.lessons[0], 0)}


def _compile(
    course: Course,
    step: int,
    template: str,
    own: Mapping[str, object],
    shown: Mapping[str, Mapping[str, object]],
    templates: Templates,
    postal_address: str,
    base_url: str,
) -> CompiledMail:
    """What an author wrote, by its template; `own` are the values that this template has beside the others'."""
    lesson = course.lessons[step]
    marks.check(templates.person_text, lesson.body, path=lesson.source, line=lesson.line)
    for line in (lesson.subject, lesson.preheader, lesson.theme):
        marks.check(templates.person_text, line, path=lesson.source)
    markdown.check(marks.blank(lesson.body), path=lesson.source, line=lesson.line)
    open_marks: list[str] = []
    guarded = _guarded(lesson, open_marks)
    theme = _theme(course, templates)
    styles = themes.styles(theme, start=_start(course.language))
    images = {one.to: Placed(url=base_url + one.path, width=one.width, height=one.height) for one in lesson.images}
    body = [_kept(block) for block in markdown.blocks(guarded.body, styles, images)]
    values = {
        **own,
        "theme": theme,
        "course": {name: marks.literal(words, open_marks) for name, words in _course(course).items()},
        "lesson": _lesson(course, guarded, step),
        "blocks": body,
        "postal_address": marks.literal(postal_address, open_marks),
    }
    html = marks.restore(templates.mail_html(f"{template}.mjml", values, lang=course.language), open_marks)
    text = marks.restore(templates.mail_text(f"{template}.txt", values, lang=course.language), open_marks)
    return compiled(templates, lesson.source, lesson.subject, html, text, shown)


def compile_letter(
    course: Course, template: str, *, templates: Templates, postal_address: str, days: int
) -> CompiledMail:
    """A mail that is no lesson, by its template; its link works for so many days. It holds nothing a visitor wrote."""
    shown: dict[str, Mapping[str, object]] = {"course": _course(course)}
    open_marks: list[str] = []
    values = {
        "theme": _theme(course, templates),
        "course": {name: marks.literal(words, open_marks) for name, words in _course(course).items()},
        "postal_address": marks.literal(postal_address, open_marks),
        "days": days,
        "is_newsletter": course.is_newsletter,
    }
    lang = course.language
    html = marks.restore(templates.mail_html(f"{template}.mjml", values, lang=lang), open_marks)
    text = marks.restore(templates.mail_text(f"{template}.txt", values, lang=lang), open_marks)
    subject = marks.restore(templates.mail_text(f"{template}.subject.txt", values, lang=lang), open_marks)
    return compiled(templates, f"templates/mail/{template}.mjml", subject, html, text, shown)


def sample_person(name: str = "Alex") -> Person:
    """Somebody to look at a mail with."""
    return Person(name=name, address="alex@example.org", links=SAMPLE_LINKS)


def _guarded(lesson: Lesson, open_marks: list[str]) -> Lesson:
    """The lesson with a character in place of each mark; the marks are added to `open_marks`."""
    return replace(
        lesson,
        body=marks.guard(lesson.body, open_marks),
        subject=marks.guard(lesson.subject, open_marks),
        preheader=marks.guard(lesson.preheader, open_marks),
        theme=marks.guard(lesson.theme, open_marks),
    )


def compiled(
    templates: Templates, path: str, subject: str, html: str, text: str, shared: Mapping[str, Mapping[str, object]]
) -> CompiledMail:
    """A mail of these sources, in which the person's marks are open; what is `shared` is the same for all readers."""
    html, text = html.rstrip("\n") + "\n", text.rstrip("\n") + "\n"
    try:
        return CompiledMail(
            path=path,
            subject=templates.person_text.from_string(subject),
            html=templates.person_html.from_string(html),
            text=templates.person_text.from_string(text),
            html_source=html,
            text_source=text,
            shared={name: SimpleNamespace(**shown) for name, shown in shared.items()},
        )
    except jinja2.TemplateSyntaxError as error:
        raise BadContent(f"{path}: {error.message}.") from error


def _rendered(template: jinja2.Template, values: dict[str, object]) -> str:
    """As `template.render`, without the global names that `marks.check` forbids: half the price."""
    return "".join(template.root_render_func(template.new_context(values, shared=True)))


def _lines(value: str) -> str:
    """The value with plain line ends, however they were typed."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _kept(block: Block) -> Block:
    """The block with its HTML marked as such, so that the template does not escape it again."""
    return replace(block, html=Markup(block.html))  # noqa: S704 (rendered by us, with raw HTML off)


def _theme(course: Course, templates: Templates) -> Theme:
    try:
        return templates.theme(course.theme)
    except BadContent as error:
        raise BadContent(f"{course.slug}/{COURSE_FILE}: {error}") from error


def _start(language: str) -> str:
    """The side on which lines begin."""
    return "right" if language.partition("-")[0] in _RIGHT_TO_LEFT else "left"


def _course(course: Course) -> dict[str, str]:
    return {name: str(getattr(course, name)) for name in marks.KNOWN["course"] - {"progress"}}


def _lesson(course: Course, lesson: Lesson, step: int) -> dict[str, object]:
    number, total = step + 1, len(course.lessons)
    return {
        "number": number,
        "total": total,
        "percent": round(100 * number / total),
        "subject": lesson.subject,
        "preheader": lesson.preheader,
        "theme": lesson.theme,
    }
