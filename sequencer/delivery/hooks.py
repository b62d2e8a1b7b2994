"""How is another program told of something? By a POST to the address that was checked; its answer is a value.

No redirect is followed, no cookie kept, no proxy of the environment used, and little of the answer is read.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from sequencer.core import hooks
from sequencer.core.hooks import Answered, Call, Reply, Unreached, Unsent
from sequencer.delivery import outside
from sequencer.delivery.outside import Forbidden, Resolve

TIMEOUT = 15.0  # seconds until the answer has begun
AT_ONCE = 10  # calls under way to one hook
MOST_READ = 4096  # bytes of an answer
_BODY = 2.0  # seconds for the rest of an answer, whose first line says all that matters
_TRIED = 3  # addresses of a name
_QUOTED = 200  # characters of an answer that the log keeps
_LOOK = 0.2  # seconds between two looks whether we are to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A call that is ready to be posted."""

    call: Call
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


Settle = Callable[[Sequence[tuple[Letter, Reply]]], None]


class Caller:
    """Posts letters. `resolve` looks up names, `trust` says whose certificates are believed."""

    def __init__(
        self,
        *,
        resolve: Resolve = outside.resolve,
        trust: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._resolve = resolve
        self._trust = trust
        self._timeout = timeout

    def post(
        self,
        batches: Sequence[Sequence[Letter]],
        settle: Settle,
        *,
        now: datetime,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Post these, each batch to a hook of its own, all hooks at once; `settle` hears of each batch as it ends.

        Once `stop` says so, what has no answer yet is unsent.
        """
        asyncio.run(self._post(batches, settle, now, stop))

    async def _post(
        self, batches: Sequence[Sequence[Letter]], settle: Settle, now: datetime, stop: Callable[[], bool]
    ) -> None:
        self._trust = trust = self._trust or httpx.create_ssl_context(trust_env=False)
        left = {asyncio.create_task(self._batch(batch, trust, now, stop)) for batch in batches}
        while left:
            ended, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                settle(one.result())

    async def _batch(
        self, letters: Sequence[Letter], trust: ssl.SSLContext, now: datetime, stop: Callable[[], bool]
    ) -> Sequence[tuple[Letter, Reply]]:
        room = asyncio.Semaphore(AT_ONCE)
        # One for each hook: a connection that was opened for one name is never used for another one at its address.
        async with httpx.AsyncHTTPTransport(
            verify=trust, trust_env=False, limits=httpx.Limits(max_connections=AT_ONCE)
        ) as wire:
            tasks = [asyncio.create_task(self._one(wire, room, letter, now)) for letter in letters]
            waiting = set(tasks)
            while waiting and not stop():
                _, waiting = await asyncio.wait(waiting, timeout=_LOOK)
            for task in waiting:
                task.cancel()
            replies = await asyncio.gather(*tasks, return_exceptions=True)
        return [(letter, _reply(found)) for letter, found in zip(letters, replies, strict=True)]

    async def _one(
        self, wire: httpx.AsyncHTTPTransport, room: asyncio.Semaphore, letter: Letter, now: datetime
    ) -> Reply:
        async with room:
            try:
                async with asyncio.timeout(self._timeout):
                    response = await self._asked(wire, letter)
            except (TimeoutError, httpx.TimeoutException):
                return Unreached(reason=f"It gave no answer within {self._timeout:g} seconds.", slow=True)
            except Forbidden as error:
                return Unreached(reason=str(error))
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                return Unreached(reason=_plain(str(error) or type(error).__name__))
            rest = hooks.asked_rest(response.headers.get("retry-after", ""), now=now)
            return Answered(status=response.status_code, reply=_plain(await _read(response)), rest=rest)

    async def _asked(self, wire: httpx.AsyncHTTPTransport, letter: Letter) -> httpx.Response:
        """The beginning of the answer of the first of the name's addresses that can be reached."""
        hook = letter.call.hook
        url = httpx.URL(hook.url)
        addresses = list(dict.fromkeys(await self._resolve(url.host, outside.port(url))))
        outside.allow(url, addresses, insecure=hook.insecure)
        trouble: Exception = OSError(f"{url.host} has no address.")
        for address in addresses[:_TRIED]:
            # The name is for the certificate and the Host header only: nobody is asked a second time where it is.
            request = httpx.Request(
                "POST",
                url.copy_with(host=address),
                headers={"Host": url.netloc.decode("ascii"), **letter.headers},
                content=letter.body,
                extensions={"sni_hostname": url.raw_host.decode("ascii"), "timeout": self._patience()},
            )
            try:
                return await wire.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                trouble = error
        raise trouble

    def _patience(self) -> dict[str, float]:
        # One address that swallows what is sent to it leaves time for the next one.
        return {
            "connect": self._timeout / _TRIED,
            "read": self._timeout,
            "write": self._timeout,
            "pool": self._timeout,
        }


async def _read(response: httpx.Response) -> str:
    """The first words of an answer, as they are on the wire: nothing is unpacked."""
    found = b""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_BODY):
            async for some in response.aiter_raw(MOST_READ):
                found += some
                if len(found) >= MOST_READ:
                    break
    with contextlib.suppress(httpx.HTTPError):
        await response.aclose()
    return found[:MOST_READ].decode("utf-8", "replace")


def _plain(text: str) -> str:
    """In one line that can be shown in a terminal."""
    words = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:_QUOTED]


def _reply(found: Reply | BaseException) -> Reply:
    if isinstance(found, asyncio.CancelledError):
        return Unsent()
    if isinstance(found, BaseException):
        raise found
    return found
