"""What becomes of a sign-up that came through the door? Those who wait are judged and written in one commit."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.requests import Request

from sequencer.app import App
from sequencer.core import abuse
from sequencer.core.abuse import Signals, Verdict
from sequencer.core.model import Course
from sequencer.errors import BadRequest, Busy, TooMany
from sequencer.flows import course as course_flow
from sequencer.flows import signup
from sequencer.flows.signup import Door, Knock
from sequencer.forms import Form
from sequencer.message import address
from sequencer.settings import Settings
from sequencer.web import challenge
from sequencer.web.intake import Intake
from sequencer.web.pages import app_of, reception_of

MOST_AT_ONCE = 100  # sign-ups in one commit
FRESH = 0.5  # seconds for which the title of a course is known without a look
MOST_WAITING = 2000  # beyond that nobody would hear an answer in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What there was to do is done or under way, about this course; the same whoever asked for whom."""

    course: Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """The visitor's browser has to do some work first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The address looks mistyped; `suggestion` is what was probably meant."""

    suggestion: str


Reply: TypeAlias = Taken | Challenge | Ask
_Answer: TypeAlias = tuple[Verdict, Course]


@dataclass(eq=False, slots=True, kw_only=True)
class Reception:
    """Those who wait at the door of one running site. Used from its event loop alone."""

    app: App
    at: Door
    waiting: list[tuple[Knock, asyncio.Future[_Answer]]] = field(default_factory=list)
    work: asyncio.Task[None] | None = None
    courses: dict[str, tuple[float, Course]] = field(default_factory=dict)

    async def judge(self, knock: Knock) -> _Answer:
        """The verdict on a sign-up, which is in the database if it was taken, and its course. Raises Busy."""
        if len(self.waiting) >= MOST_WAITING:
            raise Busy("Too many people are signing up at this moment; please try again in a minute.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Answer] = loop.create_future()
        self.waiting.append((knock, answer))
        if self.work is None or self.work.done():
            self.work = loop.create_task(self._take())
        with self.app.rush:
            return await answer

    async def _take(self) -> None:
        """Take all who wait, many in each commit: while one is written, the next gather."""
        while self.waiting:
            await self._gather()
            group, self.waiting = self.waiting[:MOST_AT_ONCE], self.waiting[MOST_AT_ONCE:]
            try:
                self._tell(group, await self._written([knock for knock, _ in group]))
            except Exception as error:  # noqa: BLE001 (each hears what is the matter with their own)
                if len(group) == 1:
                    _refuse(group, error)
                else:
                    # One of them may have spoilt it for the others.
                    await self._one_by_one(group)

    async def _gather(self) -> None:
        """Wait for as long as each turn of the loop brings somebody new.

        Then the loop has nothing else to do while the thread writes, and the two do not wait for each other.
        """
        before = 0
        while before < len(self.waiting) < MOST_AT_ONCE:
            before = len(self.waiting)
            await asyncio.sleep(0)

    async def _one_by_one(self, group: Sequence[tuple[Knock, asyncio.Future[_Answer]]]) -> None:
        for one in group:
            try:
                self._tell([one], await self._written([one[0]]))
            except Exception as error:  # noqa: BLE001 (as above)
                _refuse([one], error)

    async def _written(self, knocks: Sequence[Knock]) -> Sequence[_Answer]:
        return await asyncio.to_thread(self._write, knocks)

    def _write(self, knocks: Sequence[Knock]) -> Sequence[_Answer]:
        app = self.app
        verdicts = signup.take(app.db, knocks, self.at, now=app.clock())
        courses = {slug: self._course(slug) for slug in {knock.form.course for knock in knocks}}
        return [(verdict, courses[knock.form.course]) for verdict, knock in zip(verdicts, knocks, strict=True)]

    def _course(self, slug: str) -> Course:
        """What the page that answers is about, as it was published a moment ago at most."""
        now, kept = time.monotonic(), self.courses.get(slug)
        if kept is None or now >= kept[0]:
            kept = (now + FRESH, course_flow.published(self.app.db, slug, self.app.press.archive))
            self.courses[slug] = kept
        return kept[1]

    def _tell(self, group: Sequence[tuple[Knock, asyncio.Future[_Answer]]], answers: Sequence[_Answer]) -> None:
        for (_, waiting), answer in zip(group, answers, strict=True):
            if not waiting.done():  # who hung up does not hear it
                waiting.set_result(answer)


def door(settings: Settings) -> Door:
    """What the door knows of itself."""
    return Door(caps=abuse.caps(settings.signup_caps), secret=settings.secret_key, zone=settings.default_timezone)


def open_reception(app: App) -> Reception:
    """The reception of a site that opens."""
    return Reception(app=app, at=door(app.settings))


def signals(app: App, came: Intake, form: Form) -> Signals:
    """What the verdict has to know of a sign-up, but for how often the like was asked for."""
    return Signals(
        form=form.key,
        address=came.request.address.normalized,
        name=came.request.name,
        ip=came.request.ip,
        is_robot=came.is_bot,
        is_foreign=came.is_foreign,
        is_program=came.is_program,
        is_disposable=app.settings.disposable_addresses == "refuse" and address.is_disposable(came.request.address),
        sure=came.sure,
        visit=came.filled_in,
        challenge=form.challenge,
    )


async def take(request: Request, came: Intake, form: Form) -> Reply:
    """Take the sign-up; it is in the database when this returns.

    Raises BadRequest or TooMany with a sentence for the visitor, and Busy where too many wait.
    """
    app = app_of(request)
    here = reception_of(request)
    solution = challenge.solution(app.settings.secret_key, came.altcha, now=app.clock())
    knock = Knock(
        request=came.request,
        form=came.lead(form),
        signals=signals(app, came, form),
        solution=solution,
        receipt=came.receipt,
    )
    verdict, course = await here.judge(knock)
    match verdict:
        case abuse.Challenge():
            return Challenge()
        case abuse.Ask(suggestion=suggestion):
            return Ask(suggestion=suggestion)
        case abuse.Refuse(sentence=sentence, later=later):
            raise TooMany(sentence) if later else BadRequest(sentence)
        case abuse.Accept() | abuse.Pretend():
            return Taken(course=course)


def _refuse(group: Sequence[tuple[Knock, asyncio.Future[_Answer]]], error: Exception) -> None:
    for _, answer in group:
        if not answer.done():
            answer.set_exception(error)
