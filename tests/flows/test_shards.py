"""What if only a part of the people is looked at?"""

import pytest
from house import DAY, EIGHT, NOW, House, an_address, small_course

from sequencer.flows import dispatch, pauses, queue, report
from sequencer.store import shards
from sequencer.store.database import Database
from sequencer.store.pauses import Scope

EMAIL = "reader@example.org"


@pytest.mark.parametrize("shard", [None, 0, 5])
def test_where_nothing_is_partitioned_each_shard_is_everybody(house: House, shard: int | None) -> None:
    house.publish(small_course(2))
    house.join(EMAIL)
    assert shards.count(house.db) == 1
    assert dispatch.next_due(house.db, shard) == EIGHT
    done = dispatch.tick(house.db, house.courier, house.press, now=EIGHT, shard=shard)
    assert done.accepted == 1
    assert dispatch.next_due(house.db, shard) == EIGHT + DAY


def test_the_people_of_a_shard_that_is_paused_wait_and_all_others_go_on(partitioned_db: Database) -> None:
    house = House(partitioned_db)
    house.publish(small_course())
    emails = [f"reader-{number}@example.org" for number in range(12)]
    for email in emails:
        house.join(email)
    with partitioned_db.read() as tx:
        where = {email: shards.of(tx, house.place(email).id) for email in emails}
    still = where[emails[0]]
    resting = {email for email in emails if where[email] == still}
    assert len(set(where.values())) > 1
    pauses.stop(partitioned_db, Scope.SHARD, str(still), reason="Rest", now=NOW)
    house.courier.sent.clear()
    # Who looks after this shard finds nothing to do; who looks after everybody leaves it out.
    assert dispatch.tick(partitioned_db, house.courier, house.press, now=EIGHT, shard=still).accepted == 0
    house.tick(EIGHT)
    assert {parcel.recipient for parcel in house.courier.sent} == set(emails) - resting
    found = queue.status(partitioned_db, now=EIGHT)
    assert found.lessons.due.number == len(resting)
    assert [number for number, one in enumerate(found.shards) if one.due.number] == [still]
    (said,) = report.why(partitioned_db, an_address(emails[0]), now=EIGHT).blockers
    assert said.startswith(f"The shard {still} is paused since ")
    other = next(email for email in emails if email not in resting)
    assert list(report.why(partitioned_db, an_address(other), now=EIGHT).blockers) == []
    pauses.go_on(partitioned_db, Scope.SHARD, str(still))
    house.tick(EIGHT)
    assert {parcel.recipient for parcel in house.courier.sent} == set(emails)
    assert len(house.courier.sent) == len(emails)
