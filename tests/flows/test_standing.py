"""Is an admin told what relays may be given, as all workers see it?"""

from dataclasses import replace
from datetime import timedelta

from house import EIGHT, SCRIPT

from sequencer.core.limits import Rest
from sequencer.flows import standing
from sequencer.flows.ration import Ration
from sequencer.relays import Ramp
from sequencer.store import rests
from sequencer.store.database import Database


def test_each_relay_stands_as_all_workers_see_it(db: Database) -> None:
    slow = replace(SCRIPT, key="slow", rate=1 / 3600)
    new = replace(SCRIPT, key="new", warm_up=Ramp(since=EIGHT.date() - timedelta(days=1), first=20, growth=2.0))
    ration = Ration(db, now=EIGHT)
    ration.lease(slow, 1, 0)
    ration.lease(new, 4, 0)
    with db.begin() as tx:
        rests.tell(tx, [Rest(relay="slow", left=900, failures=1, reason="The password is wrong.")])
        rests.tell(tx, [Rest(relay="new", domain="bad.example", left=300, failures=3)])
    first, second, third = standing.standings(db, [slow, new, SCRIPT], now=EIGHT)
    assert (round(first.free_in), first.allowed, first.used) == (3600, None, 0)
    assert first.rest is not None
    assert (round(first.rest.left), first.rest.reason) == (900, "The password is wrong.")
    assert (second.used, second.allowed, second.warm_up_day, second.rest) == (4, 40, 2, None)
    assert [(rest.domain, round(rest.left)) for rest in second.resting] == [("bad.example", 300)]
    assert (third.free_in, third.allowed, third.paused, list(third.resting)) == (0.0, None, "", [])
