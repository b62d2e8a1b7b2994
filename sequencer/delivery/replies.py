"""What has the server said? Bytes that arrive in any pieces become whole replies (RFC 5321 §4.2)."""

import re
from collections.abc import Iterator

from sequencer.core.model import Stage

_LONGEST_LINE = 4096  # eight times what RFC 5321 §4.5.3.1.5 allows
_MOST_LINES = 128
_REPLY = re.compile(r"[2-5][0-9][0-9](-| |$)")


class GarbledReply(Exception):
    """The server sent what is not an SMTP reply."""


class Lost(Exception):
    """The conversation ended, or nothing came in time; `stage` is how far it had come."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason


class ReplyReader:
    """Collects bytes; `feed` gives the replies that are complete now, each as one line of text: code and words."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    def feed(self, data: bytes) -> Iterator[str]:
        """The replies that end within `data`, one after the other. Raises GarbledReply where one is none."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            words = _printable(line.rstrip(b"\r").decode("utf-8", "replace"))
            found = _REPLY.match(words)
            if not found or len(self._lines) >= _MOST_LINES:
                raise GarbledReply(words[:80])
            self._lines.append(words)
            if found[1] != "-":
                lines, self._lines = self._lines, []
                yield words if len(lines) == 1 else _joined(lines)
        if len(self._rest) > _LONGEST_LINE:
            raise GarbledReply("a line without an end")


def _printable(words: str) -> str:
    """The words without what no ledger holds and no terminal should be shown."""
    return words if words.isprintable() else "".join(one if one.isprintable() else " " for one in words)


def _joined(lines: list[str]) -> str:
    """One line for a reply of many; an enhanced code that repeats on each line is kept once."""
    code, first = lines[-1][:3], lines[0][4:]
    enhanced = first.split(" ", 1)[0] if first[1:2] == "." else ""
    rest = [line[4:].removeprefix(enhanced).strip() for line in lines[1:]]
    return " ".join(part for part in [code, first.strip(), *rest] if part)
