"""Where does a call to another program go? To an address of the internet that was looked at, and to that one only.

Names are looked up once; all that a name stands for is checked, and the connection is made to what was checked.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import httpx

from sequencer.core import reach
from sequencer.errors import BadRequest

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

_LONGEST = 2000
_VALID = range(1, 65536)
_PORTS = {"https": 443, "http": 80}


class Forbidden(Exception):
    """The address is not one that we call; the message says why."""


def check(text: str, *, insecure: bool) -> None:
    """Whether this can be the address of a hook, as far as can be told without asking anybody. Raises BadRequest."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BadRequest(f"This is not an address: {error}.") from error
    if url.scheme not in _PORTS or not url.host or port(url) not in _VALID or len(text) > _LONGEST:
        raise BadRequest("The address of a hook begins with https:// and a host, and has 2000 characters at most.")
    if url.userinfo or url.fragment:
        raise BadRequest('The address of a hook has no user, password or "#" in it.')
    if url.scheme == "http" and not insecure:
        raise BadRequest("The address of a hook begins with https://; --insecure lets it be one of this machine.")
    try:
        # However a number is written (decimal, octal, short): as the system reads it.
        found = socket.getaddrinfo(url.host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return
    try:
        allow(url, [str(one[4][0]) for one in found], insecure=insecure)
    except Forbidden as error:
        raise BadRequest(str(error)) from error


def allow(url: httpx.URL, addresses: Sequence[str], *, insecure: bool) -> None:
    """Raises Forbidden unless all of them may be called: one among them that is ours would be enough to get in."""
    for one in addresses:
        here = reach.is_loopback(one)
        if not reach.is_outside(one) and not (here and insecure):
            raise Forbidden(f"{url.host} is at {one}, which is not on the internet; hooks are called there only.")
        if url.scheme == "http" and not here:
            raise Forbidden(f"{url.host} is not on this machine; over the internet a hook is called by https:// only.")


def port(url: httpx.URL) -> int:
    """The port of an address, said or not."""
    return _PORTS[url.scheme] if url.port is None else url.port


async def resolve(host: str, at: int) -> Sequence[str]:
    """The addresses of a name, those first that are likely to be reached. Raises OSError where there are none."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(addresses: Sequence[str], error: Exception | None) -> None:
        if not found.done():
            found.set_exception(error) if error else found.set_result(addresses)

    def look() -> None:
        addresses: Sequence[str] = ()
        failed: Exception | None = None
        try:
            addresses = [str(one[4][0]) for one in socket.getaddrinfo(host, at, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            failed = OSError(str(error))
        with contextlib.suppress(RuntimeError):  # whoever asked has gone
            loop.call_soon_threadsafe(settle, addresses, failed)

    # In a thread that nobody waits for: a name server that is silent must not keep us from stopping.
    threading.Thread(target=look, name="hook name", daemon=True).start()
    return await found
