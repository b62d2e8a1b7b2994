"""What does an answer mean, and what follows? SMTP replies, the retry ladder, and who gets a confirmation mail.

The rules for replies are rows of a table, read from top to bottom, the first that fits decides. They follow RFC 3463
and what large receivers are known to send; a 5xx alone is not yet a dead address.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sequencer.core.model import (
    Accepted,
    Blame,
    Consent,
    Deferred,
    Delivery,
    DeliveryState,
    Outcome,
    Rejected,
    Slow,
    Stage,
    SubscriberState,
    Uncertain,
)

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)

# RFC 5321 §4.5.4.1 asks for persistence; a submission client may begin sooner than an MTA: 72 hours in all.
RETRY_AFTER = (*(minutes * _MINUTE for minutes in (1, 5, 15, 30, 60)), *(10 * (2 * _HOUR,)), *(13 * (4 * _HOUR,)))
_JITTER = 0.2  # of the wait, to either side

# Twice in doubt is enough: the third copy of a message is sent by an admin, or by nobody.
MOST_DOUBTS = 2

CONFIRMATIONS_IN_ALL = 2
CONFIRMATION_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: replies (code, enhanced code, text) that fit `reply`, what they mean, and whom they ask us to spare."""

    name: str
    reply: re.Pattern[str]
    permanent: bool
    blame: Blame
    after: timedelta = timedelta(0)
    slow: Slow = Slow.NOBODY


def _rule(
    name: str,
    reply: str,
    blame: Blame,
    *,
    permanent: bool = False,
    after: timedelta = timedelta(0),
    slow: Slow = Slow.NOBODY,
) -> Rule:
    pattern = re.compile(reply, re.IGNORECASE)
    return Rule(name=name, reply=pattern, permanent=permanent, blame=blame, after=after, slow=slow)


# Words about our own address or reputation: "sender verify failed: no such user", "your IP address was rejected".
_OURS = r"\b(sender|from|ip|spam|block\w*|black\w*|reputation|policy|verif\w+)\b"
_UNKNOWN_USER = (
    r"(user|mailbox|recipient|address|account)\b.{0,40}\b(unknown|not found|does ?n.t exist|does not exist|invalid"
    r"|unavailable|rejected)|no such (user|mailbox|recipient|person)|unknown (user|recipient|mailbox)"
)

RULES: tuple[Rule, ...] = (
    _rule("relay closing", r"421\b", Blame.US, slow=Slow.RELAY),
    _rule("relay's daily quota", r"454\b.*quota", Blame.US, after=_HOUR, slow=Slow.STOP),
    _rule("relay throttling", r"454\b", Blame.US, after=_MINUTE, slow=Slow.RELAY),
    _rule("credentials", r"(530|534|535|538)\b|550 5\.7\.30\b", Blame.US, after=15 * _MINUTE, slow=Slow.STOP),
    _rule("our authentication", r"5\d\d 5\.7\.(2[0-7]|515)\b", Blame.US, after=_HOUR, slow=Slow.DOMAIN),
    _rule("our address", r"5\d\d 5\.1\.[78]\b|554 .*address is not verified", Blame.US, after=_HOUR),
    _rule("relay's daily limit", r"550 5\.(4\.5|7\.1)\b.*limit exceeded", Blame.US, after=_HOUR, slow=Slow.STOP),
    _rule("unknown to Exchange", r"550 5\.4\.1 .*recipient address rejected", Blame.ADDRESS, permanent=True),
    _rule("unknown to Outlook", r"550 5\.5\.0 .*mailbox unavailable", Blame.ADDRESS, permanent=True),
    _rule("protocol", r"50[0-4]\b|5\d\d 5\.5\.", Blame.US, after=15 * _MINUTE),
    _rule("needs SMTPUTF8", r"55\d 5\.6\.[79]\b", Blame.MESSAGE, permanent=True),
    _rule("message too big", r"5\d\d 5\.(3\.4|2\.3)\b", Blame.MESSAGE, permanent=True),
    _rule("dead address", r"5\d\d 5\.1\.([1236]|10)\b|5\d\d 5\.4\.4\b", Blame.ADDRESS, permanent=True),
    _rule("closed address", r"525 5\.7\.13\b|5\d\d 5\.7\.1[78]\b", Blame.ADDRESS, permanent=True),
    _rule("mailbox disabled or full", r"5\d\d 5\.2\.[12]\b", Blame.MAILBOX, permanent=True),
    _rule("policy", r"5\d\d 5\.7\.", Blame.US, permanent=True, slow=Slow.DOMAIN),
    _rule("mailbox busy or full", r"4\d\d 4\.2\.[12]\b", Blame.MAILBOX),
    _rule("greylisted", r"45[01]\b.*(grey|gray)", Blame.US, after=5 * _MINUTE),
    _rule("reputation or rate", r"4\d\d 4\.7\.", Blame.US, after=5 * _MINUTE, slow=Slow.DOMAIN),
    _rule("later", r"4\d\d\b", Blame.US),
    _rule(
        "unknown in words", rf"55[0134]\b(?! [245]\.)(?!.*{_OURS}).*({_UNKNOWN_USER})", Blame.ADDRESS, permanent=True
    ),
    _rule("refused", r"5\d\d\b", Blame.MAILBOX, permanent=True),
)


