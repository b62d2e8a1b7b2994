"""What becomes of lessons whose days passed in an interruption: does the ledger, the digest and the page say so?"""

import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from house import (
    DAY,
    EIGHT,
    LONDON,
    NOW,
    PLACES,
    SECRET,
    House,
    ScriptedCourier,
    an_address,
    small_course,
    small_lesson,
)
from sqlalchemy import event, text

from sequencer.core.model import (
    CatchUp,
    Course,
    Deferred,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    Parcel,
    Stage,
)
from sequencer.delivery.courier import Carried, Ledger
from sequencer.flows import certificate, dispatch, pauses, progress, remote, report, subscription, tempo
from sequencer.flows.progress import Became, Progress
from sequencer.flows.seats import Said
from sequencer.forms import Form
from sequencer.store import deliveries
from sequencer.store.database import Database

EMAIL = "reader@example.org"
HOUR = timedelta(hours=1)
BUSY = (Stage.MAIL, Deferred(reply="451 busy"))
BOTH = pytest.mark.parametrize("rule", [CatchUp.SKIP, CatchUp.DIGEST])
ALL = pytest.mark.parametrize("rule", list(CatchUp))


def course(rule: CatchUp, lessons: int = 8, **changes: object) -> Course:
    """The small course, which catches up by this rule."""
    return small_course(lessons, catch_up=rule, **changes)


def taught(house: House, rule: CatchUp, lessons: int = 8, **changes: object) -> None:
    """Somebody has had the first lesson, on Monday at eight."""
    house.publish(course(rule, lessons, **changes))
    house.join(EMAIL, name="Rea Reader")
    house.tick(EIGHT)


def lessons(house: House, email: str = EMAIL) -> list[str]:
    """The subjects of the lessons that were sent."""
    return [subject for subject in house.subjects(email) if subject.startswith("Subject")]


def passed_over(house: House, email: str = EMAIL) -> list[Delivery]:
    """The rows of lessons that were passed over."""
    return [row for row in house.ledger(email) if row.is_passed_over]


def said(house: House) -> list[tuple[str, str]]:
    """What the ledger says of them: which lesson, and why."""
    told = report.why(house.db, an_address(EMAIL), now=NOW).sent
    return [(one.what, one.delivery.reply) for one in told if one.delivery.is_passed_over]


def look(house: House) -> Progress:
    """Their course page."""
    return progress.look(house.db, house.press, house.place(EMAIL).id, now=EIGHT)


