"""What is ready when a door is tested? The web door of a house whose small course is published."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from door import STREET, Door, served
from house import House, small_course
from installation import COURSE, LESSON, SETTINGS, Run

from sequencer.cli import main
from sequencer.store.database import Database, connect


@pytest.fixture(scope="session", autouse=True)
def street() -> Iterator[None]:
    """The server that all doors share."""
    with served(STREET) as STREET.url:
        yield


@pytest.fixture
def door(house: House) -> Iterator[Door]:
    """The web door, open, on both kinds of database; the small course is published."""
    house.publish(small_course())
    with Door(house).open() as opened:
        yield opened


@pytest.fixture(scope="module")
def quiet_door(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door on SQLite that the tests of one file share, for requests that must change nothing."""
    folder = tmp_path_factory.mktemp("quiet")
    shutil.copy(sqlite_template, folder / "quiet.db")
    db = connect("sqlite:///quiet.db", root=folder)
    house = House(db)
    house.publish(small_course())
    with Door(house).open() as opened:
        yield opened
    db.close()


@pytest.fixture
def sqlite_door(sqlite_db: Database) -> Iterator[Door]:
    """The same on SQLite alone, for what does not touch the database."""
    house = House(sqlite_db)
    house.publish(small_course())
    with Door(house).open() as opened:
        yield opened


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The command line sets the umask of its process; tests share one process."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of an installation: settings, and a course of three lessons. It is the current one."""
    (tmp_path / "sequencer.toml").write_text(SETTINGS, encoding="utf-8")
    course = tmp_path / "lessons" / "small"
    course.mkdir(parents=True)
    (course / "course.toml").write_text(COURSE, encoding="utf-8")
    for number in (1, 2, 3):
        (course / f"{number:02}.md").write_text(LESSON.format(number=number), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Runs a command in that folder; neither a traceback nor an exception ever."""
    assert folder == Path.cwd()

    def command(*words: str) -> Result:
        result = CliRunner().invoke(main, list(words), prog_name="sequencer")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return command
