"""Is an answer on the disk when the journal says so, whatever becomes of the process, the disk or the last line?"""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sequencer.core import records
from sequencer.core.model import DeliveryId, DeliveryKind, SubscriberId, Ticket
from sequencer.core.records import Noted, Record
from sequencer.errors import BadDatabase, BadRequest
from sequencer.store import journal
from sequencer.store.journal import Journal

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def noted(number: int, *, at: datetime = NOON, outcome: Noted = Noted.ACCEPTED, attempt: int = 1) -> Record:
    return Record(
        at=int(at.timestamp()),
        outcome=outcome,
        kind=DeliveryKind.LESSON,
        campaign_id=1,
        subscriber_id=SubscriberId(number),
        run=0,
        enrolment_id=None,
        delivery_id=DeliveryId(number),
        attempt=attempt,
        message_id=f"<m{number}@example.org>",
        code="250",
    )


def ticket(number: int) -> Ticket:
    return Ticket(delivery_id=DeliveryId(number), attempt=1)


def test_what_is_written_is_read_again_in_order_and_by_its_owner_alone(tmp_path: Path) -> None:
    book = Journal(tmp_path / "a" / "journal")
    book.write([])
    assert not book.folder.exists()
    book.write([noted(1), noted(2)])
    book.write([noted(3)])
    assert list(journal.read([book.folder])) == [noted(1), noted(2), noted(3)]
    (path,) = book.folder.iterdir()
    assert path.name.startswith("outcomes-2026-03-02-")
    assert path.stat().st_mode & 0o777 == 0o600


def test_each_day_has_a_file_and_so_has_each_process(tmp_path: Path) -> None:
    one, other = Journal(tmp_path), Journal(tmp_path)
    for day in range(3):
        one.write([noted(day, at=NOON + day * DAY)])
    other.write([noted(9)])
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_two_weeks_old_is_dropped_and_nothing_else(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    (tmp_path / "outcomes-of-mine.jsonl").write_text("", encoding="ascii")
    for day in range(20):
        book.write([noted(day, at=NOON + day * DAY)])
    assert book.prune(now=NOON + 19 * DAY) == 5
    assert book.prune(now=NOON + 19 * DAY) == 0
    assert len(list(tmp_path.iterdir())) == 16


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    book.write([noted(1), noted(2)])
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for length in range(len(whole) - len(records.line(noted(2))), len(whole) - 1):
        path.write_bytes(whole[:length])
        assert list(journal.read([tmp_path])) == [noted(1)]


def test_the_last_word_of_an_attempt_counts_and_only_of_the_last_days(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    book.write([noted(1, at=NOON - 5 * DAY)])
    book.write([noted(2, outcome=Noted.DEFERRED), noted(2), noted(3)])
    assert book.known({ticket(1), ticket(2)}, now=NOON) == {ticket(2): noted(2)}
    assert book.known(set(), now=NOON) == {}
    assert [one.delivery_id for one in book.newest(number=2)] == [1, 2, 3]


def test_at_the_start_the_ends_of_the_files_written_last_are_read(tmp_path: Path) -> None:
    for which in range(12):
        one = Journal(tmp_path)
        one.write([noted(1000 * which + number) for number in range(1, 101)])
        one.close()
        (path,) = (path for path in tmp_path.iterdir() if f'"d":{1000 * which + 1},' in path.read_text("ascii"))
        os.utime(path, (which, which))
    found = [one.delivery_id for one in Journal(tmp_path).newest(number=2)]
    assert found == [number for which in range(2, 12) for number in (1000 * which + 99, 1000 * which + 100)]


def test_a_folder_without_journals_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="There are no journals in"):
        list(journal.read([tmp_path]))


# A process may write so many bytes to a file (RLIMIT_FSIZE): a disk that is full.
_FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_journal import noted
from sequencer.errors import BadDatabase
from sequencer.store.journal import Journal
book = Journal(Path(sys.argv[1]))
book.write([noted(1)])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
try:
    book.write([noted(2), noted(3)])
except BadDatabase as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
book.write([noted(4)])
"""


def test_a_full_disk_is_said_in_a_sentence_and_leaves_no_half_line(tmp_path: Path) -> None:
    here = os.fspath(Path(__file__).parent)
    done = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", _FULL, os.fspath(tmp_path), here], capture_output=True, text=True, check=True
    )
    assert "cannot be written (File too large), and nothing is sent without it" in done.stdout
    assert list(journal.read([tmp_path])) == [noted(1), noted(4)]


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(BadDatabase, match=r"The journal in .* cannot be written"):
        Journal(tmp_path / "file" / "journal").write([noted(1)])
