"""What becomes of a sign-up that came through the door? Those who wait are judged and written in one commit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.requests import Request

from sequencer.app import App
from sequencer.core import abuse
from sequencer.core.abuse import Signals, Verdict
from sequencer.errors import BadRequest, Busy, TooMany
from sequencer.flows import signup
from sequencer.flows.signup import Door, Knock
from sequencer.forms import Form
from sequencer.message import address
from sequencer.web import challenge
from sequencer.web.intake import Intake
from sequencer.web.pages import app_of

MOST_AT_ONCE = 100  # sign-ups in one commit
MOST_WAITING = 2000  # beyond that nobody would hear an answer in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What there was to do is done or under way; the same whoever asked for whom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """The visitor's browser has to do some work first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The address looks mistyped; `suggestion` is what was probably meant."""

    suggestion: str


Reply: TypeAlias = Taken | Challenge | Ask


@dataclass(eq=False, slots=True, kw_only=True)
class Reception:
    """Those who wait at the door of one running site. Used from its event loop alone."""

    app: App
    at: Door
    waiting: list[tuple[Knock, asyncio.Future[Verdict]]] = field(default_factory=list)
    work: asyncio.Task[None] | None = None

    async def judge(self, knock: Knock) -> Verdict:
        """The verdict on a sign-up, which is in the database if it was taken. Raises Busy where too many wait."""
        if len(self.waiting) >= MOST_WAITING:
            raise Busy("Too many people are signing up at this moment; please try again in a minute.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Verdict] = loop.create_future()
        self.waiting.append((knock, answer))
        if self.work is None or self.work.done():
            self.work = loop.create_task(self._take())
        return await answer

    async def _take(self) -> None:
        """Take all who wait, many in each commit: while one is written, the next gather."""
        while self.waiting:
            group, self.waiting = self.waiting[:MOST_AT_ONCE], self.waiting[MOST_AT_ONCE:]
            try:
                self._tell(group, await self._written([knock for knock, _ in group]))
            except Exception as error:  # noqa: BLE001 (each hears what is the matter with their own)
                if len(group) == 1:
                    _refuse(group, error)
                else:
                    # One of them may have spoilt it for the others.
                    await self._one_by_one(group)

    async def _one_by_one(self, group: Sequence[tuple[Knock, asyncio.Future[Verdict]]]) -> None:
        for one in group:
            try:
                self._tell([one], await self._written([one[0]]))
            except Exception as error:  # noqa: BLE001 (as above)
                _refuse([one], error)

    async def _written(self, knocks: Sequence[Knock]) -> Sequence[Verdict]:
        return await asyncio.to_thread(signup.take, self.app.db, knocks, self.at, now=self.app.clock())

    def _tell(self, group: Sequence[tuple[Knock, asyncio.Future[Verdict]]], verdicts: Sequence[Verdict]) -> None:
        for (_, answer), verdict in zip(group, verdicts, strict=True):
            if not answer.done():  # who hung up does not hear it
                answer.set_result(verdict)


def open_reception(app: App) -> Reception:
    """The reception of a site that opens."""
    settings = app.settings
    at = Door(caps=abuse.caps(settings.signup_caps), secret=settings.secret_key, zone=settings.default_timezone)
    return Reception(app=app, at=at)


async def take(request: Request, came: Intake, form: Form) -> Reply:
    """Take the sign-up; it is in the database when this returns.

    Raises BadRequest or TooMany with a sentence for the visitor, and Busy where too many wait.
    """
    app = app_of(request)
    here: Reception = request.app.state.reception
    solution = challenge.solution(app.settings.secret_key, came.altcha, now=app.clock())
    signals = Signals(
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
    knock = Knock(request=came.request, form=came.lead(form), signals=signals, solution=solution, receipt=came.receipt)
    match await here.judge(knock):
        case abuse.Challenge():
            return Challenge()
        case abuse.Ask(suggestion=suggestion):
            return Ask(suggestion=suggestion)
        case abuse.Refuse(sentence=sentence, later=later):
            raise TooMany(sentence) if later else BadRequest(sentence)
        case abuse.Accept() | abuse.Pretend():
            return Taken()


def _refuse(group: Sequence[tuple[Knock, asyncio.Future[Verdict]]], error: Exception) -> None:
    for _, answer in group:
        if not answer.done():
            answer.set_exception(error)
