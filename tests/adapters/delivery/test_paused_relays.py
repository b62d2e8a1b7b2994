"""Is a relay that an admin has paused left alone, from its first connection on and in the middle of a round?"""

from collections.abc import Mapping

import pytest
from office import Office, people
from relay import ChaosRelay, recipient

from sequencer.delivery.courier import Carried, SmtpCourier

WHY = "The relay one is paused since 2026-03-02 07:00 UTC (It is blocked)."
in_or_out = pytest.mark.parametrize("in_process", [True, False], ids=["in process", "beside it"])


@in_or_out
def test_a_paused_relay_is_not_even_connected_to_and_the_others_take_its_share(*, in_process: bool) -> None:
    office = Office(40, in_process=in_process, paused=lambda: {"one": WHY})
    with ChaosRelay() as one, ChaosRelay() as two:
        courier = SmtpCourier(one.settings(key="one", weight=9), two.settings(key="two"))
        # That somebody paused it is no trouble, and nothing that the log has to tell each second.
        assert courier.carry(office) == Carried(tried=40)
        assert (one.connections, len(two.kept)) == (0, 40)
    assert office.left == 0


def test_where_the_only_relay_is_paused_nothing_is_claimed_and_the_reason_is_said() -> None:
    office = Office(5, paused=lambda: {"one": WHY})
    with ChaosRelay() as one:
        assert SmtpCourier(one.settings(key="one")).carry(office) == Carried(tried=0, trouble=WHY)
        assert one.connections == 0
    assert (office.most_in_hand, office.left) == (0, 5)


def test_a_relay_is_used_again_when_it_is_let_go_on() -> None:
    paused = {"one": WHY}
    office = Office(5, paused=lambda: paused)
    with ChaosRelay() as one:
        courier = SmtpCourier(one.settings(key="one"))
        courier.carry(office)
        paused.clear()
        assert courier.carry(office) == Carried(tried=5)
    assert people(one.recipients) == people([recipient(number) for number in range(1, 6)])


@in_or_out
def test_what_lies_claimed_for_a_relay_goes_over_another_when_it_is_paused_in_a_round(*, in_process: bool) -> None:
    with ChaosRelay() as one, ChaosRelay() as two:

        def paused() -> Mapping[str, str]:
            return {"one": WHY} if one.kept else {}

        office = Office(40, in_process=in_process, paused=paused)
        # All of it is claimed for the first, which stands four a second; the second stands in where it cannot be used.
        courier = SmtpCourier(one.settings(key="one", rate=4, connections=2), two.settings(key="two", weight=0))
        assert courier.carry(office) == Carried(tried=40)
        assert 0 < len(one.kept) < 20
    assert people(one.recipients, two.recipients) == people([recipient(number) for number in range(1, 41)])
    assert {report.outcome.reply for report in office.released} == {WHY}


def test_what_lies_claimed_for_the_only_relay_goes_back_as_it_was_when_it_is_paused_in_a_round() -> None:
    with ChaosRelay() as one:

        def paused() -> Mapping[str, str]:
            return {"one": WHY} if one.kept else {}

        office = Office(40, paused=paused)
        carried = SmtpCourier(one.settings(key="one", rate=4, connections=2)).carry(office)
        assert carried == Carried(tried=len(one.kept), trouble=WHY)
        assert 0 < len(one.kept) < 20
    assert office.left == 40 - len(one.kept)
