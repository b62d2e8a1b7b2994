"""Whatever interrupts a course, in whatever order: is there ever a burst, a lesson twice, or one that nobody names?"""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

from house import LONDON, House, an_address, small_course, small_lesson, unfolded
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from sequencer.core.model import (
    CatchUp,
    Course,
    Deferred,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    Gap,
    Stage,
)
from sequencer.flows import dispatch, pauses, simulate, subscription, tempo
from sequencer.flows.simulate import Reader
from sequencer.forms import Form
from sequencer.store import courses

LESSONS = 9
HOUR = timedelta(hours=1)
BUSY = (Stage.MAIL, Deferred(reply="451 busy"))
BEGIN = datetime(2026, 3, 23, 7, tzinfo=UTC)  # a Monday, an hour before lessons, in the week before clocks change
RULES = st.sampled_from(list(CatchUp))
UNHURRIED = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
_PEOPLE = iter(range(10**9))


@dataclass(slots=True)
class Life:
    """Somebody on a course of their own while things happen: what came when."""

    house: House
    course: Course
    email: str = field(default_factory=lambda: f"reader-{next(_PEOPLE)}@example.org")
    now: datetime = BEGIN
    came: list[datetime] = field(default_factory=list)

    def begin(self) -> None:
        """They are put on the course, and nothing that happened to others is left."""
        self.course = replace(self.course, slug=self.email.partition("@")[0])
        self.house.courier.answers = []
        self.house.courier.sent.clear()
        pauses.go_on(self.house.db)
        self.house.publish(self.course, self.now)
        form = Form(key="x", course=self.course.slug)
        who = an_address(self.email)
        subscription.add(self.house.db, who, form, name="", zone=LONDON, reason="A test.", now=self.now)

    def happen(self, event: str, hours: int) -> None:
        """One thing after the other."""
        place = self.house.place(self.email).id
        match event:
            case "works":
                self.work(hours)
            case "is down":
                self.now += hours * HOUR
            case "is paused":
                pauses.stop(self.house.db, reason="Rest.", now=self.now)
                self.work(hours)
                pauses.go_on(self.house.db)
            case "the course is paused":
                pauses.pause_course(self.house.db, self.course.slug, now=self.now)
                self.work(hours)
                pauses.resume_course(self.house.db, self.course.slug, now=self.now)
            case "they pause":
                tempo.pause(self.house.db, place, hours * HOUR, now=self.now)
            case "they go on":
                tempo.resume(self.house.db, place, now=self.now)
            case "the relay is busy":
                self.house.courier.answers = [BUSY]

    def work(self, hours: int) -> None:
        """A pass now, and whenever something is due; at the end of those hours the next thing comes first."""
        until, last = self.now + hours * HOUR, None
        while (due := dispatch.next_due(self.house.db)) is not None and (due, self.now) != last:
            if max(due, self.now) >= until:
                break
            self.now = max(due, self.now)
            last = (due, self.now)
            before = len(self.mails())
            self.house.tick(self.now)
            self.came += [self.now] * (len(self.mails()) - before)
        self.now = until

    def mails(self) -> list[str]:
        """What they got, with soft line breaks undone."""
        return [unfolded(one.content) for one in self.house.courier.sent if one.recipient == self.email]

    def rows(self) -> list[Delivery]:
        """What the ledger knows of their lessons."""
        return [row for row in self.house.ledger(self.email) if row.kind is DeliveryKind.LESSON]


def course(rule: CatchUp, gap: Gap, own: Gap | None) -> Course:
    """Nine lessons a gap apart; the fourth may ask for one of its own."""
    lessons = tuple(small_lesson(number, gap=own if number == 4 else None) for number in range(1, LESSONS + 1))
    plain = small_course(catch_up=rule)
    return replace(plain, lessons=lessons, rhythm=replace(plain.rhythm, gap=gap))


# What happens, and for how many hours.
HOURS = st.sampled_from([1, 5, 23, 24, 25, 50, 100, 200])
EVENTS = st.one_of(
    st.tuples(st.sampled_from(["works", "is down", "is paused", "the course is paused"]), HOURS),
    st.tuples(st.just("they pause"), st.sampled_from([24, 48, 168])),
    st.tuples(st.sampled_from(["they go on", "the relay is busy"]), st.just(0)),
)
# What keeps lessons back and is not the reader's own choice.
OTHERS = {"is down", "is paused", "the course is paused"}
GAPS = st.sampled_from([Gap(days=1), Gap(days=3), Gap(hours=30)])
OWN = st.sampled_from([None, Gap(days=2), Gap(days=7)])


@UNHURRIED
@given(rule=RULES, events=st.lists(EVENTS, max_size=12), gap=GAPS, own=OWN)
@example(
    rule=CatchUp.DIGEST,
    events=[("works", 24), ("the course is paused", 100), ("is down", 100)],
    gap=Gap(days=1),
    own=None,
)
@example(
    rule=CatchUp.DIGEST,
    events=[("works", 24), ("the relay is busy", 0), ("is down", 50), ("works", 5)],
    gap=Gap(days=1),
    own=None,
)
@example(
    rule=CatchUp.DIGEST, events=[("works", 24), ("they pause", 48), ("is down", 200)], gap=Gap(days=1), own=Gap(days=2)
)
def test_whatever_interrupts_nothing_comes_twice_or_in_a_burst_and_each_lesson_is_accounted_for(
    house: House, rule: CatchUp, events: list[tuple[str, int]], gap: Gap, own: Gap | None
) -> None:
    life = Life(house, course(rule, gap, own))
    life.begin()
    for event, hours in events:
        life.happen(event, hours)
        _assert_accounted(life)
    life.happen("works", 24 * 200)
    rows = _assert_accounted(life)
    assert life.house.place(life.email).state is EnrolmentState.FINISHED
    assert len(rows) == LESSONS
    gone = [row for row in rows if row.is_passed_over]
    assert len(life.came) + len(gone) == LESSONS
    assert {row.state for row in rows if row not in gone} == {DeliveryState.SENT}
    assert not rows[-1].is_passed_over
    # Never a burst: no two on a day of the reader's calendar, and each at least the gap behind the one before it.
    days = [at.astimezone(LONDON).date() for at in life.came]
    least = timedelta(days=min(one.days or 1 for one in (gap, own or gap)))
    assert all(later - earlier >= least for earlier, later in pairwise(days))
    if rule is CatchUp.SHIFT or not OTHERS & {event for event, _ in events}:
        assert gone == []
    _assert_named(life, gone, rule)


