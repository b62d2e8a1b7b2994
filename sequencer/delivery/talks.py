"""Which conversations with one relay are there, or about to be? Opened one by one, and closed all at once."""

import asyncio
from collections.abc import Callable, Coroutine

from sequencer.delivery.session import Conversation


class Talks:
    """The conversations with one relay during one round."""

    def __init__(self, open_one: Callable[[], Coroutine[None, None, Conversation]]) -> None:
        self._open_one = open_one
        self._talks: list[Conversation] = []
        self._opening: set[asyncio.Task[Conversation]] = set()

    async def open(self) -> Conversation | None:
        """A new one, or None where nothing more is to be opened before there is one. Raises RelayDown."""
        opening = asyncio.get_running_loop().create_task(self._open_one())
        self._opening.add(opening)
        try:
            talk = await opening
        except asyncio.CancelledError:
            if opening.done() and not opening.cancelled() and not opening.exception():
                # It came in the very moment in which nobody waits for it any longer.
                opening.result().wire.abandon()
            heed_cancellation()
            return None
        finally:
            self._opening.discard(opening)
        self._talks = [*(one for one in self._talks if one.wire.is_open), talk]
        return talk

    def give_up(self) -> None:
        """Break off those that are being opened."""
        for one in self._opening:
            one.cancel()

    def abandon(self) -> None:
        """Close every connection."""
        for one in self._talks:
            one.wire.abandon()


def heed_cancellation() -> None:
    """Connecting may end, well or badly, in the moment in which it is cancelled; asyncio then forgets the latter."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
