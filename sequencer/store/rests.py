"""What is left alone for a while, and until when? What a relay or a domain told one worker, for all of them.

Times go by the database's clock. A row stays when its time is over, as the next rest is longer; it goes when somebody
has seen that mail is taken again, or a day later.
"""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.limits import Rest
from sequencer.core.rates import SECOND
from sequencer.store.database import Transaction
from sequencer.store.rates import clock
from sequencer.store.tables import rest

_KEPT = 86_400 * SECOND
_MOST = 10_000


def known(tx: Transaction, relays: Sequence[str]) -> Sequence[Rest]:
    """What is known of these relays, the longest rests first; `left` is below 0 where a rest is over."""
    left = rest.c.until - clock(tx)
    query = select(rest.c.relay, rest.c.domain, left, rest.c.failures, rest.c.reason)
    query = query.where(rest.c.relay.in_(list(relays))).order_by(rest.c.until.desc()).limit(_MOST)
    return [
        Rest(relay=relay, domain=domain, left=int(left) / SECOND, failures=failures, reason=reason)
        for relay, domain, left, failures, reason in tx.execute(query)
    ]


def tell(tx: Transaction, news: Sequence[Rest]) -> None:
    """Write down what is new: the longer rest counts, and what works again is left alone by nobody."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    # In one order for all: whoever locks several rows locks them in it.
    for one in sorted(news, key=lambda one: (one.relay, one.domain)):
        if not one.failures:
            tx.execute(delete(rest).where(rest.c.relay == one.relay, rest.c.domain == one.domain))
            continue
        until = clock(tx) + int(one.left * SECOND)
        made = insert(rest).values(
            relay=one.relay, domain=one.domain, until=until, failures=one.failures, reason=one.reason
        )
        written = {name: made.excluded[name] for name in ("until", "failures", "reason")}
        keys = [rest.c.relay, rest.c.domain]
        longer = made.excluded.until > rest.c.until
        tx.execute(made.on_conflict_do_update(index_elements=keys, set_=written, where=longer))


def forget(tx: Transaction, *, limit: int) -> int:
    """Drop up to `limit` rests that have been over for a day; how many."""
    old = select(rest.c.relay, rest.c.domain).where(rest.c.until < clock(tx) - _KEPT).limit(limit)
    gone = tx.execute(old).all()
    for relay, domain in gone:
        tx.execute(delete(rest).where(rest.c.relay == relay, rest.c.domain == domain))
    return len(gone)
