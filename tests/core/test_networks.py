"""Where in the internet is somebody, and how much of that is told?"""

from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("192.0.2.77", "192.0.2.77"),
        (" 192.0.2.77 ", "192.0.2.77"),
        ("192.0.2.77:4711", "192.0.2.77"),
        ("::ffff:192.0.2.77", "192.0.2.77"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1%eth0", "2001:db8::1"),
        ("fe80::1%" + "x" * 999, "fe80::1"),
        *(
            (none, "")
            for none in ("", "unknown", "192.0.2", "192.0.2.300", "192.0.2.1:port", "[]", "%eth0", "a.example", "1\n")
        ),
    ],
)
def test_an_address_is_written_in_one_way_whatever_stands_around_it(said: str, plain: str) -> None:
    assert networks.plain(said) == plain


@example("01.2.3.4")
@example("1.2.3.256")
@example("1.2.3.4.5")
@example("\u0661.2.3.4")
@given(
    st.ip_addresses(v=4).map(str)
    | st.lists(st.integers(0, 300).map(str) | st.text("0123456789\u0663", max_size=4), min_size=3, max_size=5).map(
        ".".join
    )
)
def test_the_usual_kind_is_read_as_the_library_reads_it(said: str) -> None:
    try:
        expected = str(ip_address(said))
    except ValueError:
        expected = ""
    assert networks.plain(said) == expected
