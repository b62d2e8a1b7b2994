"""How many messages does one connection bring to a relay that is 50 ms away, for each round trip?

A proxy holds every byte back for 25 ms in each direction; one is a message for each round trip. Beside our careful way
and our eager one stands aiosmtplib's `sendmail`, which waits for every answer.
"""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence

import aiosmtplib

from benchmarks import postfix, sink
from sequencer.core.limits import Rest
from sequencer.core.model import DeliveryId, Parcel, Report, Ticket
from sequencer.core.rates import Grant
from sequencer.delivery.courier import SmtpCourier
from sequencer.delivery.way import Lane
from sequencer.relays import Relay

ROUND_TRIP = 0.05
Send = Callable[[int, int], Awaitable[None]]
_LINE = b"x" * 74 + b"\r\n"
CONTENT = b"Subject: a message of 20 KB\r\n\r\n" + _LINE * 263


def main() -> None:
    """Measure each way and print messages a second and a round trip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    with sink.running() as near:
        rows += [_row("grouped", given.messages, _grouped, near)]
        rows += [_row("aiosmtplib sendmail", given.messages, _sendmail, near)]
    with postfix.running() as near:
        # So many more in the same time.
        rows += [_row("eager", 10 * given.messages, _eager, near)]
    if given.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(f"{row['way']:22} {row['per_second']:>7}/s  {row['per_round_trip']:>5} a round trip to {row['sink']}")


def _row(way: str, messages: int, send: Send, near: tuple[int, str]) -> dict[str, object]:
    port, name = near
    rate = asyncio.run(_through_proxy(port, messages, send))
    return {"way": way, "per_second": round(rate, 1), "per_round_trip": round(rate * ROUND_TRIP, 2), "sink": name}


class _Ledger:
    """As many parcels as are asked for; every intent is granted."""

    in_process = True
    signs = False
    intends = False

    def __init__(self, messages: int) -> None:
        self._left = messages
        self.accepted = 0

    def lease(self, _relay: Relay, room: int, _held: int) -> Grant:
        """No limit."""
        return Grant(most=room)

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:  # noqa: ARG002 (a ledger that counts nothing)
        """Nothing was leased."""
        return ()

    def share(self, _news: Sequence[Rest], _relays: Sequence[str]) -> Sequence[Rest]:
        """Nobody else is told."""
        return []

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        count = min(self._left, len(places))
        self._left -= count
        return [parcel(self._left + number, places[0].relay.name) for number in range(count)]

    def rests(self, _relays: Sequence[str]) -> Mapping[str, str]:
        return {}

    def must_end(self) -> bool:
        return False

    def pressed(self, _places: Sequence[Lane]) -> Sequence[Parcel]:
        """Nobody presses anything."""
        return []

    def record(self, intents: Sequence[Ticket], reports: Sequence[Report]) -> frozenset[DeliveryId]:
        self.accepted += len(reports)
        return frozenset(ticket.delivery_id for ticket in intents)


def parcel(number: int, relay: str) -> Parcel:
    """A message of 20 KB."""
    return Parcel(
        ticket=Ticket(delivery_id=DeliveryId(number), attempt=1),
        relay=relay,
        sender="ann@example.org",
        recipient=f"reader{number}@example.org",
        needs_smtputf8=False,
        content=CONTENT,
    )


async def _grouped(port: int, messages: int, *, eager: bool = False) -> None:
    ledger = _Ledger(messages)
    courier = SmtpCourier(
        Relay(host="127.0.0.1", port=port, tls="off", connections=1, eager=eager, messages_per_connection=0)
    )
    await asyncio.to_thread(courier.carry, ledger)
    if ledger.accepted != messages:
        raise SystemExit(f"{ledger.accepted} of {messages} were accepted.")


async def _eager(port: int, messages: int) -> None:
    await _grouped(port, messages, eager=True)


async def _sendmail(port: int, messages: int) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for number in range(messages):
            await client.sendmail("ann@example.org", [f"reader{number}@example.org"], CONTENT)


async def _through_proxy(port: int, messages: int, send: Send) -> float:
    """Messages a second, the greeting not counted: what one message takes is taken away."""
    async with _proxy(port) as near:
        began = time.perf_counter()
        await send(near, 1)
        first = time.perf_counter() - began
        began = time.perf_counter()
        await send(near, messages + 1)
        return messages / (time.perf_counter() - began - first)


@contextlib.asynccontextmanager
async def _proxy(port: int) -> AsyncIterator[int]:
    """A port from which the sink is ROUND_TRIP away."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_delayed(reader, far_writer), _delayed(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()


async def _delayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while data := await reader.read(1 << 16):
        loop.call_later(ROUND_TRIP / 2, writer.write, data)
    loop.call_later(ROUND_TRIP / 2, writer.close)


if __name__ == "__main__":
    main()
