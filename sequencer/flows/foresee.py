"""What would become of a sign-up? The verdict as it would be now; nothing is counted, and nothing is written."""

from datetime import datetime

from sequencer.core import abuse
from sequencer.core.abuse import Verdict
from sequencer.flows.signup import Door, Knock
from sequencer.store import door
from sequencer.store.database import Database


def verdict(db: Database, knock: Knock, at: Door, *, now: datetime) -> Verdict:
    """What the door would say to this sign-up."""
    subjects = abuse.subjects(knock.signals, at.secret)
    with db.read() as tx:
        uses = door.counted(tx, [subjects], now=now)
    return abuse.judge(knock.signals, subjects, uses, caps=at.caps, now=now)
