"""What does each button of the preferences page ask for? Its fields, read, become one act of the flows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sequencer.app import App
from sequencer.core import timing
from sequencer.core.model import Preference, SubscriberId
from sequencer.errors import BadRequest
from sequencer.flows import access, moving, preferences
from sequencer.flows.preferences import Done, Wish
from sequencer.message import address
from sequencer.web import intake
from sequencer.web.buttons import WEEKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of a button: whose page it is, with which fields, from where, and when."""

    app: App
    who: SubscriberId
    given: Mapping[str, str]
    ip: str
    now: datetime


def wish(given: Mapping[str, str], before: Preference) -> Wish:
    """What the page's form says; what it does not hold stays as it is. Raises BadRequest.

    Days that are not ticked are not sent: `rhythm` says that they were asked for.
    """
    zone = None
    if "timezone" in given:
        name, note = intake.zone_or_note(given["timezone"])
        if note or not name:
            raise BadRequest("Please choose a time zone from the list.")
        zone = ZoneInfo(name)
    send_at, days = before.send_at, before.days
    if "hour" in given:
        try:
            send_at = timing.parse_hour(given["hour"]) if given["hour"] else None
        except ValueError as error:
            raise BadRequest("Please write the hour like 08:00.") from error
    if "rhythm" in given:
        days = frozenset(day for day, one in enumerate(timing.WEEKDAYS) if given.get(one)) or None
    return Wish(
        name=intake.clean_name(given["name"]) if "name" in given else None,
        zone=zone,
        rhythm=Preference(send_at=send_at, days=days),
    )


def _leave(pressed: Press) -> Done:
    return preferences.leave(pressed.app.db, pressed.who, pressed.given.get("course", ""), now=pressed.now)


def _come_back(pressed: Press) -> Done:
    return preferences.come_back(pressed.app.db, pressed.who, pressed.given.get("course", ""), now=pressed.now)


def _pause(pressed: Press) -> Done:
    weeks = {str(number): number for number in WEEKS}.get(pressed.given.get("weeks", ""))
    if weeks is None:
        raise BadRequest("Please choose one, two or four weeks.")
    return preferences.pause(pressed.app.db, pressed.who, timedelta(weeks=weeks), now=pressed.now)


def _resume(pressed: Press) -> Done:
    return preferences.resume(pressed.app.db, pressed.who, now=pressed.now)


def _move(pressed: Press) -> Done:
    to = address.parse(pressed.given.get("email", ""))
    if pressed.app.settings.disposable_addresses == "refuse" and address.is_disposable(to):
        raise BadRequest("Addresses that are soon thrown away cannot be used; please give one that lasts.")
    moving.ask(pressed.app.db, pressed.who, to, ip=pressed.ip, now=pressed.now)
    return Done.ASKED


def _data(pressed: Press) -> Done:
    access.ask(pressed.app.db, pressed.who, now=pressed.now)
    return Done.SENT


ACTS: Mapping[str, Callable[[Press], Done]] = MappingProxyType(
    {
        "leave": _leave,
        "return": _come_back,
        "pause": _pause,
        "resume": _resume,
        "move": _move,
        "data": _data,
    }
)