def parts(parcel: Parcel) -> tuple[str, str]:
    """A mail's plain text and its HTML, as a mail program reads them."""
    found = message_from_bytes(parcel.content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    text_part, html = (part.get_payload(decode=True) for part in found.iter_parts())
    assert isinstance(text_part, bytes)
    assert isinstance(html, bytes)
    return text_part.decode().replace("\r\n", "\n"), html.decode().replace("\r\n", "\n")


def listed(house: House, parcel: Parcel) -> list[str]:
    """The titles of a mail's digest, each with the page that it leads to; the same in both parts."""
    words, html = parts(parcel)
    titles = re.findall(r"^- (.*)\n  https://mail\.example\.org/v/([\w-]+)\n", words, re.MULTILINE)
    assert re.findall(r'<li[^>]*><a[^>]* href="https://mail\.example\.org/v/([\w-]+)"[^>]*>(.*?)</a></li>', html) == [
        (token, title) for title, token in titles
    ]
    assert ("While lessons rested" in words, "While lessons rested" in html) == (bool(titles), bool(titles))
    for title, token in titles:
        assert f">{title}</h1>" in report.web_view(house.db, house.press, SECRET, token, now=NOW).html
    return [title for title, _ in titles]


# Each interruption, by each rule


def _outage(house: House, days: int) -> None:
    """Nobody looks for some days."""
    house.tick(EIGHT + days * DAY)


def _standstill(house: House, days: int) -> None:
    """Everything is paused for some days."""
    pauses.stop(house.db, reason="Rest.", now=EIGHT + HOUR)
    for day in range(1, days):
        house.tick(EIGHT + day * DAY)
    pauses.go_on(house.db)
    house.tick(EIGHT + days * DAY)


def _rest(house: House, days: int) -> None:
    """The course is paused for some days; it goes on an hour before the readers' hour."""
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    for day in range(1, days):
        house.tick(EIGHT + day * DAY)
    pauses.resume_course(house.db, "small", now=EIGHT + days * DAY - HOUR)
    house.tick(EIGHT + days * DAY - HOUR)
    house.tick(EIGHT + days * DAY)


Interruption = Callable[[House, int], None]
INTERRUPTED = pytest.mark.parametrize("interrupted", [_outage, _standstill, _rest])


@ALL
@INTERRUPTED
def test_after_any_interruption_one_lesson_comes_and_the_rule_of_the_course_says_which(
    house: House, interrupted: Interruption, rule: CatchUp
) -> None:
    taught(house, rule)
    interrupted(house, 4)
    first = "Subject 2" if rule is CatchUp.SHIFT else "Subject 5"
    assert lessons(house) == ["Subject 1", first]
    assert house.place(EMAIL).next_due_at == EIGHT + 5 * DAY
    for day in range(5, 20):
        house.tick(EIGHT + day * DAY)
    begin = 2 if rule is CatchUp.SHIFT else 5
    assert lessons(house) == ["Subject 1", *(f"Subject {number}" for number in range(begin, 9))]
    assert house.place(EMAIL).state is EnrolmentState.FINISHED
    named = [listed(house, parcel) for parcel in house.courier.sent[1:]]
    assert [one for one in named if one] == (
        [["Subject 2", "Subject 3", "Subject 4"]] if rule is CatchUp.DIGEST else []
    )
    assert len(passed_over(house)) == (0 if rule is CatchUp.SHIFT else 3)


@BOTH
@INTERRUPTED
def test_each_lesson_that_is_passed_over_has_a_row_in_the_ledger_and_the_reason(
    house: House, interrupted: Interruption, rule: CatchUp
) -> None:
    taught(house, rule)
    interrupted(house, 3)
    why = {
        CatchUp.SKIP: "Passed over: its day passed while lessons rested.",
        CatchUp.DIGEST: "In the digest of lesson 4: its day passed while lessons rested.",
    }[rule]
    assert said(house) == [("lesson 2: Subject 2", why), ("lesson 3: Subject 3", why)]
    for row in passed_over(house):
        assert (row.state, row.attempt, row.due_at, row.kind) == (DeliveryState.SKIPPED, 0, None, DeliveryKind.LESSON)
        assert row.finished_at == row.created_at
    ids = [row.campaign_id for row in house.ledger(EMAIL) if row.kind is DeliveryKind.LESSON]
    assert len(ids) == len(set(ids)) == house.place(EMAIL).step == 4


@BOTH
@INTERRUPTED
def test_an_interruption_of_less_than_a_gap_passes_over_nothing(
    house: House, interrupted: Interruption, rule: CatchUp
) -> None:
    taught(house, rule)
    interrupted(house, 1)
    assert lessons(house) == ["Subject 1", "Subject 2"]
    assert passed_over(house) == []


@BOTH
@INTERRUPTED
def test_the_last_lesson_is_never_passed_over_and_the_certificate_is_there(
    house: House, interrupted: Interruption, rule: CatchUp
) -> None:
    taught(house, rule, 4)
    interrupted(house, 40)
    assert lessons(house) == ["Subject 1", "Subject 4"]
    place = house.place(EMAIL)
    assert place.state is EnrolmentState.FINISHED
    sealed = certificate.seal(SECRET, place, named=False)
    found = certificate.read(house.db, house.press, SECRET, sealed, now=EIGHT + 41 * DAY)
    assert (found.received, found.began, found.ended) == (2, date(2026, 3, 2), date(2026, 4, 11))


@INTERRUPTED
def test_days_without_lessons_pass_over_nothing(house: House, interrupted: Interruption) -> None:
    weekly = course(CatchUp.DIGEST)
    house.publish(replace(weekly, rhythm=replace(weekly.rhythm, days=frozenset({0, 4}))))
    house.join(EMAIL)
    house.tick(EIGHT)
    interrupted(house, 7)
    # Friday's lesson is passed over, and Monday's comes.
    assert lessons(house) == ["Subject 1", "Subject 3"]
    assert len(passed_over(house)) == 1


def test_who_is_held_with_nothing_left_of_the_course_finishes_it_when_it_goes_on(house: House) -> None:
    taught(house, CatchUp.DIGEST, 2)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    house.publish(course(CatchUp.DIGEST, 1), EIGHT + DAY)
    assert pauses.resume_course(house.db, "small", now=EIGHT + 5 * DAY) == 1
    house.tick(EIGHT + 5 * DAY)
    assert lessons(house) == ["Subject 1"]
    assert house.place(EMAIL).state is EnrolmentState.FINISHED
    assert passed_over(house) == []


# Who rests of their own will loses nothing


@BOTH
def test_a_pause_of_ones_own_passes_over_nothing(house: House, rule: CatchUp) -> None:
    taught(house, rule)
    tempo.pause(house.db, house.place(EMAIL).id, timedelta(weeks=2), now=EIGHT + HOUR)
    for day in range(1, 16):
        house.tick(EIGHT + day * DAY)
    assert lessons(house) == ["Subject 1", "Subject 2", "Subject 3"]
    assert passed_over(house) == []


@BOTH
def test_who_pauses_in_an_outage_loses_nothing_of_what_it_had_kept_back(house: House, rule: CatchUp) -> None:
    taught(house, rule)
    tempo.pause(house.db, house.place(EMAIL).id, timedelta(weeks=1), now=EIGHT + 3 * DAY)
    for day in range(9, 12):
        house.tick(EIGHT + day * DAY)
    # The pause ends on the tenth; from then on it was nobody's choice.
    assert lessons(house) == ["Subject 1", "Subject 2", "Subject 3"]
    house.tick(EIGHT + 14 * DAY)
    assert lessons(house)[3:] == ["Subject 6"]


@BOTH
def test_who_pauses_while_the_course_rests_loses_only_what_is_beyond_their_pause(house: House, rule: CatchUp) -> None:
    taught(house, rule)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    tempo.pause(house.db, house.place(EMAIL).id, timedelta(days=5), now=EIGHT + 2 * DAY)
    pauses.resume_course(house.db, "small", now=EIGHT + 8 * DAY + HOUR)
    for day in (9, 10):
        house.tick(EIGHT + day * DAY)
    # Their pause ended on the seventh day, when lesson 2 would have come; it is the ninth.
    assert lessons(house) == ["Subject 1", "Subject 4", "Subject 5"]
    assert len(passed_over(house)) == 2


@BOTH
def test_a_pause_that_outlasts_the_rest_of_the_course_loses_nothing(house: House, rule: CatchUp) -> None:
    taught(house, rule)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    tempo.pause(house.db, house.place(EMAIL).id, timedelta(weeks=2), now=EIGHT + 2 * DAY)
    pauses.resume_course(house.db, "small", now=EIGHT + 8 * DAY)
    for day in range(8, 18):
        house.tick(EIGHT + day * DAY)
    assert lessons(house) == ["Subject 1", "Subject 2", "Subject 3"]


@BOTH
def test_who_left_and_comes_back_goes_on_where_they_were(house: House, rule: CatchUp) -> None:
    taught(house, rule)
    house.tick(EIGHT + 3 * DAY)
    house.leave(EMAIL, EIGHT + 3 * DAY + HOUR)
    before = passed_over(house)
    house.join(EMAIL, EIGHT + 20 * DAY + HOUR)
    house.tick(EIGHT + 21 * DAY)
    # What was passed over before does not come back with them, and nothing was passed over while they were away.
    assert lessons(house) == ["Subject 1", "Subject 4", "Subject 5"]
    assert passed_over(house) == before
    assert len(before) == 2


def test_a_lesson_under_way_that_is_cancelled_and_revived_keeps_its_digest(house: House) -> None:
    taught(house, CatchUp.DIGEST)
    house.courier.answers = [BUSY]
    house.tick(EIGHT + 3 * DAY)
    house.leave(EMAIL, EIGHT + 3 * DAY + HOUR)
    house.join(EMAIL, EIGHT + 20 * DAY + HOUR)
    house.tick(EIGHT + 21 * DAY)
    assert lessons(house) == ["Subject 1", "Subject 4"]
    assert listed(house, house.courier.sent[-1]) == ["Subject 2", "Subject 3"]


# What else is known of lessons


@BOTH
def test_a_lesson_that_somebody_has_had_is_neither_passed_over_nor_sent_twice(house: House, rule: CatchUp) -> None:
    taught(house, rule)
    house.tick(EIGHT + DAY)
    # What comes after this publication: 6, then 1 and 2, which they have had, then 3, 4, 5, 7, 8.
    order = [6, 1, 2, 3, 4, 5, 7, 8]
    house.publish(replace(course(rule), lessons=tuple(small_lesson(number) for number in order)), EIGHT + DAY + HOUR)
    house.tick(EIGHT + 4 * DAY)
    assert lessons(house) == ["Subject 1", "Subject 2", "Subject 4"]
    assert [what for what, _ in said(house)] == ["lesson 1: Subject 6", "lesson 4: Subject 3"]
    for day in range(5, 12):
        house.tick(EIGHT + day * DAY)
    assert lessons(house)[3:] == ["Subject 5", "Subject 7", "Subject 8"]


@BOTH
def test_a_new_pass_brings_what_was_passed_over_in_the_last_one(house: House, rule: CatchUp) -> None:
    taught(house, rule, 3)
    house.tick(EIGHT + 9 * DAY)
    assert lessons(house) == ["Subject 1", "Subject 3"]
    assert remote.start_over(house.db, house.place(EMAIL).id, 0, now=EIGHT + 9 * DAY + HOUR) is Said.RESTARTED
    for day in range(10, 13):
        house.tick(EIGHT + day * DAY)
    assert lessons(house)[2:] == ["Subject 1", "Subject 2", "Subject 3"]


@BOTH
def test_who_waits_for_a_message_of_another_course_is_not_behind_for_that(house: House, rule: CatchUp) -> None:
    house.publish(course(rule, priority=10))
    house.publish(course(rule, slug="other", title="Another"))
    for slug in ("small", "other"):
        form = Form(key="x", course=slug)
        subscription.add(house.db, an_address(EMAIL), form, name="Ann", zone=LONDON, reason="A test.", now=NOW)
    apart: Callable[[int], object] = lambda hour: dispatch.tick(  # noqa: E731
        house.db, house.courier, house.press, now=EIGHT + hour * HOUR, apart=4 * HOUR
    )
    for hour in (0, 4, 4 * 24, 4 * 24 + 4):
        apart(hour)
    # Both missed the same days; the second lesson waits four hours for the first, and is of its own day.
    assert lessons(house) == ["Subject 1", "Subject 1", "Subject 5", "Subject 5"]
    assert len(passed_over(house)) == 6


def test_lessons_that_were_passed_over_do_not_keep_other_courses_waiting(house: House) -> None:
    taught(house, CatchUp.DIGEST)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    back = EIGHT + 4 * DAY
    pauses.resume_course(house.db, "small", now=back)
    assert len(passed_over(house)) == 3
    with house.db.begin() as tx:
        who = house.person(EMAIL).id
        assert deliveries.last_lessons(tx, [who], since=EIGHT + HOUR) == {}


# The digest


def test_a_digest_is_the_same_however_often_the_mail_is_tried(house: House) -> None:
    taught(house, CatchUp.DIGEST)
    house.courier.answers = [BUSY, (Stage.CONTENT, Deferred(reply="451 later"))]
    house.tick(EIGHT + 4 * DAY)
    house.tick(EIGHT + 4 * DAY + HOUR)
    # Another program makes the third attempt, and the course is another one by then.
    house.publish(course(CatchUp.SHIFT, 6), EIGHT + 4 * DAY + HOUR)
    other = House(house.db)
    other.tick(EIGHT + 4 * DAY + 2 * HOUR)
    tried = [*house.courier.tried[-2:], *other.courier.tried]
    assert len(tried) == 3
    assert len({parcel.content for parcel in tried}) == 1
    assert listed(house, tried[0]) == ["Subject 2", "Subject 3", "Subject 4"]


def test_a_digest_is_carried_once_and_by_the_lesson_that_goes_out_next(house: House) -> None:
    taught(house, CatchUp.DIGEST)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    pauses.resume_course(house.db, "small", now=EIGHT + 2 * DAY + HOUR)
    # Before lesson 4 can carry it they leave that out, and then nobody looks for two days.
    fourth = look(house).coming[0]
    assert fourth.subject == "Subject 4"
    remote.skip(house.db, house.place(EMAIL).id, fourth.lesson, now=EIGHT + 2 * DAY + 2 * HOUR)
    house.tick(EIGHT + 5 * DAY)
    house.tick(EIGHT + 6 * DAY)
    assert lessons(house) == ["Subject 1", "Subject 7", "Subject 8"]
    assert [listed(house, parcel) for parcel in house.courier.sent[1:]] == [
        [],
        ["Subject 2", "Subject 3", "Subject 5", "Subject 6"],
        [],
    ]


def test_what_was_skipped_by_another_rule_is_not_in_a_digest(house: House) -> None:
    taught(house, CatchUp.SKIP)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    pauses.resume_course(house.db, "small", now=EIGHT + 2 * DAY + HOUR)
    house.publish(course(CatchUp.DIGEST), EIGHT + 2 * DAY + 2 * HOUR)
    house.tick(EIGHT + 5 * DAY)
    assert lessons(house) == ["Subject 1", "Subject 6"]
    assert listed(house, house.courier.sent[-1]) == ["Subject 4", "Subject 5"]


def test_titles_in_a_digest_are_words_whatever_they_hold(house: House) -> None:
    title = "<i>For</i> {{ subscriber.name }} & {{ '{{' }} co"
    some = [small_lesson(1), small_lesson(2, subject=title), small_lesson(3)]
    house.publish(replace(course(CatchUp.DIGEST), lessons=tuple(some)))
    house.join(EMAIL, name='</a><script>"Eve')
    house.tick(EIGHT)
    house.tick(EIGHT + 3 * DAY)
    text_part, html = parts(house.courier.sent[-1])
    assert '- <i>For</i> </a><script>"Eve & {{ co' in text_part
    assert "&lt;i&gt;For&lt;/i&gt; &lt;/a&gt;&lt;script&gt;&#34;Eve &amp; {{ co</a></li>" in html
    assert "<script>" not in html


def test_a_long_digest_names_twenty_and_leads_to_the_page_for_the_others(house: House) -> None:
    taught(house, CatchUp.DIGEST, 40)
    house.tick(EIGHT + 30 * DAY)
    parcel = house.courier.sent[-1]
    assert listed(house, parcel) == [f"Subject {number}" for number in range(2, 22)]
    words, html = parts(parcel)
    page = house.press.course_url(house.place(EMAIL).id)
    assert f"- And 9 more, among all your lessons:\n  {page}\n" in words
    assert re.search(rf'And 9 more, <a [^>]*href="{re.escape(page)}"', html)
    assert [one.became for one in look(house).past].count(Became.IN_DIGEST) == 29


# The page


def test_the_page_leads_to_what_a_digest_named_and_lets_it_be_ticked(house: House) -> None:
    taught(house, CatchUp.DIGEST)
    house.tick(EIGHT + 3 * DAY)
    past = look(house).past
    assert [(one.number, one.became, bool(one.view)) for one in past] == [
        (1, Became.SENT, True),
        (2, Became.IN_DIGEST, True),
        (3, Became.IN_DIGEST, True),
        (4, Became.SENT, True),
    ]
    assert look(house).received == 2
    mail = report.web_view(house.db, house.press, SECRET, past[1].view.rpartition("/")[2], now=NOW)
    assert "Words of lesson 2" in mail.text
    assert "While lessons rested" not in mail.html + mail.text
    which = house.place(EMAIL).id
    assert remote.tick(house.db, which, past[1].lesson, is_done=True, now=EIGHT + 4 * DAY) is Said.DONE
    assert look(house).past[1].is_done
    assert look(house).coming[0].subject == "Subject 5"


def test_the_page_names_what_was_skipped_and_does_not_lead_there(house: House) -> None:
    taught(house, CatchUp.SKIP)
    house.tick(EIGHT + 3 * DAY)
    assert [(one.became, one.view != "", one.at is not None) for one in look(house).past] == [
        (Became.SENT, True, True),
        (Became.PASSED_OVER, False, False),
        (Became.PASSED_OVER, False, False),
        (Became.SENT, True, True),
    ]


def test_as_soon_as_a_course_goes_on_the_page_knows_which_lesson_comes(house: House) -> None:
    taught(house, CatchUp.DIGEST)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    pauses.resume_course(house.db, "small", now=EIGHT + 3 * DAY + HOUR)
    seen = look(house)
    assert [one.became for one in seen.past] == [Became.SENT, *[Became.IN_DIGEST] * 3]
    assert (seen.coming[0].subject, seen.coming[0].at) == ("Subject 5", EIGHT + 4 * DAY)


# At once, and half-way


def _crowd(house: House, rule: CatchUp, people: int = 30) -> list[str]:
    """Many people have had the first lesson."""
    house.publish(course(rule))
    emails = [f"reader-{number}@example.org" for number in range(people)]
    for email in emails:
        house.sign_up(email)
    house.tick(NOW)
    for email in emails:
        house.confirm(email)
    house.tick(EIGHT)
    return emails


def _assert_told(house: House, emails: Sequence[str], sent: Sequence[Parcel]) -> None:
    """Each has lesson 1, three that were passed over, and lesson 5 with those; nobody has anything twice."""
    for email in emails:
        rows = [row for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]
        assert [row.state for row in rows] == [
            DeliveryState.SENT,
            *[DeliveryState.SKIPPED] * 3,
            DeliveryState.SENT,
        ]
        assert house.place(email).step == 5
        (parcel,) = [one for one in sent if one.recipient == email]
        assert listed(house, parcel) == ["Subject 2", "Subject 3", "Subject 4"]


def test_two_who_claim_at_once_pass_each_lesson_over_once(house: House) -> None:
    emails = _crowd(house, CatchUp.DIGEST)
    houses = [House(house.db, ScriptedCourier()) for _ in range(2)]
    start = threading.Barrier(2)

    def run(one: House) -> None:
        start.wait()
        one.tick(EIGHT + 4 * DAY)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, one) for one in houses]:
            done.result()
    houses[0].tick(EIGHT + 4 * DAY)
    _assert_told(house, emails, [parcel for one in houses for parcel in one.courier.sent])


