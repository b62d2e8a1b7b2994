"""Does an issue come to everybody on the newsletter once, at the hour that was said, whatever happens meanwhile?"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from house import DAY, EIGHT, NOW, House, Meddler, ScriptedCourier, small_course
from newsletters import an_issue, came, newsletter, read, readers, rows, schedule
from sqlalchemy import event

from sequencer.core.model import Deferred, DeliveryState, Gap, IssueId, IssueState, Lane, LaneId, Stage, Uncertain
from sequencer.errors import BadRequest, Conflict
from sequencer.flows import broadcast, dispatch, issues, leaving, pauses, preferences, tempo
from sequencer.flows.press import Press
from sequencer.store import deliveries
from sequencer.store import issues as store
from sequencer.store.database import Database

SENT = DeliveryState.SENT
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _published(house: House) -> None:
    """There is a course, and a newsletter."""
    house.publish(small_course(3))
    issues.publish(house.db, newsletter(), now=NOW)


def _fan_out(house: House, now: datetime = NOW, *, limit: int) -> bool:
    return broadcast.fan_out(house.db, house.press.archive, now=now, limit=limit)


@contextmanager
def _killed(db: Database, statement: str) -> Iterator[None]:
    """Whoever comes to this statement dies there."""

    def die(*given: object) -> None:
        if str(given[2]).startswith(statement):
            raise KeyboardInterrupt

    event.listen(db.engine, "before_cursor_execute", die)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        event.remove(db.engine, "before_cursor_execute", die)


def test_an_issue_comes_to_everybody_on_the_newsletter_once(house: House) -> None:
    emails = readers(house, 7)
    schedule(house)
    house.tick(NOW)
    house.tick(NOW + HOUR)
    assert came(house) == dict.fromkeys(emails, 1)
    assert issues.status(house.db, "first").issue.state is IssueState.SENT
    assert dispatch.next_due(house.db) is None


def test_who_is_on_a_course_alone_gets_no_issue(house: House) -> None:
    house.join("learner@example.org")
    read(house, "reader@example.org")
    schedule(house)
    house.tick(NOW)
    assert came(house) == {"reader@example.org": 1}


def test_an_issue_waits_for_its_hour(house: House) -> None:
    read(house, "reader@example.org")
    schedule(house, at=datetime(2026, 3, 2, 9, 30))  # noqa: DTZ001 (as clocks show it)
    half_past_nine = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert dispatch.next_due(house.db) == half_past_nine
    house.tick(half_past_nine - timedelta(seconds=1))
    assert came(house) == {}
    house.tick(half_past_nine)
    assert came(house) == {"reader@example.org": 1}


@pytest.mark.parametrize("statement", ["INSERT INTO delivery", "UPDATE broadcast_lane", "UPDATE issue"])
def test_killed_within_a_batch_nothing_of_it_is_left_and_the_next_one_takes_it(house: House, statement: str) -> None:
    emails = readers(house, 5)
    schedule(house)
    with _killed(house.db, statement):
        _fan_out(house, limit=10)
    assert [rows(house, email) for email in emails] == [[]] * 5
    house.tick(NOW)
    assert came(house) == dict.fromkeys(emails, 1)


def test_killed_between_batches_an_issue_goes_on_where_it_was(house: House) -> None:
    emails = readers(house, 11)
    schedule(house)
    for _ in range(2):
        assert _fan_out(house, limit=3)
    assert sum(map(len, (rows(house, email) for email in emails))) == 6
    # Another process, that knows nothing of the one before.
    another = House(house.db, house.courier)
    another.tick(NOW)
    assert came(house) == dict.fromkeys(emails, 1)
    assert all(rows(house, email) == [SENT] for email in emails)


def test_an_issue_that_was_sent_called_off_and_scheduled_anew_comes_to_nobody_twice(house: House) -> None:
    emails = readers(house, 5)
    schedule(house)
    house.tick(NOW)
    issues.cancel(house.db, "first", now=NOW)
    schedule(house)
    house.tick(NOW + HOUR)
    assert came(house) == dict.fromkeys(emails, 1)


def test_two_who_fan_out_at_once_make_each_message_once(house: House) -> None:
    emails = readers(house, 30)
    schedule(house)
    houses = [House(house.db, ScriptedCourier()) for _ in range(2)]
    errors: list[BaseException] = []
    start = threading.Barrier(2)

    def run(one: House) -> None:
        start.wait()
        try:
            while _fan_out(one, limit=4):
                one.tick(NOW)
        except Exception as error:  # noqa: BLE001 (told below)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in houses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    house.tick(NOW)
    sent = came(house) + came(houses[0]) + came(houses[1])
    assert sent == dict.fromkeys(emails, 1)
    assert all(rows(house, email) == [SENT] for email in emails)


def test_no_more_is_made_ready_than_is_being_sent(house: House) -> None:
    readers(house, 9)
    schedule(house)
    assert _fan_out(house, limit=4)
    house.courier.down = "The relay is down."
    house.tick(NOW)
    house.tick(NOW + HOUR)
    with house.db.read() as tx:
        assert deliveries.count(tx) == {DeliveryState.QUEUED: 4}


def _leave(house: House, email: str) -> None:
    leaving.leave_person(house.db, house.person(email).id, now=NOW)


def _leave_the_newsletter(house: House, email: str) -> None:
    preferences.leave(house.db, house.person(email).id, "newsletter", now=NOW)


@pytest.mark.parametrize("leave", [_leave, _leave_the_newsletter])
def test_who_leaves_between_fan_out_and_send_gets_nothing(house: House, leave: Callable[[House, str], None]) -> None:
    one, other = readers(house, 2)
    schedule(house)
    assert _fan_out(house, limit=10)
    leave(house, one)
    house.tick(NOW)
    assert came(house) == {other: 1}
    assert rows(house, one) == [DeliveryState.SKIPPED]


@pytest.mark.parametrize("leave", [_leave, _leave_the_newsletter])
def test_who_leaves_after_the_claim_of_an_issue_gets_nothing(house: House, leave: Callable[[House, str], None]) -> None:
    (email,) = readers(house, 1)
    schedule(house)
    house.courier = Meddler(before_intent=lambda: leave(house, email))
    house.tick(NOW)
    assert came(house) == {}
    assert rows(house, email) == [DeliveryState.SKIPPED]


def test_a_row_of_somebody_who_left_while_it_was_made_is_found_out_when_it_is_claimed(house: House) -> None:
    (email,) = readers(house, 1)
    schedule(house)
    assert _fan_out(house, limit=10)
    # As if the fan-out had read the person just before they left: nobody has cancelled its row.
    with house.db.begin() as tx:
        leaving.stop_courses(tx, [house.place(email)])
    house.tick(NOW)
    assert came(house) == {}
    assert rows(house, email) == [DeliveryState.SKIPPED]


def test_an_issue_that_is_called_off_half_way_stops_there(house: House) -> None:
    emails = readers(house, 9)
    schedule(house)
    assert _fan_out(house, limit=4)
    house.courier.answers = [(Stage.MAIL, Deferred(reply="451 busy"))]
    house.courier.down = ""
    stop_after_one = iter([False, True])
    house.tick(NOW, stop=lambda: next(stop_after_one, True))
    sent = came(house)
    standing = issues.cancel(house.db, "first", now=NOW)
    assert standing.issue.state is IssueState.CANCELLED
    house.tick(NOW + HOUR)
    house.tick(NOW + DAY)
    assert came(house) == sent
    assert len(sent) == 3
    assert [state for email in emails for state in rows(house, email)].count(DeliveryState.SKIPPED) == 1


def test_an_issue_that_is_called_off_after_the_claim_is_not_written(house: House) -> None:
    (email,) = readers(house, 1)
    schedule(house)
    house.courier = Meddler(before_intent=lambda: issues.cancel(house.db, "first", now=NOW))
    house.tick(NOW)
    assert came(house) == {}
    assert rows(house, email) == [DeliveryState.SKIPPED]


def test_an_issue_that_is_scheduled_anew_comes_to_who_has_not_got_it(house: House) -> None:
    emails = readers(house, 9)
    schedule(house)
    assert _fan_out(house, limit=4)
    stop_after_one = iter([False, True])
    house.tick(NOW, stop=lambda: next(stop_after_one, True))
    issues.cancel(house.db, "first", now=NOW)
    before = came(house)
    again = schedule(house, an_issue(body="Other words.\n"), NOW + HOUR)
    assert again.run == 1
    house.tick(NOW + HOUR)
    assert came(house) == dict.fromkeys(emails, 1)
    assert 0 < len(before) < 9


def test_an_issue_is_scheduled_once(house: House) -> None:
    readers(house, 1)
    schedule(house)
    with pytest.raises(Conflict, match="scheduled already"):
        schedule(house)
    house.tick(NOW)
    with pytest.raises(Conflict, match="sent already"):
        schedule(house)


def test_the_words_of_an_issue_are_those_of_the_moment_when_it_was_scheduled(house: House) -> None:
    read(house, "reader@example.org")
    words = an_issue(body="The words as they were.\n")
    schedule(house, words, at=datetime(2026, 3, 3, 9))  # noqa: DTZ001
    house.tick(NOW + 2 * DAY)
    assert b"The words as they were." in house.courier.sent[-1].content


def test_who_joins_after_the_hour_of_an_issue_gets_the_next_one(house: House) -> None:
    early = readers(house, 4)
    schedule(house, at=datetime(2026, 3, 2, 8))  # noqa: DTZ001
    read(house, "before-the-hour@example.org", NOW + timedelta(minutes=30))
    assert _fan_out(house, EIGHT, limit=2)
    read(house, "during-the-fan-out@example.org", EIGHT + timedelta(seconds=5))
    house.tick(EIGHT + timedelta(seconds=10))
    assert came(house) == dict.fromkeys([*early, "before-the-hour@example.org"], 1)
    schedule(house, an_issue("second"), EIGHT + DAY)
    house.tick(EIGHT + DAY)
    assert came(house, "Issue second")["during-the-fan-out@example.org"] == 1


def test_an_issue_comes_at_everybody_s_own_hour(house: House) -> None:
    zones = ("Asia/Tokyo", "Europe/London", "Europe/Lisbon", "America/New_York")
    people = {zone: readers(house, 2, zone=zone) for zone in zones}
    schedule(house, at=datetime(2026, 3, 3, 9), local=True)  # noqa: DTZ001
    nine = {zone: datetime(2026, 3, 3, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in zones}
    lanes = issues.status(house.db, "first").lanes
    assert [one.zones for one in lanes] == [
        ("Asia/Tokyo",),
        ("Europe/Lisbon", "Europe/London"),
        ("America/New_York",),
        (),
    ]
    expected: dict[str, int] = {}
    for moment in sorted(set(nine.values())):
        house.tick(moment - timedelta(seconds=1))
        assert came(house) == expected
        house.tick(moment)
        expected |= {email: 1 for zone, at in nine.items() if at == moment for email in people[zone]}
        assert came(house) == expected
    assert len(expected) == 8


def test_who_moves_to_another_zone_meanwhile_gets_it_once(house: House) -> None:
    east, west = readers(house, 1, zone="Asia/Tokyo")[0], readers(house, 1, zone="America/New_York")[0]
    schedule(house, at=datetime(2026, 3, 3, 9), local=True)  # noqa: DTZ001
    tokyo = datetime(2026, 3, 3, 0, tzinfo=UTC)
    house.tick(tokyo)
    # One has got it and goes where it is yet to come; the other leaves for where it came, and for a zone of no lane.
    house.prefer(east, tokyo, zone=ZoneInfo("America/New_York"))
    house.prefer(west, tokyo, zone=ZoneInfo("Asia/Tokyo"))
    house.tick(datetime(2026, 3, 3, 14, tzinfo=UTC))
    assert came(house) == {east: 1, west: 1}


def test_an_hour_that_a_clock_jumps_over_is_the_first_moment_after_it(house: House) -> None:
    email = readers(house, 1, zone="Europe/Berlin")[0]
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    schedule(house, now=before, at=datetime(2026, 3, 29, 2, 30), local=True)  # noqa: DTZ001
    house.tick(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC))
    assert came(house) == {}
    house.tick(datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert came(house) == {email: 1}


def test_where_the_hour_is_over_an_issue_comes_at_that_hour_of_the_next_day(house: House) -> None:
    tokyo, london = readers(house, 1, zone="Asia/Tokyo")[0], readers(house, 1)[0]
    schedule(house, at=datetime(2026, 3, 2, 9), local=True)  # noqa: DTZ001
    house.tick(datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert came(house) == {london: 1}
    house.tick(datetime(2026, 3, 3, 0, tzinfo=UTC))
    assert came(house) == {london: 1, tokyo: 1}


@pytest.mark.parametrize("local", [True, False])
def test_an_hour_that_is_over_is_refused(house: House, *, local: bool) -> None:
    with pytest.raises(BadRequest, match="is over"):
        schedule(house, at=datetime(2026, 3, 1, 9), local=local)  # noqa: DTZ001


def test_after_an_outage_each_issue_comes_once_and_never_two_at_once(house: House) -> None:
    emails = readers(house, 3)
    for day, key in enumerate(("first", "second", "third"), 3):
        schedule(house, an_issue(key), at=datetime(2026, 3, day, 9))  # noqa: DTZ001
    back = datetime(2026, 3, 7, 10, tzinfo=UTC)
    arrived = []
    for half_hours in range(80):
        before = len(house.courier.sent)
        house.tick(back + half_hours * timedelta(minutes=30))
        arrived += [(half_hours / 2, one.recipient) for one in house.courier.sent[before:]]
    for email in emails:
        hours = [at for at, who in arrived if who == email]
        assert hours == [0, 12, 24]
    assert [came(house, f"Issue {key}") for key in ("first", "second", "third")] == [dict.fromkeys(emails, 1)] * 3


def test_who_got_another_issue_late_waits_alone(house: House) -> None:
    emails = readers(house, 2)
    house.courier.answers = [(Stage.MAIL, Deferred(reply="451 busy", after=13 * HOUR))]
    schedule(house)
    house.tick(NOW)
    # Which of a batch goes first is the database's choice.
    (other,) = came(house)
    (one,) = set(emails) - {other}
    house.tick(NOW + 14 * HOUR)
    assert came(house) == {one: 1, other: 1}
    schedule(house, an_issue("second"), NOW + 15 * HOUR)
    house.tick(NOW + 15 * HOUR)
    assert came(house, "Issue second") == {other: 1}
    house.tick(NOW + 26 * HOUR)
    assert came(house, "Issue second") == {other: 1, one: 1}


def test_within_the_gap_an_issue_waits_for_who_had_one_and_comes_at_once_to_the_others(house: House) -> None:
    (old,) = readers(house, 1)
    schedule(house)
    house.tick(NOW)
    read(house, "new@example.org", NOW + HOUR)
    schedule(house, an_issue("second"), NOW + 2 * HOUR)
    house.tick(NOW + 2 * HOUR)
    assert came(house, "Issue second") == {"new@example.org": 1}
    house.tick(NOW + 12 * HOUR - timedelta(seconds=1))
    assert came(house, "Issue second") == {"new@example.org": 1}
    house.tick(NOW + 12 * HOUR)
    assert came(house, "Issue second") == {"new@example.org": 1, old: 1}


def test_a_gap_of_nothing_lets_two_issues_come_at_once(house: House) -> None:
    (email,) = readers(house, 1)
    for key in ("first", "second"):
        schedule(house, an_issue(key, Gap()))
    house.tick(NOW)
    assert came(house) == came(house, "Issue second") == {email: 1}


def test_lessons_go_before_issues(house: House) -> None:
    house.join("learner@example.org")
    emails = readers(house, 3, NOW)
    schedule(house, at=datetime(2026, 3, 2, 8))  # noqa: DTZ001
    before = len(house.courier.sent)
    assert _fan_out(house, EIGHT, limit=10)
    house.tick(EIGHT)
    first, *others = [one.recipient for one in house.courier.sent[before:]]
    assert (first, sorted(others)) == ("learner@example.org", sorted(emails))


def test_while_everything_or_the_newsletter_is_paused_no_issue_goes_out(house: House) -> None:
    emails = readers(house, 4)
    schedule(house)
    assert _fan_out(house, limit=2)
    pauses.stop(house.db, reason="", now=NOW)
    house.tick(NOW)
    pauses.go_on(house.db)
    pauses.pause_course(house.db, "newsletter", now=NOW)
    house.tick(NOW)
    assert came(house) == {}
    assert not _fan_out(house, limit=2)
    pauses.resume_course(house.db, "newsletter", now=NOW + HOUR)
    house.tick(NOW + HOUR)
    assert came(house) == dict.fromkeys(emails, 1)


def test_who_has_paused_gets_no_issue_of_that_time(house: House) -> None:
    one, other = readers(house, 2)
    tempo.pause(house.db, house.place(one).id, timedelta(days=7), now=NOW)
    schedule(house, now=NOW + DAY)
    house.tick(NOW + DAY)
    house.tick(NOW + 9 * DAY)
    assert came(house) == {other: 1}
    schedule(house, an_issue("second"), NOW + 9 * DAY)
    house.tick(NOW + 9 * DAY)
    assert came(house, "Issue second") == {one: 1, other: 1}


def test_an_issue_whose_fate_is_unknown_is_sent_once_more(house: House) -> None:
    (email,) = readers(house, 1)
    house.courier.answers = [Uncertain(reply="The connection broke.")]
    schedule(house)
    house.tick(NOW)
    assert rows(house, email) == [DeliveryState.UNCERTAIN]
    house.tick(NOW + timedelta(minutes=15))
    assert rows(house, email) == [SENT]
    first, second = house.courier.sent
    assert first.content == second.content


def test_an_issue_has_a_list_of_its_own_and_says_how_to_leave_it(house: House) -> None:
    (email,) = readers(house, 1)
    schedule(house)
    house.tick(NOW)
    head = house.courier.sent[-1].content.partition(b"\r\n\r\n")[0].decode()
    assert "List-Id: The Letter <newsletter.list-id.example.org>" in head.replace('"', "")
    assert "List-Unsubscribe: <https://mail.example.org/u/" in head
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert f"To: {email}" in head
    assert "List-Archive: <https://mail.example.org/archive>\r\n" in head


def test_where_there_is_no_archive_no_issue_names_one(house: House) -> None:
    readers(house, 1)
    house.press = Press(house.templates, replace(house.press._imprint, archive=""))
    schedule(house)
    house.tick(NOW)
    assert b"List-Archive" not in house.courier.sent[-1].content


def _both_schedule(house: House, keys: tuple[str, str]) -> list[str]:
    """Two admins schedule an issue at the same moment; what the program says to each, "" for a yes."""
    start, said = threading.Barrier(2), list[str]()

    def run(key: str) -> None:
        start.wait()
        try:
            schedule(house, an_issue(key))
            said.append("")
        except Conflict as error:
            said.append(str(error))

    threads = [threading.Thread(target=run, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


def test_of_two_who_schedule_the_same_issue_at_once_one_does_and_the_other_is_told(house: House) -> None:
    (email,) = readers(house, 1)
    for number in range(5):
        key = f"issue-{number}"
        told = f'The issue "{key}" is scheduled already; "sequencer issue cancel {key}" calls it off.'
        assert _both_schedule(house, (key, key)) == ["", told]
    house.tick(NOW)
    assert came(house, "Issue issue-0") == {email: 1}
    assert _both_schedule(house, ("this", "that")) == ["", ""]


def test_who_is_later_finds_the_issue_that_the_sooner_one_has_not_committed_yet(shared_house: House) -> None:
    told: list[str] = []
    waits = threading.Event()

    def later() -> None:
        try:
            schedule(shared_house)
        except Conflict as error:
            told.append(str(error))

    other = threading.Thread(target=later)

    def begins(*given: object) -> None:
        if str(given[2]).startswith("INSERT INTO issue") and threading.current_thread() is other:
            waits.set()

    words = an_issue()
    lane = Lane(id=LaneId(0), issue_id=IssueId(0), zones=(), due_at=NOW)
    event.listen(shared_house.db.engine, "before_cursor_execute", begins)
    with shared_house.db.begin() as tx:
        assert store.add(tx, words, [lane], now=NOW) is not None
        other.start()
        assert waits.wait(20)
    other.join()
    event.remove(shared_house.db.engine, "before_cursor_execute", begins)
    assert told == ['The issue "first" is scheduled already; "sequencer issue cancel first" calls it off.']
