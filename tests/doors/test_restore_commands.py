"""What is said after a backup was restored, and does nothing go out before it is known what went out since?"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from house import EIGHT, NOW, House
from installation import Run, sentence

from sequencer.store.database import Database, connect
from sequencer.store.journal import Journal

ANN, BEN = "ann@example.org", "ben@example.org"


@contextmanager
def sending(folder: Path) -> Iterator[House]:
    """A house on the file of this installation that keeps its journal where the service keeps it."""
    db: Database = connect("sqlite:///test.db", root=folder)
    house = House(db)
    house.journal = Journal(folder / "test.db-outcomes")
    yield house
    house.journal.close()
    db.close()


def a_restored_installation(run: Run, folder: Path) -> None:
    """Ann is on the course, a backup is made, her lesson goes out, Ben signs up, and the backup is restored."""
    run("course", "apply", "small")
    with sending(folder) as house:
        house.join(ANN)
    shutil.copy(folder / "test.db", folder / "copy.db")
    with sending(folder) as house:
        house.courier.sent.clear()
        house.tick(EIGHT)
        house.sign_up(BEN, EIGHT)
        house.tick(EIGHT)
    for name in ("test.db-wal", "test.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(folder / "copy.db", folder / "test.db")


def test_a_restored_backup_starts_paused_by_itself_until_the_journal_was_read(run: Run, folder: Path) -> None:
    a_restored_installation(run, folder)
    done = run("tick", "--now", EIGHT.isoformat())
    assert "knows of messages that the database does not" in done.stderr
    assert "Everything is paused (The journal in" in done.stderr
    told = json.loads(run("reconcile", "--journal", "test.db-outcomes", "--json").stdout)
    assert (told["made"], told["people"], told["unknown_people"]) == (1, 1, [2])
    words = run("reconcile", "--journal", "test.db-outcomes").stdout
    assert "1 people signed up after the backup, and the database does not know who they are: 2." in words
    assert run("resume").exit_code == 0
    quiet = run("tick", "--now", EIGHT.isoformat())
    assert "accepted 0, deferred 0" in quiet.stdout
    assert "paused" not in quiet.stderr


def test_who_knows_of_the_restore_says_so(run: Run, folder: Path) -> None:
    run("db", "upgrade")
    said = run("db", "restored").stdout
    assert f"sequencer reconcile --journal {folder / 'test.db-outcomes'}" in said.replace("/private", "")
    assert "Restored from a backup" in run("pause", "list").stdout


def test_either_a_log_or_journals_are_read(run: Run, folder: Path) -> None:
    assert run("reconcile").exit_code == 2
    assert "There are no journals in" in sentence(run("reconcile", "--journal", str(folder)))


def test_the_journal_can_be_switched_off(run: Run, folder: Path) -> None:
    settings = folder / "sequencer.toml"
    settings.write_text(f'journal = "off"\n{settings.read_text(encoding="utf-8")}', encoding="utf-8")
    run("db", "upgrade")
    assert "--journal DIR" in run("db", "restored").stdout
    assert run("tick", "--now", NOW.isoformat()).exit_code == 0