def test_a_course_that_goes_on_during_a_pass_passes_each_lesson_over_once(shared_house: House) -> None:
    house = shared_house
    emails = _crowd(house, CatchUp.DIGEST)
    pauses.pause_course(house.db, "small", now=EIGHT + HOUR)
    house.tick(EIGHT + DAY)
    other = House(house.db, ScriptedCourier())
    back = EIGHT + 4 * DAY - HOUR
    with ThreadPoolExecutor(4) as pool:
        passes = [pool.submit(one.tick, back) for one in (house, other)]
        resumed = [pool.submit(pauses.resume_course, house.db, "small", now=back) for _ in range(2)]
        assert sorted(str(one.result()) for one in resumed) == ["30", "None"]
        assert [one.result().accepted for one in passes] == [0, 0]
    sent = len(house.courier.sent)
    house.tick(EIGHT + 4 * DAY)
    _assert_told(house, emails, house.courier.sent[sent:])


class _Dies(ScriptedCourier):
    """Claims, and is no more."""

    def carry(self, ledger: Ledger) -> Carried:
        """Claim a batch."""
        ledger.next_batch(PLACES)
        raise KeyboardInterrupt


def test_whoever_dies_behind_the_claim_loses_nothing_and_the_digest_is_there(house: House) -> None:
    emails = _crowd(house, CatchUp.DIGEST, 3)

    with pytest.raises(KeyboardInterrupt):
        House(house.db, _Dies()).tick(EIGHT + 4 * DAY)
    dispatch.recover(house.db, house.press.archive, now=EIGHT + 4 * DAY, dead=True)
    sent = len(house.courier.sent)
    house.tick(EIGHT + 4 * DAY + HOUR)
    _assert_told(house, emails, house.courier.sent[sent:])


