"""What becomes of a sign-up that came through the door? One answer for all whom we take, ask, or only pretend to take."""

from dataclasses import dataclass
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from sequencer.flows import subscription
from sequencer.forms import Form
from sequencer.web.intake import Intake
from sequencer.web.pages import app_of


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


async def take(request: Request, came: Intake, form: Form) -> Reply:
    """Take the sign-up; it is in the database when this returns."""
    app = app_of(request)
    if not came.is_bot:
        zone = app.settings.default_timezone
        await run_in_threadpool(subscription.sign_up, app.db, came.request, form, zone=zone, now=app.clock())
    return Taken()
