"""Is what one worker was told of a domain known to the others by way of the database?"""

from datetime import timedelta

from house import EIGHT, House
from sqlalchemy import text

from sequencer.core.limits import Rest
from sequencer.core.rates import SECOND
from sequencer.flows.ledger import PassLedger
from sequencer.store import rests
from sequencer.store.database import Database


def told(db: Database, *relays: str) -> list[tuple[str, str, int, int]]:
    """What is known: relay, domain, for how many seconds more, and after how many failures."""
    with db.read() as tx:
        return [(one.relay, one.domain, round(one.left), one.failures) for one in rests.known(tx, relays)]


def tell(db: Database, *news: Rest) -> None:
    with db.begin() as tx:
        rests.tell(tx, news)


def pass_time(db: Database, seconds: int) -> None:
    with db.begin() as tx:
        tx.execute(text("UPDATE rest SET until = until - :passed"), {"passed": seconds * SECOND})


def test_one_ledger_tells_and_the_other_hears_it(house: House) -> None:
    one, two = (PassLedger(house.db, house.press, now=EIGHT, stop=bool, end=bool) for _ in range(2))
    assert one.share([], ["ses", "own"]) == []
    bad = Rest(relay="ses", domain="bad.example", left=4000.0, failures=3)
    day = Rest(relay="own", left=3600.0, failures=1, reason="Enough.")
    heard = one.share([bad, day], ["ses"])
    assert [(rest.domain, round(rest.left), rest.failures) for rest in heard] == [("bad.example", 4000, 3)]
    assert [(rest.relay, rest.reason) for rest in two.share([], ["ses", "own"])] == [("ses", ""), ("own", "Enough.")]
    assert two.share([Rest(relay="ses", domain="bad.example")], ["ses"]) == []


def test_the_longer_rest_counts_and_lasts_when_its_time_is_over(db: Database) -> None:
    tell(db, Rest(relay="one", domain="a.example", left=600, failures=4))
    tell(db, Rest(relay="one", domain="a.example", left=300, failures=3))
    assert told(db, "one") == [("one", "a.example", 600, 4)]
    pass_time(db, 660)
    assert told(db, "one") == [("one", "a.example", -60, 4)]
    tell(db, Rest(relay="one", domain="a.example", left=1200, failures=5))
    assert told(db, "one", "two") == [("one", "a.example", 1200, 5)]
    assert told(db, "two") == []


def test_what_has_been_over_for_a_day_is_forgotten(house: House) -> None:
    tell(house.db, *(Rest(relay="one", domain=name, left=60, failures=3) for name in ("a.example", "b.example")))
    pass_time(house.db, 86_400 + 61)
    tell(house.db, Rest(relay="one", domain="b.example", left=60, failures=4))
    with house.db.begin() as tx:
        tx.execute(text("INSERT INTO rate_bucket (name, tat) VALUES ('old', 1)"))
    assert house.tidy(EIGHT + timedelta(days=1)).dropped == 2
    assert [one[1] for one in told(house.db, "one")] == ["b.example"]
