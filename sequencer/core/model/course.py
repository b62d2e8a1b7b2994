"""What is a course? Its rhythm, its lessons, and what was published of it."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sequencer.core.model.ids import CourseId, LessonId, RevisionId

# How long a message in doubt rests before it is sent again: time for the relay's late word.
DOUBT_FOR = timedelta(minutes=15)


# The name of the newsletter among the courses: people are on it as they are on a course, and issues go to whom is.
NEWSLETTER = "newsletter"


# How mails look where a course names no theme of its own.
DEFAULT_THEME = "paper"


class WhenUncertain(StrEnum):
    """What a course does about a message whose fate is unknown: send it again, leave it to an admin, or let it be."""

    RETRY = "retry"
    HOLD = "hold"
    ASSUME_SENT = "assume sent"


class Finishers(StrEnum):
    """Who of those that had finished gets lessons that were added behind: those of the last 90 days, all, or nobody."""

    RECENT = "90 days"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The least time between two lessons. Days are days of the person's calendar, hours are elapsed time."""

    days: int = 0
    hours: int = 0

    def __str__(self) -> str:
        """As an author would write it."""
        count, unit = (self.hours, "hour") if self.hours else (self.days, "day")
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When lessons may arrive: the local hour, the weekdays (Monday is 0), and the least time between two.

    Nothing arrives on the dates of `blackout`, nor on the days (month, day) of every year in `yearly`. `spread` is the
    window from `send_at` over which people are spread, each at a second of their own.
    """

    send_at: time
    days: frozenset[int]
    gap: Gap
    blackout: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    spread: timedelta = timedelta(0)


class Pace(StrEnum):
    """How fast a person wants their lessons, where they do not leave it to the course."""

    DAILY = "daily"
    EVERY_OTHER_DAY = "every other day"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A person's own hour, weekdays and pace; None where they leave it to the course."""

    send_at: time | None = None
    days: frozenset[int] | None = None
    pace: Pace | None = None


COURSES_OWN = Preference()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A time in which nothing goes out: from `since`, up to but without `until`."""

    since: datetime
    until: datetime


class CatchUp(StrEnum):
    """What becomes of lessons whose day passed in an interruption: shifted, skipped, or listed in the next one."""

    SHIFT = "shift"
    SKIP = "skip"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address with the name shown before it."""

    name: str
    address: str


# Below this path of our site are the images that lessons show.
IMAGES = "/i"


class ImageKind(StrEnum):
    """A kind of image that mail programs show, by how the names of its files end."""

    PNG = "png"
    JPEG = "jpg"
    GIF = "gif"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """As HTTP calls it."""
        return "image/jpeg" if self is ImageKind.JPEG else f"image/{self}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A file beside the lessons that one of them shows, known by what is in it: `digest` is the SHA-256 of its bytes.

    `to` is its address as the lesson's Markdown has it; `width` and `height` are the pixels that are seen.
    """

    to: str
    digest: str
    kind: ImageKind
    width: int
    height: int

    @property
    def path(self) -> str:
        """Where our site shows it: never another file there, whatever becomes of the one beside the lesson."""
        return f"{IMAGES}/{self.digest}.{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One theme of the article. `key` is the front matter's id; `source` and `line` say where the body begins."""

    key: str
    subject: str
    preheader: str
    theme: str
    body: str
    gap: Gap | None = None
    added: str = ""
    source: str = ""
    line: int = 1
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course as its author wrote it. The newsletter is one without lessons: only issues come of it.

    Who finishes it begins the one that `next` names; with the higher `priority` it goes before others that are due at
    the same time. `holidays` names the country whose public holidays are without lessons. Who is told to have done
    something that is in `exit_on` stops at once.
    """

    slug: str
    title: str
    subtitle: str
    author: str
    brand: str
    language: str
    site: str
    sender: Mailbox
    rhythm: Rhythm
    uncertain: WhenUncertain
    lessons: tuple[Lesson, ...]
    doubt_for: timedelta = DOUBT_FOR
    theme: str = DEFAULT_THEME
    finishers: Finishers = Finishers.RECENT
    next: str = ""
    priority: int = 0
    holidays: str = ""
    catch_up: CatchUp = CatchUp.SHIFT
    exit_on: tuple[str, ...] = ()

    @property
    def is_newsletter(self) -> bool:
        """Whether people who are on it get issues, and no lessons."""
        return self.slug == NEWSLETTER

    def rhythm_to(self, step: int) -> Rhythm:
        """The rhythm that leads to the lesson at `step`, whose own gap goes before the course's."""
        return replace(self.rhythm, gap=self.lessons[step].gap or self.rhythm.gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A published, immutable version of a course; `lesson_ids` runs beside `course.lessons`."""

    id: RevisionId
    course_id: CourseId
    number: int
    course: Course
    lesson_ids: tuple[LessonId, ...]
    published_at: datetime
