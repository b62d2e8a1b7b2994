"""Can anybody find out who is known here? Not by the answer, and not by how long it takes."""

import statistics
import time
from collections.abc import Iterator

import pytest
from door import Door
from house import NOW, House, an_address, small_course

from sequencer.core.model import SuppressionReason
from sequencer.forms import USUAL_CAPS
from sequencer.store import subscribers

ROUNDS = 40


@pytest.fixture
def tireless_door(house: House) -> Iterator[Door]:
    """A door that takes as many sign-ups as come."""
    house.publish(small_course())
    with Door(house, signup_caps=dict.fromkeys(USUAL_CAPS, 10**9)).open() as opened:
        yield opened


def test_who_is_known_is_answered_as_who_is_not_in_words_and_in_time(tireless_door: Door) -> None:
    """Medians of waits that were measured in turn, so that whatever else the machine does falls on all alike."""
    house = tireless_door.house
    house.join("known@example.org", NOW)
    with house.db.begin() as tx:
        gone = an_address("gone@example.org")
        subscribers.suppress(tx, gone, reason=SuppressionReason.COMPLAINT, detail="", now=NOW)
    kinds = {"known": "known@example.org", "suppressed": "gone@example.org", "new": "new-{}@example.org"}
    waits: dict[str, list[float]] = {kind: [] for kind in kinds}
    answers = set()
    for number in range(ROUNDS):
        for kind, email in kinds.items():
            began = time.perf_counter()
            answer = tireless_door.sign_up({"email": email.format(number)})
            waits[kind].append(time.perf_counter() - began)
            answers.add((answer.status_code, answer.text, *sorted(answer.headers.keys())))
    assert len(answers) == 1
    medians = {kind: statistics.median(found) for kind, found in waits.items()}
    assert max(medians.values()) < 1.5 * min(medians.values()), medians