def judge(stage: Stage, reply: str) -> Outcome:
    """What the relay's `reply` at `stage` means; `reply` begins with the code. Garbage means: try again later.

    Before the envelope is spoken, and at MAIL, a refusal is about us: never about the person.
    """
    if stage is Stage.CONTENT and reply[:1] in ("2", "3"):
        # One that asks for more than there is may have taken the message: that is anybody's guess.
        return Accepted(reply=reply) if reply[0] == "2" else Uncertain(reply=reply)
    rule = next((rule for rule in RULES if rule.reply.match(reply)), None)
    if rule is None:
        return Deferred(reply=reply)
    if stage in (Stage.CONNECT, Stage.MAIL) and rule.blame is not Blame.MESSAGE:
        # No recipient has been named yet: what asks to spare a domain means all that comes from us.
        slow = Slow.RELAY if rule.slow is Slow.DOMAIN else rule.slow
        return Deferred(reply=reply, after=rule.after, slow=slow)
    if not rule.permanent:
        return Deferred(reply=reply, blame=rule.blame, after=rule.after, slow=rule.slow)
    # Content is refused for what it says or who we are; only RCPT speaks of the address in words alone.
    if stage is Stage.CONTENT and rule.name in ("unknown in words", "refused"):
        return Rejected(reply=reply, blame=Blame.MESSAGE)
    return Rejected(reply=reply, blame=rule.blame, slow=rule.slow)


def wears_out(reply: str) -> bool:
    """Whether a refusal of MAIL, behind messages that were taken, says that they are enough for one connection.

    RFC 5321 has no word for it: Exim says 421, OpenSMTPD "452 4.5.3 Too many messages sent".
    """
    return reply.startswith(("421", "452 4.5.3"))


def next_attempt(attempts: int, now: datetime, *, key: int, least: timedelta = timedelta(0)) -> datetime | None:
    """When to try again after `attempts` tries, or None to give up. `key` spreads people, the same way each time."""
    if attempts > len(RETRY_AFTER):
        return None
    dice = zlib.crc32(f"{key}|{attempts}".encode()) / 0xFFFFFFFF
    wait = RETRY_AFTER[attempts - 1] * (1 - _JITTER + 2 * _JITTER * dice)
    return now + max(wait, least)


class SignupVerdict(StrEnum):
    """What a sign-up leads to; the visitor sees the same page for each.

    `admit`: the form's word is enough, and they are on the course without being asked.
    """

    CONFIRM = "confirm"
    QUIET = "quiet"
    ADMIT = "admit"


def signup(
    state: SubscriberState | None, *, on_course: bool, confirmations: Sequence[datetime], now: datetime
) -> SignupVerdict:
    """Whether a sign-up is answered with a confirmation mail.

    `state` is None for somebody new; `confirmations` are the times of those queued since the person last acted.
    """
    if state is SubscriberState.SUPPRESSED or (state is SubscriberState.ACTIVE and on_course):
        return SignupVerdict.QUIET
    if len(confirmations) >= CONFIRMATIONS_IN_ALL or any(now - at < CONFIRMATION_EVERY for at in confirmations):
        return SignupVerdict.QUIET
    return SignupVerdict.CONFIRM


class Reminder(StrEnum):
    """What is decided about reminding somebody who has not confirmed: it goes out now, it is too early, or never."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


_UNDER_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.SENDING, DeliveryState.DEFERRED})


def asked(mails: Sequence[Delivery], *, now: datetime) -> tuple[datetime, ...]:
    """When these mails asked somebody whether it was them: now for one under way; one that was skipped never did."""
    return tuple(
        now if _is_under_way(mail) else mail.finished_at or mail.created_at
        for mail in mails
        if mail.state is not DeliveryState.SKIPPED
    )


def reminder(
    consent: Consent,
    mails: Sequence[Delivery],
    *,
    answered_at: datetime,
    since: datetime,
    after: timedelta,
    expires_at: datetime,
    now: datetime,
) -> Reminder:
    """Whether whoever gave this consent is reminded to confirm it, `after` so long without an answer.

    `mails` are all those that asked them; those before `since` do not count, as they acted then. `answered_at` is when
    they last confirmed or disowned anything, or left. Whoever is reminded has a day at least to use the link.
    """
    own = next((mail for mail in mails if mail.campaign_id == consent.id), None)
    times = [at for at in asked(mails, now=now) if at > since]
    over = consent.confirmed_at is not None or answered_at >= consent.asked_at or now > expires_at - CONFIRMATION_EVERY
    if not after or over or own is None or len(times) >= CONFIRMATIONS_IN_ALL:
        return Reminder.NEVER
    if own.state is not DeliveryState.SENT:
        return Reminder.LATER if _is_under_way(own) else Reminder.NEVER
    return Reminder.NOW if now >= (own.finished_at or own.created_at) + after else Reminder.LATER


def is_about_all(state: SubscriberState, *, confirmed: bool) -> bool:
    """Whether who says "this was not me" gets nothing more: all but a reader who never confirmed that one sign-up."""
    return state is not SubscriberState.ACTIVE or confirmed


def _is_under_way(mail: Delivery) -> bool:
    # What is in doubt is under way where it is to be sent once more.
    return mail.state in _UNDER_WAY or mail.due_at is not None
