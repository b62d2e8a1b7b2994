"""Where in the internet is somebody, and how much of that is told?"""

import pytest

from sequencer.core import networks


@pytest.mark.parametrize(
    ("ip", "own", "around", "beginning"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2", "192.0.2"),
        ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2", "192.0.2"),
        ("2001:db8:1:2::77", "2001:0db8:0001:0002", "2001:0db8:0001", "2001:db8:1"),
        ("2001:db8::1", "2001:0db8:0000:0000", "2001:0db8:0000", "2001:db8:0"),
    ],
)
def test_a_visitor_has_an_address_or_a_network_and_a_larger_one_around_it(
    ip: str, own: str, around: str, beginning: str
) -> None:
    assert (networks.own(ip), networks.around(ip), networks.beginning(ip)) == (own, around, beginning)


def test_of_nobody_nothing_is_told() -> None:
    assert networks.beginning("") == ""
