"""Is this an address of the internet, or of our own house? Whom others name is called on the internet only."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")


def is_outside(text: str) -> bool:
    """Whether it is an address that anybody on the internet may be at.

    Not so are private, shared, link-local, loopback, multicast and reserved ones, in whichever IPv6 dress they come.
    """
    address = _undressed(text)
    if isinstance(address, IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_loopback(text: str) -> bool:
    """Whether it is this machine itself."""
    return _undressed(text).is_loopback


def _undressed(text: str) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, NAT64); else the address itself."""
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
