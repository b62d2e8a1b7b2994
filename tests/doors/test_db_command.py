"""What does moving into another database say, and how does it end?"""

import json
import sqlite3
from pathlib import Path

from installation import Run, sentence


def test_everything_is_copied_compared_and_shown(run: Run, folder: Path) -> None:
    run("subscriber", "add", "ann@example.org", "--form", "newsletter")
    shown = run("db", "copy", "--to", "sqlite:///new.db", "--rehearse")
    assert shown.exit_code == 0, shown.output
    assert "Both are the same. It was a rehearsal" in shown.stdout
    done = run("db", "copy", "--from", "sqlite:///test.db", "--to", "sqlite:///new.db", "--replace-copy", "--json")
    told = json.loads(done.stdout)
    assert told["rehearsal"] is False
    assert {"name", "rows", "checksum"} == set(told["tables"][0])
    rows = {one["name"]: one["rows"] for one in told["tables"]}
    assert (rows["subscriber"], rows["pause"]) == (1, 1)
    with sqlite3.connect(folder / "new.db") as new:
        assert new.execute("SELECT normalized FROM subscriber").fetchall() == [("ann@example.org",)]


def test_a_rehearsed_copy_cannot_be_served_from(run: Run, folder: Path) -> None:
    run("db", "upgrade")
    run("db", "copy", "--to", "sqlite:///new.db", "--rehearse")
    settings = folder / "sequencer.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("test.db", "new.db"), encoding="utf-8")
    for command in (("tick",), ("db", "upgrade"), ("subscriber", "list")):
        assert "a rehearsed copy of sqlite:///" in sentence(run(*command))


def test_an_address_that_is_none_is_refused_by_its_name(run: Run) -> None:
    run("db", "upgrade")
    said = sentence(run("db", "copy", "--to", "nothing://here"))
    assert said.startswith("The address to copy to cannot be used: ")
