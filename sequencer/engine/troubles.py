"""What is said of work that fails again and again? Each kind of trouble once, and then that it is over."""

import logging
import re
import threading

from sequencer.errors import SequencerError

# The same trouble comes with other numbers each time: processes, addresses in memory, milliseconds.
_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")


class Troubles:
    """What makes this work fail: `what.failed` once for each kind of it until `what.recovered`.

    `fields` stand in each line. May be told from several threads.
    """

    def __init__(self, what: str, log: logging.Logger, **fields: object) -> None:
        self._what = what
        self._log = log
        self._fields = fields
        self._told: set[tuple[type[Exception], str]] = set()
        self._times = 0
        self._turn = threading.Lock()

    def tell(self, error: Exception) -> None:
        """It has failed."""
        kind = (type(error), _NUMBER.sub("", str(error)))
        with self._turn:
            self._times += 1
            if kind not in self._told:
                self._told.add(kind)
                tell(self._log, f"{self._what}.failed", error, **self._fields)

    def end(self) -> None:
        """It has gone well."""
        with self._turn:
            if self._told:
                self._log.warning("%s.recovered", self._what, extra={"failed": self._times, **self._fields})
                self._told.clear()
                self._times = 0


def tell(log: logging.Logger, event: str, error: Exception, **fields: object) -> None:
    """Ours are said in one sentence; anything else is a bug, with its traceback."""
    shown = None if isinstance(error, SequencerError) else error
    log.error(event, extra={"reason": str(error), **fields}, exc_info=shown)
