"""Does anybody get an issue of the newsletter twice when a backup is restored that knows less of it than happened?"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from house import NOW, House, small_course
from newsletters import an_issue, came, newsletter, read, readers, rows, schedule

from sequencer.content.files import shipped
from sequencer.core.model import NEWSLETTER, Deferred, DeliveryState, EnrolmentState, IssueState, Uncertain
from sequencer.flows import broadcast, copying, issues, pauses, preferences, reconcile, replay
from sequencer.flows.replay import Replayed
from sequencer.store import broadcasts, journal
from sequencer.store.database import Database
from sequencer.store.journal import Journal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + 5 * HOUR
ANN, BEN, CLEO = (f"{name}@example.org" for name in ("ann", "ben", "cleo"))


@pytest.fixture
def house(house: House, tmp_path: Path) -> House:
    """A house that keeps a journal, with a course and a newsletter."""
    house.journal = Journal(tmp_path / "journal")
    house.publish(small_course(3))
    issues.publish(house.db, newsletter(), now=NOW)
    return house


@pytest.fixture
def back_up(house: House, opened: Callable[[str], Database]) -> Callable[[], Database]:
    """Makes a backup of the house as it stands."""

    def copy() -> Database:
        night = opened("sqlite" if house.db.is_sqlite else "postgresql")
        copying.copy(house.db, night, shipped("migrations"), now=NOW, rehearse=True)
        return night

    return copy


def told(house: House) -> Replayed:
    assert house.journal is not None
    return replay.replay(house.db, house.press.archive, journal.read([house.journal.folder]), now=LATER)


def replayed(house: House) -> None:
    told(house)
    again = told(house)
    assert (again.settled, again.made) == (0, 0)


def reconciled(house: House) -> None:
    lines = [line.decode() for one in house.courier.sent for line in one.content.splitlines() if b"Message-ID" in line]
    ids = reconcile.message_ids(lines)
    reconcile.reconcile(house.db, house.press, ids, now=LATER)
    assert reconcile.reconcile(house.db, house.press, ids, now=LATER).found == 0


def go_on(house: House, hours: int = 3) -> None:
    for hour in range(hours):
        house.tick(LATER + hour * HOUR)


both_ways = pytest.mark.parametrize("learn", [replayed, reconciled])


@both_ways
def test_an_issue_whose_cursor_went_back_comes_to_nobody_twice(
    house: House, back_up: Callable[[], Database], learn: Callable[[House], None]
) -> None:
    emails = readers(house, 9)
    schedule(house)
    # In the backup some messages are made ready, and the rest is still to come.
    broadcast.fan_out(house.db, house.press.archive, now=NOW, limit=3)
    night = back_up()
    house.courier.answers = [Deferred(reply="451 4.3.0 later")]
    house.tick(NOW)
    house.tick(NOW + HOUR)
    before = [one.ticket.delivery_id for one in house.courier.sent]
    house.db = night
    learn(house)
    go_on(house)
    assert [one.ticket.delivery_id for one in house.courier.sent] == before
    assert [rows(house, email) for email in emails] == [[DeliveryState.SENT]] * 9
    assert issues.status(house.db, "first").issue.state is IssueState.SENT


def test_without_a_word_of_what_happened_everybody_would_get_it_again(
    house: House, back_up: Callable[[], Database]
) -> None:
    read(house, ANN)
    schedule(house)
    night = back_up()
    house.tick(NOW)
    house.db = night
    go_on(house)
    assert came(house) == {ANN: 2}


@both_ways
def test_who_had_no_issue_yet_when_the_old_machine_died_gets_it(
    house: House, back_up: Callable[[], Database], learn: Callable[[House], None]
) -> None:
    emails = readers(house, 9)
    schedule(house)
    night = back_up()
    broadcast.fan_out(house.db, house.press.archive, now=NOW, limit=4)
    with house.db.begin() as tx:
        broadcasts.wait(tx, now=NOW, until=NOW + HOUR)
    house.tick(NOW)
    assert len(came(house)) == 4
    house.db = night
    learn(house)
    go_on(house)
    assert came(house) == dict.fromkeys(emails, 1)


@both_ways
def test_an_issue_that_was_called_off_and_scheduled_anew_since_comes_to_nobody_by_its_old_row(
    house: House, back_up: Callable[[], Database], learn: Callable[[House], None]
) -> None:
    emails = readers(house, 5)
    schedule(house)
    broadcast.fan_out(house.db, house.press.archive, now=NOW, limit=3)
    night = back_up()
    issues.cancel(house.db, "first", now=NOW)
    schedule(house)
    house.tick(NOW)
    house.db = night
    learn(house)
    go_on(house)
    assert came(house) == dict.fromkeys(emails, 1)


def test_an_issue_that_the_backup_does_not_know_is_named_and_no_other_gets_its_number(
    house: House, back_up: Callable[[], Database]
) -> None:
    read(house, ANN)
    schedule(house)
    house.tick(NOW)
    night = back_up()
    lost = schedule(house, an_issue("second"), NOW + DAY)
    house.tick(NOW + DAY)
    assert came(house, "Issue second") == {ANN: 1}
    house.db = night
    assert house.journal is not None
    assert "restored from a backup" in replay.pause_if_restored(house.db, house.journal, now=LATER)
    done = told(house)
    assert (done.unscheduled, done.unpublished, done.made) == ({lost.id}, set(), 0)
    pauses.go_on(house.db)
    third = schedule(house, an_issue("third"), NOW + 2 * DAY)
    assert third.id > lost.id
    house.tick(NOW + 2 * DAY)
    assert came(house, "Issue third") == {ANN: 1}


def test_who_joined_the_newsletter_since_is_on_it_where_they_are_known(
    house: House, back_up: Callable[[], Database]
) -> None:
    house.join(ANN)
    house.sign_up(BEN)
    schedule(house, at=NOW.replace(tzinfo=None) + HOUR)
    night = back_up()
    house.tick(NOW)
    house.confirm(BEN)
    for email in (ANN, BEN):
        preferences.come_back(house.db, house.person(email).id, NEWSLETTER, now=NOW)
    read(house, CLEO)
    ben, cleo = house.person(BEN).id, house.person(CLEO).id
    house.tick(NOW + HOUR)
    assert came(house) == {ANN: 1, BEN: 1, CLEO: 1}
    house.db = night
    done = told(house)
    assert (done.unconfirmed, done.unknown) == ({ben}, {cleo})
    found = preferences.places(house.db, house.person(ANN).id)
    assert [place.state for place, course in found if course.slug == NEWSLETTER] == [EnrolmentState.ACTIVE]
    assert [place.next_due_at for place, course in found if course.slug == NEWSLETTER] == [None]
    schedule(house, an_issue("second"), NOW + DAY)
    house.tick(NOW + DAY)
    assert came(house, "Issue second") == {ANN: 1}
    assert came(house) == {ANN: 1, BEN: 1, CLEO: 1}


def test_an_issue_in_doubt_since_the_backup_is_sent_once_more(house: House, back_up: Callable[[], Database]) -> None:
    read(house, ANN)
    schedule(house)
    night = back_up()
    house.courier.answers = [Uncertain(reply="The connection broke.")]
    house.tick(NOW)
    house.db = night
    assert told(house).made == 1
    go_on(house)
    assert came(house) == {ANN: 2}
    assert rows(house, ANN) == [DeliveryState.SENT]
    assert len({one.content for one in house.courier.sent}) == 1


def test_an_issue_in_doubt_that_the_log_names_is_settled(house: House) -> None:
    read(house, ANN)
    schedule(house)
    house.courier.answers = [Uncertain(reply="The connection broke.")]
    house.tick(NOW)
    reconciled(house)
    go_on(house)
    assert came(house) == {ANN: 1}
    assert rows(house, ANN) == [DeliveryState.SENT]
