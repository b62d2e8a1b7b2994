"""Is what docs/scale.md says to be shown by a test shown by one?"""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
PAGE = TESTS.parent / "docs" / "scale.md"


def test_each_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    there = {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 10
    assert named - there == set()


def _faults() -> dict[str, str]:
    """The table of faults: what shows each of them."""
    table = PAGE.read_text(encoding="utf-8").partition("## What fails")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): cells[2] for cells in rows[1:]}


def test_every_fault_of_the_page_names_a_test_that_shows_it() -> None:
    assert [fault for fault, shown in _faults().items() if "`test_" not in shown] == []


def test_the_faults_that_we_promise_to_survive_are_all_there() -> None:
    promised = (
        *("broker is wiped", "PostgreSQL is restarted", "cut in a commit", "PgBouncer in transaction mode"),
        *("two clocks", "ten minutes off", "tzdata", "`kill -9`", "frozen past", "backup is restored"),
    )
    assert [words for words in promised if not any(words in fault for fault in _faults())] == []


def test_those_that_run_past_real_servers_are_marked() -> None:
    services = {
        name
        for path in (TESTS / "services").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    marked = {name for shown in _faults().values() for name in re.findall(r"`(test_\w+)` †", shown)}
    named = {name for shown in _faults().values() for name in re.findall(r"`(test_\w+)`", shown)}
    assert marked == named & services
