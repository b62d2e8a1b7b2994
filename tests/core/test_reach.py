"""Is every address of our own house known as such, however it is dressed?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import reach

_INSIDE = (
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::"),
    *("2002:a00:1::", "2001::1", "2001:db8::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1"),
    *("ff02::1", "ff0e::1", "100::1"),
)
_OUTSIDE = (
    *("1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"),
    *("64:ff9b::808:808", "2002:808:808::1"),
)


@pytest.mark.parametrize("address", _INSIDE)
def test_what_is_not_on_the_internet_is_not_outside(address: str) -> None:
    assert not reach.is_outside(address)


@pytest.mark.parametrize("address", _OUTSIDE)
def test_what_is_on_the_internet_is_outside(address: str) -> None:
    assert reach.is_outside(address)
    assert not reach.is_loopback(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_known(address: str) -> None:
    assert reach.is_loopback(address)


@given(st.ip_addresses(v=4))
def test_no_dress_changes_where_an_address_is(address: object) -> None:
    plain = str(address)
    number = int(address)  # type: ignore[call-overload]
    dressed = (f"::ffff:{plain}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}")
    assert {reach.is_outside(one) for one in dressed} == {reach.is_outside(plain)}
