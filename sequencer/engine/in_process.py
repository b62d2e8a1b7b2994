"""How are hints followed without any other program? By threads of the process in which they were given."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sequencer.engine.ending import Ending
from sequencer.engine.port import Drain, Load

log = logging.getLogger(__name__)

_GLANCE = 0.2  # seconds between two looks whether the end has begun


class InProcess:
    """The engine of a single process, on any database. A shard waits once, however often it was hinted at."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[int, None] = {}
        self._running: list[int] = []

    def prepare(self) -> None:
        """There is nothing to make."""

    def hint(self, shards: Sequence[int]) -> None:
        """Say that these shards should be looked at, by this process."""
        with self._changed:
            self._waiting.update(dict.fromkeys(shards))
            self._changed.notify_all()

    def run_worker(self, drain: Drain, *, concurrency: int, ending: Ending) -> None:
        """Follow hints in so many threads until the ending begins."""
        with ThreadPoolExecutor(concurrency, thread_name_prefix="drain") as pool:
            working = [pool.submit(self._work, drain, ending) for _ in range(concurrency)]
        for one in working:
            one.result()

    def sweep_stalled(self) -> int:
        """Hints die with their process."""
        return 0

    def stats(self) -> Load:
        """What waits and runs in this process."""
        with self._changed:
            return Load(waiting=len(self._waiting), running=len(self._running))

    def close(self) -> None:
        """There is nothing to let go of."""

    def _work(self, drain: Drain, ending: Ending) -> None:
        while not ending.has_begun():
            shard = self._next()
            if shard is None:
                continue
            try:
                drain(shard)
            finally:
                with self._changed:
                    self._running.remove(shard)

    def _next(self) -> int | None:
        """A shard that was hinted at, and rather one at which nobody is; None where there is none for a moment."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(_GLANCE)
            free = [shard for shard in self._waiting if shard not in self._running]
            shard = next(iter(free or self._waiting), None)
            if shard is not None:
                del self._waiting[shard]
                self._running.append(shard)
            return shard