def _assert_accounted(life: Life) -> list[Delivery]:
    """Had, passed over, or not yet: each lesson is one of these; the ledger knows those up to the reader's place."""
    rows = life.rows()
    with life.house.db.read() as tx:
        revision = courses.current(tx, life.course.slug)
    assert revision is not None
    assert [row.campaign_id for row in rows] == list(revision.lesson_ids[: life.house.place(life.email).step])
    return rows


def _assert_named(life: Life, gone: list[Delivery], rule: CatchUp) -> None:
    """By a digest, each lesson that was passed over is named in one mail; by no other rule in any."""
    links = Counter(link for mail in life.mails() for link in set(re.findall(r"https://\S+/v/[\w-]+", mail)))
    for row in gone:
        assert links[life.house.press.view_url(row.id)] == (1 if rule is CatchUp.DIGEST else 0)
        assert life.mails()[-1].count("Subject: Subject 9\r\n") == 1


# What is foretold is what happens

_AT = st.integers(0, 24 * 14)  # hours from the beginning
SPANS = st.lists(st.tuples(st.sampled_from(["is down", "the course is paused", "they pause"]), _AT, _AT), max_size=4)


@UNHURRIED
@given(rule=RULES, spans=SPANS, gap=GAPS, own=OWN)
@example(rule=CatchUp.DIGEST, spans=[("is down", 20, 90), ("they pause", 30, 80)], gap=Gap(days=1), own=None)
@example(
    rule=CatchUp.DIGEST, spans=[("the course is paused", 20, 200), ("they pause", 60, 100)], gap=Gap(days=1), own=None
)
@example(rule=CatchUp.DIGEST, spans=[("the course is paused", 20, 60), ("is down", 60, 100)], gap=Gap(days=1), own=None)
def test_what_is_simulated_is_what_a_reader_lives_through(
    house: House, rule: CatchUp, spans: list[tuple[str, int, int]], gap: Gap, own: Gap | None
) -> None:
    life = Life(house, course(rule, gap, own))
    happens = [(what, BEGIN + since * HOUR, _end(what, BEGIN + until * HOUR)) for what, since, until in spans]
    assume(all(since < until for _, since, until in happens))
    assume(_can_be_told_apart(happens))
    life.begin()
    for at in sorted({BEGIN, *(at for _, since, until in happens for at in (since, until))}):
        _until(life, at, happens)
        for what, since, until in happens:
            if what == "they pause" and since == at:
                today = at.astimezone(LONDON).date()
                length = until.astimezone(LONDON).date() - today
                tempo.pause(life.house.db, life.house.place(life.email).id, length, now=at)
            if what == "the course is paused" and since == at:
                pauses.pause_course(life.house.db, life.course.slug, now=at)
            if what == "the course is paused" and until == at:
                pauses.resume_course(life.house.db, life.course.slug, now=at)
    life.work(24 * 200)
    kinds = {
        kind: tuple((since, until) for what, since, until in happens if what == kind)
        for kind in ("is down", "the course is paused", "they pause")
    }
    reader = Reader(
        start=BEGIN, pauses=kinds["they pause"], outages=kinds["is down"], rests=kinds["the course is paused"]
    )
    rows = simulate.calendar(life.course, LONDON, reader)
    sent = [re.findall(r"^Subject: Subject (\d)\r$", mail, re.MULTILINE)[0] for mail in life.mails()]
    assert list(zip(map(int, sent), life.came, strict=True)) == [(row.lesson, row.due_at) for row in rows]


def _end(what: str, until: datetime) -> datetime:
    """A pause of one's own ends with a day."""
    if what != "they pause":
        return until
    return simulate.instant(datetime.combine(until.astimezone(LONDON).date(), datetime.min.time()), LONDON)


def _can_be_told_apart(happens: list[tuple[str, datetime, datetime]]) -> bool:
    """Whether no two of a kind meet, nor an outage and a rest; and nobody presses just when lessons go on.

    After a rest of the course that is up to the next lesson: what is missed by then is in the ledger already, and who
    looks back at a calendar cannot say whose choice it was.
    """
    for (what, since, until), (other, begun, ended) in combinations(happens, 2):
        if what == other or "they pause" not in (what, other):
            if since <= ended and begun <= until:
                return False
            continue
        goes_on, pressed = (until, begun) if other == "they pause" else (ended, since)
        if goes_on <= pressed <= goes_on + (30 * HOUR if "the course is paused" in (what, other) else 0 * HOUR):
            return False
    return True


def _until(life: Life, at: datetime, happens: list[tuple[str, datetime, datetime]]) -> None:
    """Time passes, with a pass whenever something is due, unless nothing can go out."""
    if any(what == "is down" and since <= life.now < until for what, since, until in happens):
        life.now = at
    else:
        life.work((at - life.now) // HOUR)
