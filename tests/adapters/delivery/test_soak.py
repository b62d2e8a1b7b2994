"""Is anything lost, or doubled in silence, when a tenth of all that a relay does goes wrong?"""

import os
import random
from collections import Counter, defaultdict
from datetime import timedelta
from email.message import Message
from email.parser import BytesHeaderParser

import pytest
from house import EIGHT, FORM, LONDON, NOW, House, an_address, small_course
from relay import EXTENSIONS, ChaosRelay, Fault, How, Kept, Step

from sequencer.core.model import DeliveryState
from sequencer.delivery.courier import SmtpCourier
from sequencer.flows import dispatch, report, subscription
from sequencer.store.database import Database

SENDER = "ann@example.org"
MOST_PASSES = 2000
PEOPLE = int(os.environ.get("SOAK_PEOPLE", "600"))
SHARE = 0.1
AFTER_A_WHILE = timedelta(minutes=5)

BEFORE = (
    *(Fault(at=Step.MAIL, reply=reply) for reply in ("421 4.3.2 closing", "450 4.2.1 busy", "452 4.3.1 no", "wh\0t?")),
    *(Fault(at=Step.MAIL, how=how) for how in (How.CLOSE, How.RESET, How.HALF, How.TRICKLE, How.TRICKLE)),
    Fault(at=Step.MAIL, how=How.SAY_AND_CLOSE, reply="421-4.3.2 closing\r\n421 4.3.2 now"),
)
DOT = (
    *(Fault(at=Step.DOT, how=how, taken=taken) for how in (How.CLOSE, How.RESET, How.HALF) for taken in (True, False)),
    *(Fault(at=Step.DOT, reply=reply) for reply in ("451 4.3.0 later", "421 4.3.2 closing", "452-4.3.1 full\r\n452 x")),
    *(Fault(at=Step.DOT, how=how) for how in (How.TRICKLE, How.TRICKLE, How.SAY_AND_CLOSE)),
)
CONTENT = (
    *(Fault(at=Step.CONTENT, how=how, reply="421 4.3.2 closing") for how in (How.CLOSE, How.RESET, How.HALF)),
    *(Fault(at=Step.CONTENT, how=How.SAY_AND_CLOSE, reply=reply) for reply in ("421 4.3.2 closing", "wh\0t?")),
)


class Chaos:
    """Throws the dice at each step: something goes wrong there, or nothing."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (chaos, not secrets)
        self.thrown: Counter[Step] = Counter()

    def __call__(self, step: Step) -> Fault | None:
        if step in (Step.QUIT, Step.RSET, Step.LONE_DOT) or self._random.random() >= SHARE:
            return None
        self.thrown[step] += 1
        return self._random.choice({Step.CONTENT: CONTENT, Step.DOT: DOT}.get(step, BEFORE))


# What it runs through ten thousand times others count once.
@pytest.mark.no_cover
def test_nobody_misses_a_lesson_and_no_copy_is_sent_in_silence(db: Database) -> None:
    house, chaos = House(db), Chaos(seed=20_260_302)
    house.publish(small_course(1))
    for number in range(PEOPLE):
        who = an_address(f"reader-{number}@example.org")
        subscription.add(db, who, FORM, name=f"Reader {number}", zone=LONDON, reason="A soak.", now=NOW)
    with ChaosRelay(dice=chaos) as relay:
        now, passes, clock = EIGHT, 0, [0.0]
        settings = relay.settings(connections=4, timeout=5)
        house.courier = SmtpCourier(settings, clock=lambda: clock[0])  # type: ignore[assignment]
        while (due := dispatch.next_due(db)) is not None:
            now, passes = max(now, due) + AFTER_A_WHILE, passes + 1
            clock[0] = now.timestamp()
            relay.extensions = EXTENSIONS[passes % 2 :]  # with PIPELINING, and without
            house.tick(now)
            assert passes < MOST_PASSES
    rows = {house.press.message_id(one.delivery, SENDER): one.delivery for one in report.ledger(db)}
    copies: dict[str, list[Kept]] = defaultdict(list)
    for one in relay.kept:
        copies[headers(one)["Message-ID"]].append(one)
    assert len(rows) == PEOPLE
    assert set(copies) <= set(rows)
    assert {row.state for row in rows.values()} <= {DeliveryState.SENT, DeliveryState.UNCERTAIN}
    # Lost is who has none, and of whom the ledger does not say that it may be so.
    assert [row for which, row in rows.items() if which not in copies and row.state is DeliveryState.SENT] == []
    assert [rows[which] for which, sent in copies.items() if len(sent) > rows[which].doubts + 1] == []
    assert [rows[which] for which, sent in copies.items() if len(sent) > 1 and not rows[which].doubts] == []
    for sent in copies.values():
        assert len({(one.recipient, one.content) for one in sent}) == 1
    # It was a soak: everything went wrong somewhere, and some people have two copies.
    assert min(chaos.thrown[step] for step in (Step.GREETING, Step.EHLO, Step.MAIL, Step.DATA, Step.CONTENT)) > 10
    assert any(len(sent) > 1 for sent in copies.values())
    assert any(row.doubts for row in rows.values())


def headers(one: Kept) -> Message:
    return BytesHeaderParser().parsebytes(one.content)
