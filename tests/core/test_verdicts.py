"""What does a server's answer mean, when is it tried again, and who gets a confirmation mail?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from sequencer.core import verdicts
from sequencer.core.model import Accepted, Blame, Deferred, Outcome, Rejected, Slow, Stage, SubscriberState, Uncertain
from sequencer.core.verdicts import RETRY_AFTER, RULES, SignupVerdict

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """The rule that decides, what a server really says, and what that means of an address (at RCPT)."""

    rule: str
    reply: str
    blame: Blame
    after: timedelta = timedelta(0)
    permanent: bool = False

    @property
    def outcome(self) -> Outcome:
        if self.permanent:
            return Rejected(reply=self.reply, blame=self.blame, slow=self.slow)
        return Deferred(reply=self.reply, blame=self.blame, after=self.after, slow=self.slow)

    @property
    def slow(self) -> Slow:
        """Whom each rule would have us spare, a second time."""
        return SLOW.get(self.rule, Slow.NOBODY)


SLOW = {
    "relay closing": Slow.RELAY,
    "relay throttling": Slow.RELAY,
    "relay's daily quota": Slow.STOP,
    "relay's daily limit": Slow.STOP,
    "credentials": Slow.STOP,
    "our authentication": Slow.DOMAIN,
    "policy": Slow.DOMAIN,
    "reputation or rate": Slow.DOMAIN,
}


def us(rule: str, reply: str, after: timedelta = timedelta(0)) -> Case:
    return Case(rule, reply, Blame.US, after)


def dead(rule: str, reply: str, blame: Blame = Blame.ADDRESS) -> Case:
    return Case(rule, reply, blame, permanent=True)


CASES = [
    us("relay closing", "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints"),
    us("relay closing", "421 4.4.2 mx.example.org Error: timeout exceeded"),
    us("relay's daily quota", "454 Throttling failure: Daily message quota exceeded.", HOUR),
    us("relay throttling", "454 Throttling failure: Maximum sending rate exceeded.", MINUTE),
    us("relay throttling", "454 4.7.0 Temporary authentication failure: Connection lost", MINUTE),
    us("credentials", "530 5.7.0 Must issue a STARTTLS command first", 15 * MINUTE),
    us("credentials", "535 5.7.8 Username and Password not accepted", 15 * MINUTE),
    us("credentials", "535 Authentication Credentials Invalid", 15 * MINUTE),
    us("credentials", "550 5.7.30 Basic authentication is not supported for Client Submission.", 15 * MINUTE),
    us("our authentication", "550 5.7.26 Your email has been blocked because the sender is unauthenticated.", HOUR),
    us("our authentication", "550 5.7.25 The IP address sending this message does not have a PTR record", HOUR),
    us("our authentication", "550 5.7.515 Access denied, sending domain example.org does not meet the level", HOUR),
    us("our address", "550 5.1.8 Access denied, bad outbound sender AS(42004)", HOUR),
    us("our address", "553 5.1.7 The originator address is invalid", HOUR),
    us("our address", "554 Message rejected: Email address is not verified. The following identities failed", HOUR),
    us("relay's daily limit", "550 5.4.5 Daily user sending limit exceeded. For more information", HOUR),
    us("relay's daily limit", "550 5.7.1 Daily SMTP relay limit exceeded for customer.", HOUR),
    us("protocol", "500 5.5.2 Error: bad syntax", 15 * MINUTE),
    us("protocol", "503 5.5.1 Error: need MAIL command", 15 * MINUTE),
    us("protocol", "554 5.5.0 Error: SMTP protocol synchronization", 15 * MINUTE),
    dead("needs SMTPUTF8", "550 5.6.7 Non-ASCII address not permitted for that recipient", Blame.MESSAGE),
    dead("needs SMTPUTF8", "553 5.6.7 SMTPUTF8 is required, but was not offered", Blame.MESSAGE),
    dead("message too big", "552 5.3.4 Message size exceeds fixed limit", Blame.MESSAGE),
    dead("message too big", "552 5.2.3 Message exceeds administrative limit", Blame.MESSAGE),
    dead("dead address", "550 5.1.1 The email account that you tried to reach does not exist."),
    dead("dead address", "550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in local table"),
    dead("dead address", "550 5.1.2 Bad destination system address"),
    dead("dead address", "553 5.1.3 The recipient address is not a valid RFC 5321 address"),
    dead("dead address", "551 5.1.6 The recipient has moved"),
    dead("dead address", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    dead("dead address", "556 5.1.10 Recipient address has null MX"),
    dead("unknown to Exchange", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
    dead("unknown to Outlook", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."),
    dead("dead address", "550 5.4.4 Invalid domain"),
    dead("closed address", "525 5.7.13 User account is disabled"),
    dead("closed address", "550 5.7.17 Mailbox owner has changed"),
    dead("closed address", "550 5.7.18 Domain owner has changed"),
    dead("mailbox disabled or full", "550 5.2.1 The email account that you tried to reach is inactive.", Blame.MAILBOX),
    dead("mailbox disabled or full", "552 5.2.2 The recipient's inbox is out of storage space", Blame.MAILBOX),
    dead("policy", "550 5.7.1 Our system has detected that this message is likely unsolicited mail.", Blame.US),
    dead("policy", "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus", Blame.US),
    dead("policy", "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1", Blame.US),
    dead("policy", "554 5.7.1 <nobody@example.org>: Recipient address rejected: Access denied", Blame.US),
    Case("mailbox busy or full", "450 4.2.1 The user you are trying to contact is receiving mail", Blame.MAILBOX),
    Case("mailbox busy or full", "452 4.2.2 The recipient's inbox is out of storage space.", Blame.MAILBOX),
    us("greylisted", "450 4.2.0 <a@example.org>: Recipient address rejected: Greylisted", 5 * MINUTE),
    us("greylisted", "451 4.7.1 Graylisting in action, please come back later", 5 * MINUTE),
    us("reputation or rate", "450 4.7.28 Our system has detected an unusual rate of mail", 5 * MINUTE),
    us("reputation or rate", "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited", 5 * MINUTE),
    us("later", "451 4.3.0 Error: queue file write error"),
    us("later", "452 4.3.1 Insufficient system storage"),
    us("later", "450 please try again"),
    dead("unknown in words", "550 No such user here"),
    dead("unknown in words", "550 User unknown"),
    dead("unknown in words", "550 Requested action not taken: mailbox unavailable"),
    dead("unknown in words", "554 delivery error: this account doesn't exist"),
    dead("unknown in words", "553 sorry, no such mailbox"),
    dead("refused", "550 Sender address rejected: not logged in", Blame.MAILBOX),
    dead("refused", "550 Sender verify failed: no such user here", Blame.MAILBOX),
    dead("refused", "550 Verification failed for <ann@example.org>: no such user", Blame.MAILBOX),
    dead("refused", "554 Your IP address was rejected", Blame.MAILBOX),
    dead("refused", "550 Blocked by user: recipient invalid", Blame.MAILBOX),
    dead("refused", "550 5.0.0 User unknown", Blame.MAILBOX),
    dead("refused", "552 too much", Blame.MAILBOX),
    dead("refused", "571 no", Blame.MAILBOX),
]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.reply[:40])


def deciding(reply: str) -> str:
    """The name of the first rule that fits."""
    return next(rule.name for rule in RULES if rule.reply.match(reply))


@EVERY_CASE
def test_what_a_server_says_of_an_address_means_what_the_rule_says(case: Case) -> None:
    assert deciding(case.reply) == case.rule
    assert verdicts.judge(Stage.RCPT, case.reply) == case.outcome


def test_every_rule_is_needed_by_a_real_answer() -> None:
    assert [rule.name for rule in RULES if rule.name not in {case.rule for case in CASES}] == []


@EVERY_CASE
@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.MAIL])
def test_before_the_address_is_named_no_answer_is_about_the_person(stage: Stage, case: Case) -> None:
    outcome = verdicts.judge(stage, case.reply)
    match outcome:
        case Deferred(blame=blame, after=after, slow=slow):
            assert blame is Blame.US
            assert slow is (Slow.RELAY if case.slow is Slow.DOMAIN else case.slow)
            if not case.permanent:
                assert after == case.after
        case _:
            assert outcome == Rejected(reply=case.reply, blame=Blame.MESSAGE)
            assert case.blame is Blame.MESSAGE


@EVERY_CASE
def test_what_is_said_of_the_content_in_words_alone_is_about_the_message(case: Case) -> None:
    outcome = verdicts.judge(Stage.CONTENT, case.reply)
    if case.rule in ("unknown in words", "refused"):
        assert outcome == Rejected(reply=case.reply, blame=Blame.MESSAGE)
    else:
        assert outcome == case.outcome


@EVERY_CASE
def test_at_data_an_answer_means_what_it_means_at_rcpt(case: Case) -> None:
    assert verdicts.judge(Stage.DATA, case.reply) == case.outcome


@EVERY_CASE
def test_how_an_answer_is_spelt_changes_nothing(case: Case) -> None:
    assert deciding(case.reply.upper()) == deciding(case.reply.lower()) == case.rule


@pytest.mark.parametrize("reply", ["250 2.0.0 Ok: queued as 4F2C", "250 ok", "251 User not local; will forward"])
def test_the_content_is_accepted_by_any_answer_in_the_two_hundreds(reply: str) -> None:
    assert verdicts.judge(Stage.CONTENT, reply) == Accepted(reply=reply)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.CONTENT])
def test_nothing_is_accepted_before_its_content(stage: Stage) -> None:
    assert verdicts.judge(stage, "250 2.1.0 Ok") == Deferred(reply="250 2.1.0 Ok")


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("reply", ["", "HTTP/1.1 400 Bad Request", "5", "55 5.1.1", "999 what", "5500 5.1.1"])
def test_garbage_means_later_and_blames_nobody_but_us(stage: Stage, reply: str) -> None:
    assert verdicts.judge(stage, reply) == Deferred(reply=reply, blame=Blame.US)


def next_wait(attempts: int, key: int, least: timedelta = timedelta(0)) -> timedelta:
    at = verdicts.next_attempt(attempts, NOW, key=key, least=least)
    assert at is not None
    return at - NOW


def test_retries_grow_from_a_minute_and_last_about_three_days() -> None:
    assert RETRY_AFTER[0] == MINUTE
    assert list(RETRY_AFTER) == sorted(RETRY_AFTER)
    assert 70 * HOUR <= sum(RETRY_AFTER, timedelta(0)) <= 75 * HOUR


@pytest.mark.parametrize("attempts", range(1, len(RETRY_AFTER) + 1))
def test_each_wait_is_spread_by_a_fifth_to_either_side(attempts: int) -> None:
    wait = RETRY_AFTER[attempts - 1]
    waits = [next_wait(attempts, key) / wait for key in range(300)]
    assert 0.8 <= min(waits) < 0.85
    assert 1.15 < max(waits) <= 1.2
    assert 0.97 < sum(waits) / len(waits) < 1.03


def test_the_same_delivery_waits_the_same_each_time_it_is_asked() -> None:
    assert next_wait(3, key=17) == next_wait(3, key=17)
    assert next_wait(3, key=17) != next_wait(3, key=18)
    assert next_wait(6, key=17) / RETRY_AFTER[5] != next_wait(7, key=17) / RETRY_AFTER[6]


def test_a_server_that_asks_for_longer_gets_longer() -> None:
    assert next_wait(1, key=1, least=HOUR) == HOUR
    assert next_wait(20, key=1, least=HOUR) > HOUR


def test_after_the_last_wait_we_give_up() -> None:
    assert verdicts.next_attempt(len(RETRY_AFTER), NOW, key=1) is not None
    assert verdicts.next_attempt(len(RETRY_AFTER) + 1, NOW, key=1) is None


YES, NO = SignupVerdict.CONFIRM, SignupVerdict.QUIET


@pytest.mark.parametrize(
    ("state", "on_course", "ages", "verdict"),
    [
        pytest.param(None, False, [], YES, id="somebody new"),
        pytest.param(SubscriberState.PENDING, False, [], YES, id="pending, none queued yet"),
        pytest.param(SubscriberState.PENDING, False, [DAY - MINUTE], NO, id="pending, one less than a day ago"),
        pytest.param(SubscriberState.PENDING, False, [DAY], YES, id="pending, one a day ago"),
        pytest.param(SubscriberState.PENDING, False, [5 * DAY], YES, id="pending, one long ago"),
        pytest.param(SubscriberState.PENDING, False, [9 * DAY, 8 * DAY], NO, id="pending, two in all"),
        pytest.param(SubscriberState.LEFT, False, [], YES, id="who left may come back"),
        pytest.param(SubscriberState.LEFT, True, [], YES, id="who left a course may come back to it"),
        pytest.param(SubscriberState.LEFT, False, [HOUR], NO, id="who left, asked an hour ago"),
        pytest.param(SubscriberState.ACTIVE, False, [], YES, id="active, on another course"),
        pytest.param(SubscriberState.ACTIVE, False, [HOUR], NO, id="active, on another course, asked an hour ago"),
        pytest.param(SubscriberState.ACTIVE, True, [], NO, id="active, on this course"),
        pytest.param(SubscriberState.SUPPRESSED, False, [], NO, id="suppressed"),
        pytest.param(SubscriberState.SUPPRESSED, True, [], NO, id="suppressed, on this course"),
    ],
)
def test_a_sign_up_is_answered_with_a_mail_or_with_silence(
    state: SubscriberState | None, *, on_course: bool, ages: list[timedelta], verdict: SignupVerdict
) -> None:
    confirmations = [NOW - age for age in ages]
    assert verdicts.signup(state, on_course=on_course, confirmations=confirmations, now=NOW) is verdict


def test_a_server_that_asks_for_more_after_the_content_leaves_it_uncertain() -> None:
    assert verdicts.judge(Stage.CONTENT, "354 go on") == Uncertain(reply="354 go on")


@pytest.mark.parametrize(
    ("reply", "worn"),
    [
        ("421 4.7.0 too many messages on this connection", True),
        ("452 4.5.3 Too many messages sent", True),
        ("452 4.3.1 Insufficient system storage", False),
        ("451 4.5.3 later", False),
        ("454 Throttling failure: Maximum sending rate exceeded.", False),
        ("550 5.7.1 421", False),
        ("", False),
    ],
)
def test_a_connection_is_worn_out_by_421_or_by_too_many_messages(reply: str, *, worn: bool) -> None:
    assert verdicts.wears_out(reply) is worn
