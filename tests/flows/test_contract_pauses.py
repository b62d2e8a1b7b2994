"""What happens when an admin pauses a relay or a shard, between two passes or in the middle of one?"""

from datetime import timedelta

import pytest
from house import DAY, EIGHT, NOW, House, an_address, small_course
from relay import ChaosRelay

from sequencer.core.model import DeliveryKind, DeliveryState
from sequencer.delivery.courier import SmtpCourier
from sequencer.flows import dispatch, pauses, queue, report
from sequencer.flows.dispatch import Tick
from sequencer.relays import Relay
from sequencer.store.pauses import Scope

ANN, BEN, CARL = "ann@example.org", "ben@example.org", "carl@example.org"
HOUR = timedelta(hours=1)
WHY = "It is blocked"
SENTENCE = "The relay one is paused since 2026-03-02 07:00 UTC (It is blocked)."


def over(house: House, *relays: Relay) -> Tick:
    """A pass at eight over real relays."""
    return dispatch.tick(house.db, SmtpCourier(*relays), house.press, now=EIGHT)


def lessons(house: House, email: str = ANN) -> list[DeliveryState]:
    """What became of the lessons to somebody."""
    return [row.state for row in house.ledger(email) if row.kind is DeliveryKind.LESSON]


def test_while_a_relay_is_paused_others_take_its_share_and_it_is_not_connected_to(house: House) -> None:
    house.publish(small_course())
    for email in (ANN, BEN, CARL):
        house.join(email)
    pauses.stop(house.db, Scope.RELAY, "one", reason=WHY, now=NOW)
    with ChaosRelay() as one, ChaosRelay() as two:
        done = over(house, one.settings(key="one", weight=5), two.settings(key="two"))
        assert (done.accepted, done.trouble, one.connections) == (3, "", 0)
        assert sorted(two.recipients) == [ANN, BEN, CARL]


def test_while_the_only_relay_is_paused_rows_stay_due_and_sign_ups_are_taken(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    pauses.stop(house.db, Scope.RELAY, "one", reason=WHY, now=NOW)
    with ChaosRelay() as one:
        done = over(house, one.settings(key="one"))
        assert (done.accepted, done.trouble, one.connections) == (0, SENTENCE, 0)
        house.sign_up(BEN)
        standing = queue.status(house.db, now=EIGHT)
        assert (standing.lessons.due.number, standing.held.claimed, lessons(house)) == (1, 0, [])
        assert [(row.kind, row.due) for row in standing.waiting] == [(DeliveryKind.CONFIRMATION, 1)]
        assert pauses.go_on(house.db, Scope.RELAY, "one")
        assert not pauses.go_on(house.db, Scope.RELAY, "one")
        assert over(house, one.settings(key="one")).accepted == 2
        assert sorted(one.recipients) == [ANN, BEN]


@pytest.mark.parametrize("days", [1, 5])
def test_after_a_relays_pause_there_is_one_lesson_a_day(house: House, days: int) -> None:
    house.publish(small_course(6))
    house.join(ANN)
    house.tick(EIGHT)
    pauses.stop(house.db, Scope.RELAY, "script", reason=WHY, now=EIGHT)
    for day in range(1, days + 1):
        assert house.tick(EIGHT + day * DAY).accepted == 0
    pauses.go_on(house.db, Scope.RELAY, "script")
    back = EIGHT + days * DAY + 2 * HOUR
    for hour in range(3 * 24):
        house.tick(back + hour * HOUR)
    # At once on the day it goes on, as it was due; then at eight on each of three days.
    assert lessons(house) == [DeliveryState.SENT] * 5


@pytest.mark.parametrize(("scope", "name"), [(Scope.RELAY, "one"), (Scope.EVERYTHING, "")])
def test_a_pause_in_the_middle_of_a_pass_gives_back_what_was_not_begun(house: House, scope: Scope, name: str) -> None:
    house.publish(small_course())
    emails = [f"reader-{number}@example.org" for number in range(12)]
    for email in emails:
        house.sign_up(email)
    house.tick(NOW)
    for email in emails:
        house.confirm(email)
    with ChaosRelay() as one:

        def end() -> bool:
            """An admin pauses when they see the first message leave."""
            if one.kept and not pauses.listed(house.db):
                pauses.stop(house.db, scope, name, reason=WHY, now=NOW)
            return False

        courier = SmtpCourier(one.settings(key="one", rate=2, connections=1))
        done = dispatch.tick(house.db, courier, house.press, now=EIGHT, end=end)
        (still,) = pauses.listed(house.db)
        assert done.trouble == f"{still}."
        assert 0 < done.accepted == len(one.kept) < len(emails)
        held = queue.status(house.db, now=EIGHT).held
        assert (held.claimed, held.sending) == (0, 0)
        # No attempt is counted against anybody, and who explains a person's waiting is told why.
        waiting = next(email for email in emails if lessons(house, email) == [DeliveryState.DEFERRED])
        said = report.why(house.db, an_address(waiting), now=EIGHT).blockers
        assert said[0].startswith(f"{still}; ")
        assert said[-1].endswith(f"goes out with the next pass. {still}.")
        pauses.go_on(house.db, scope, name)
        over(house, one.settings(key="one"))
        assert sorted(one.recipients) == sorted(emails)


def test_while_a_shard_is_paused_its_people_get_no_new_lesson_and_their_rows_stay_due(house: House) -> None:
    house.publish(small_course())
    house.join(ANN)
    pauses.stop(house.db, Scope.SHARD, "0", reason=WHY, now=NOW)
    house.sign_up(BEN)
    # What answers a person's own press belongs to no shard.
    assert house.tick(EIGHT).accepted == 1
    assert lessons(house) == []
    assert dispatch.tick(house.db, house.courier, house.press, now=EIGHT, shard=0).accepted == 0
    assert queue.status(house.db, now=EIGHT).lessons.due.number == 1
    (said,) = report.why(house.db, an_address(ANN), now=EIGHT).blockers
    since = "paused since 2026-03-02 07:00 UTC"
    assert said == f'The shard 0 is {since} ({WHY}); "sequencer resume --shard 0" lets it go on.'
    pauses.go_on(house.db, Scope.SHARD, "0")
    assert house.tick(EIGHT + HOUR).accepted == 1
    assert lessons(house) == [DeliveryState.SENT]