def test_where_the_claim_fails_nothing_is_passed_over(single_house: House) -> None:
    house = single_house
    emails = _crowd(house, CatchUp.DIGEST, 3)
    before = [house.place(email) for email in emails]
    with house.db.begin() as tx:
        tx.execute(
            text(
                "CREATE TRIGGER stop BEFORE INSERT ON delivery WHEN NEW.attempt = 1"
                " BEGIN SELECT RAISE(ABORT, 'not now'); END"
            )
        )
    with pytest.raises(sqlite3.IntegrityError, match="not now"):
        house.tick(EIGHT + 4 * DAY)
    assert [house.place(email) for email in emails] == before
    assert [passed_over(house, email) for email in emails] == [[], [], []]
    with house.db.begin() as tx:
        tx.execute(text("DROP TRIGGER stop"))
    sent = len(house.courier.sent)
    house.tick(EIGHT + 4 * DAY)
    _assert_told(house, emails, house.courier.sent[sent:])


# What it costs


def _asked(db: Database, act: Callable[[], object]) -> int:
    """How many statements an act takes."""
    count = 0

    def one_more(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(db.engine, "before_cursor_execute", one_more)
    act()
    event.remove(db.engine, "before_cursor_execute", one_more)
    return count


def test_a_course_that_shifts_asks_the_ledger_no_more_than_it_did(house: House) -> None:
    counts = {}
    for number, rule in enumerate(CatchUp):
        email = f"{rule}@example.org"
        house.publish(course(rule, slug=f"course-{rule}"))
        subscription.add(
            house.db,
            an_address(email),
            Form(key="x", course=f"course-{rule}"),
            name="",
            zone=LONDON,
            reason="A test.",
            now=NOW + number * 9 * DAY,
        )
        house.tick(EIGHT + number * 9 * DAY)
        for one, at in (("in time", EIGHT + DAY), ("late", EIGHT + 4 * DAY)):
            counts[rule, one] = _asked(house.db, lambda at=at + number * 9 * DAY: house.tick(at))  # type: ignore[misc]
        house.leave(email, EIGHT + number * 9 * DAY + 5 * DAY)
    # A digest is looked for in one question a batch; what was missed is found and written in a few.
    assert counts[CatchUp.SHIFT, "late"] == counts[CatchUp.SHIFT, "in time"] == counts[CatchUp.SKIP, "in time"]
    assert counts[CatchUp.DIGEST, "in time"] - counts[CatchUp.SHIFT, "in time"] in (1, 2)
    assert counts[CatchUp.SKIP, "late"] > counts[CatchUp.SHIFT, "late"]
