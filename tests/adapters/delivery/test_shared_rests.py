"""Does what one worker was told, of a domain or of the account, hold for the others?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from office import Office
from relay import ChaosRelay, Fault, Step, recipient

from sequencer.core.limits import Rest
from sequencer.core.model import Accepted, Deferred, Slow
from sequencer.delivery.courier import SmtpCourier
from sequencer.delivery.throttle import Throttle
from sequencer.relays import Relay

BUSY = "451 4.7.650 The mail server has been temporarily rate limited"
NO_MORE_TODAY = "454 Throttling failure: Daily message quota exceeded."
REFUSED = Deferred(reply=BUSY, slow=Slow.DOMAIN)


@dataclass
class Board:
    """What all workers know, until when by the one true clock; each worker's own clock is another."""

    now: float = 0.0
    rests: dict[tuple[str, str], tuple[float, Rest]] = field(default_factory=dict)

    def share(self, news: Sequence[Rest], relays: Sequence[str]) -> Sequence[Rest]:
        """As a ledger does it."""
        for one in news:
            if one.failures:
                self.rests[one.relay, one.domain] = (self.now + one.left, one)
            else:
                self.rests.pop((one.relay, one.domain), None)
        return [
            Rest(relay=one.relay, domain=one.domain, left=until - self.now, failures=one.failures, reason=one.reason)
            for until, one in self.rests.values()
            if one.relay in relays
        ]

    def clock(self, shift: float) -> Callable[[], float]:
        """A clock that shows something else, and runs as fast."""
        return lambda: self.now + shift

    def throttle(self, shift: float) -> Throttle:
        """A worker's."""
        return Throttle(Relay(host="mx.test", port=25, tls="off", key="one"), self.clock(shift))

    def meet(self, *throttles: Throttle) -> None:
        """Each tells and hears, one after the other."""
        for one in throttles:
            one.heard(self.share(one.news(), ["one"]))


def refuse(throttle: Throttle, times: int = 3) -> None:
    for _ in range(times):
        throttle.note(REFUSED, "bad.example")


def test_a_domain_that_refused_one_worker_rests_for_the_others_and_for_who_is_started_anew() -> None:
    board = Board()
    one, two = board.throttle(1000), board.throttle(-50)
    refuse(one, times=2)
    board.meet(one, two)
    assert two.rests("bad.example") == 0
    refuse(one, times=1)
    board.meet(one, two)
    assert (one.rests("bad.example"), two.rests("bad.example"), two.rests("good.example")) == (300, 300, 0)
    board.now += 100
    three = board.throttle(7)
    board.meet(one, two, three)
    assert [each.rests("bad.example") for each in (one, two, three)] == [200, 200, 200]


def test_after_the_rest_each_finds_out_with_one_message_and_who_fails_tells_the_others() -> None:
    board = Board()
    one, two = board.throttle(0), board.throttle(500)
    refuse(one)
    board.meet(one, two)
    board.now += 301
    board.meet(one, two)
    # The second one waits for what becomes of the first.
    assert [two.rests("bad.example"), two.rests("bad.example")] == [0, 5]
    refuse(two, times=1)
    board.meet(two, one)
    assert (one.rests("bad.example"), two.rests("bad.example")) == (600, 600)


def test_who_sees_that_it_works_again_tells_the_others() -> None:
    board = Board()
    one, two = board.throttle(0), board.throttle(500)
    refuse(one)
    board.meet(one, two)
    board.now += 301
    board.meet(one, two)
    assert two.rests("bad.example") == 0
    two.note(Accepted(reply="250 Ok"), "bad.example")
    assert board.rests
    board.meet(two, one)
    assert not board.rests
    # It takes three refusals again.
    refuse(one, times=2)
    assert one.rests("bad.example") == 0
    board.meet(one, two)
    assert (one.news(), two.news(), two.watches_domains) == ([], [], False)


def test_a_login_that_fails_is_of_one_s_own_settings_so_that_the_right_one_works_at_once() -> None:
    board = Board()
    one, two = board.throttle(0), board.throttle(500)
    one.failed("The password is wrong.", least=900)
    board.meet(one, two)
    assert (one.is_closed, two.is_closed) == (True, False)
    assert not board.rests


def test_what_a_relay_says_of_our_account_holds_for_all_and_that_one_cannot_reach_it_for_that_one() -> None:
    board = Board()
    one, two = board.throttle(0), board.throttle(500)
    one.failed("The relay one cannot be used: refused.")
    board.meet(one, two)
    assert (one.is_closed, two.is_closed) == (True, False)
    two.failed("The day is over.", least=900, of_account=True)
    board.meet(two, one)
    board.now += 899
    board.meet(one, two)
    assert [(each.is_closed, each.reason) for each in (one, two)] == [(True, "The day is over.")] * 2
    board.now += 2
    board.meet(one, two)
    assert not one.is_closed
    one.note(Accepted(reply="250 Ok"), "good.example")
    board.meet(one, two)
    assert not board.rests


@dataclass
class Shared(Office):
    """A ledger of several workers."""

    board: Board = field(default_factory=Board)

    def share(self, news: Sequence[Rest], relays: Sequence[str]) -> Sequence[Rest]:
        return self.board.share(news, relays)


def at_bad(number: int) -> str:
    return recipient(number).replace("example.org", "bad.example")


def test_a_worker_does_not_try_a_domain_that_refused_another_a_moment_ago() -> None:
    board = Board()
    faults = [Fault(at=Step.RCPT, reply=BUSY, recipient=at_bad(number), times=-1) for number in range(1, 21)]
    with ChaosRelay(faults=faults) as relay:
        first = Shared(20, address=at_bad, board=board)
        SmtpCourier(relay.settings(key="one", connections=1), clock=board.clock(1000)).carry(first)
        assert len(first.released) == 17
        board.now += 10
        second = Shared(20, address=at_bad, board=board)
        carried = SmtpCourier(relay.settings(key="one", connections=1), clock=board.clock(3)).carry(second)
    assert (carried.tried, len(second.released)) == (0, 20)
    assert {report.outcome.after.total_seconds() for report in second.released} == {290}  # type: ignore[union-attr]


def test_a_worker_does_not_even_connect_to_a_relay_that_told_another_that_the_day_is_over() -> None:
    board = Board()
    with ChaosRelay(faults=[Fault(at=Step.MAIL, reply=NO_MORE_TODAY, nth=3)]) as relay:
        SmtpCourier(relay.settings(key="one"), clock=board.clock(1000)).carry(Shared(20, board=board))
        before = relay.connections
        board.now += 3599
        office, courier = Shared(20, board=board), SmtpCourier(relay.settings(key="one"), clock=board.clock(3))
        said = courier.carry(office).trouble
        assert (relay.connections, office.left) == (before, 20)
        assert NO_MORE_TODAY in said
        board.now += 2
        assert courier.carry(office).tried == 20
    assert not board.rests
