"""Where does a sending process keep what relays said, beside the database? In files of its own, appended and synced.

An answer is on this disk before it is committed. So where the commit fails, or a backup from before is restored, it is
known all the same.
"""

import os
import re
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sequencer.core import records
from sequencer.core.model import Ticket
from sequencer.core.records import Record
from sequencer.errors import BadDatabase, BadRequest

KEPT = timedelta(days=14)
_LATEST = 10  # files that are looked into at the start
_LONGEST = 400  # bytes of a line
_RECENT = timedelta(days=2)  # what a sender held when it died is not older
_NAME = re.compile(r"outcomes-(\d{4}-\d\d-\d\d)-.*\.jsonl")


class Journal:
    """The journal of one process in this folder; several threads may write. Nothing is made before it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Several machines may share a folder, and have processes of the same number.
        host = re.sub(r"[^A-Za-z0-9.-]", "_", os.uname().nodename)[:64]
        self._who = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._lock = threading.Lock()
        self._file: int | None = None
        self._day: date | None = None

    def write(self, noted: Sequence[Record]) -> None:
        """Note these answers; they are on the disk when this returns. Raises BadDatabase where they cannot be."""
        if not noted:
            return
        content = "".join(f"{records.line(one)}\n" for one in noted).encode()
        with self._lock:
            try:
                self._append(content, datetime.fromtimestamp(noted[-1].at, UTC).date())
            except OSError as error:
                raise BadDatabase(
                    f"The journal in {self.folder} cannot be written ({error.strerror}), and nothing is sent without "
                    "it; make room on its disk, and let the user of this program write the folder."
                ) from error

    def _append(self, content: bytes, day: date) -> None:
        if self._file is None or day != self._day:
            self.close()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / f"outcomes-{day}-{self._who}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._day = day
        before = os.fstat(self._file).st_size
        try:
            while content:
                content = content[os.write(self._file, content) :]
            os.fdatasync(self._file)
        except OSError:
            # Half a line would spoil the one that follows it.
            os.ftruncate(self._file, before)
            raise

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def known(self, tickets: Collection[Ticket], *, now: datetime) -> Mapping[Ticket, Record]:
        """What the journals here know of these attempts of the last days; the last word of each."""
        found: dict[Ticket, Record] = {}
        since = (now - _RECENT).date()
        for path in _files(self.folder) if tickets else ():
            if _day(path) >= since:
                for one in _records(path):
                    if one.ticket in tickets:
                        found[one.ticket] = one
        return found

    def newest(self, *, number: int = 20) -> Sequence[Record]:
        """The last answers of the files here that were written last, whatever the length of those."""
        latest = sorted(_files(self.folder), key=lambda path: (path.stat().st_mtime_ns, path.name))[-_LATEST:]
        return [one for path in latest for one in _tail(path, number)]

    def prune(self, *, now: datetime) -> int:
        """Drop files that are older than `KEPT`; how many."""
        old = [path for path in _files(self.folder) if _day(path) < (now - KEPT).date()]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def read(folders: Sequence[Path]) -> Iterator[Record]:
    """All answers in these folders, file by file. Raises BadRequest where there is no such folder, or nothing in it."""
    for folder in folders:
        files = _files(folder)
        if not files:
            raise BadRequest(f"There are no journals in {folder}: they are called outcomes-DATE-….jsonl.")
        for path in files:
            yield from _records(path)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.glob("outcomes-*.jsonl") if _NAME.fullmatch(path.name))


def _day(path: Path) -> date:
    found = _NAME.fullmatch(path.name)
    assert found is not None  # noqa: S101 (such files are what _files gives)
    return date.fromisoformat(found[1])


def _tail(path: Path, number: int) -> Sequence[Record]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - number * _LONGEST))
        lines = file.read().decode("ascii", errors="replace").splitlines()[-number:]
    return [one for one in map(records.parse, lines) if one is not None]


def _records(path: Path) -> Iterator[Record]:
    """What is in a file; a line that was torn as the power went is passed over."""
    with path.open(encoding="ascii", errors="replace") as lines:
        for text in lines:
            found = records.parse(text)
            if found is not None:
                yield found
