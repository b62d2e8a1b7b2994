"""Does the program work where only its wheel is installed: no checkout, no configuration, an empty folder?"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NEEDED = ("sequencer", "templates", "migrations", "lessons", "docs", "pyproject.toml", "README.md", "LICENSE")


def run(*words: str | Path, folder: Path) -> str:
    """A command that must do its work; what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEQUENCER_", "PYTHON"))}
    done = subprocess.run(  # noqa: S603 (our own commands)
        [str(word) for word in words], cwd=folder, env=kept, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what belongs to it."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, folder=tree)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_that_travels_with_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    for folder in ("templates", "migrations", "lessons"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert files
        missing = {f"sequencer/_files/{path.relative_to(ROOT)}" for path in files} - names
        assert missing == set()
    assert {name for name in names if "/docs/" in name} == {"sequencer/_files/docs/api.md"}
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]


def test_the_demo_runs_where_only_the_wheel_is_installed(wheel: Path, tmp_path: Path) -> None:
    venv, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    run(sys.executable, "-m", "venv", venv, folder=tmp_path)
    python = venv / "bin" / "python"
    quiet = ("--quiet", "--disable-pip-version-check", "--constraint", ROOT / "constraints.txt")
    run(python, "-m", "pip", "install", *quiet, wheel, folder=tmp_path)
    result = json.loads(run(venv / "bin" / "sequencer", "demo", "--once", "--json", folder=empty))
    assert (result["lessons"], result["subscribers"]) == (14, 3)
    assert (result["delivered"], result["lost"], result["doubled"]) == (42, 0, 0)
    assert list(empty.iterdir()) == []
    run(venv / "bin" / "sequencer", "init", folder=empty)
    assert (empty / "lessons" / "why-men-pull-away" / "course.toml").is_file()
    where = run(python, "-c", "import sequencer; print(sequencer.__file__)", folder=empty)
    assert Path(where.strip()).is_relative_to(venv)
