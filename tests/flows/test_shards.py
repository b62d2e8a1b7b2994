"""What if only a part of the people is looked at?"""

import pytest
from house import DAY, EIGHT, House, small_course

from sequencer.flows import dispatch
from sequencer.store import shards

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
