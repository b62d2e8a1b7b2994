"""Does docs/contract.md name for each of its lines a test that there is, and that runs on both databases?"""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CONTRACT = ROOT / "docs" / "contract.md"
DATABASES = frozenset({"sqlite", "postgresql"})
# The arithmetic of hours knows no database, and is tested for every zone there is.
CORE = "tests/core/"


def lines() -> list[tuple[str, str, str]]:
    """The rows of all tables: question, answer, and what stands in the column of tests."""
    found = []
    for line in CONTRACT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if cells and cells[0] != "Question" and not set(line) <= set("|-: "):
            assert len(cells) == 3, f"three cells are wanted: {line}"
            found.append((cells[0], cells[1], cells[2]))
    return found


def named() -> Mapping[str, list[str]]:
    """The tests that lines name, and the questions of those lines."""
    names = defaultdict(list)
    for question, _, cell in lines():
        names[cell.strip("`")].append(question)
    return names


@pytest.fixture(scope="module")
def written() -> Mapping[str, list[str]]:
    """In which files, below the project's folder, each test is written."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[name].append(path.relative_to(ROOT).as_posix())
    return found


def test_every_line_of_the_contract_names_one_test() -> None:
    assert len(lines()) > 80
    assert [question for question, answer, cell in lines() if not answer or not re.fullmatch(r"`test_\w+`", cell)] == []


def test_no_two_lines_of_the_contract_lean_on_the_same_test() -> None:
    assert {name: questions for name, questions in named().items() if len(questions) > 1} == {}


def test_every_test_that_the_contract_names_is_written_once(written: Mapping[str, list[str]]) -> None:
    assert {name: written.get(name, []) for name in named() if len(written.get(name, [])) != 1} == {}


def test_every_test_that_the_contract_names_runs_on_both_databases(written: Mapping[str, list[str]]) -> None:
    found = [f"{path}::{name}" for name in named() for path in written.get(name, [])]
    nodes = [node for node in found if not node.startswith(CORE)]
    # As pytest itself collects them, in a process of its own: fixtures and parameters say where a test runs.
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-n", "0"]
    done = subprocess.run(  # noqa: S603 (pytest)
        [*command, "--no-header", *nodes], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, set[str]] = defaultdict(set)
    for node in done.stdout.splitlines():
        test, _, parameters = node.partition("[")
        seen[test] |= DATABASES & set(re.split(r"[-\]]", parameters))
    assert {node: sorted(seen[node]) for node in nodes if seen[node] != DATABASES} == {}
