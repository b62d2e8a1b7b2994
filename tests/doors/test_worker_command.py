"""What does `sequencer worker list` say of a machine whose clock is off?"""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from installation import Run

from sequencer import worker
from sequencer.flows import roster
from sequencer.store.database import connect


@pytest.mark.parametrize(
    ("seconds", "said"), [(600, "alive, clock 600 s ahead"), (-601, "alive, clock 601 s behind"), (5, "alive")]
)
def test_a_clock_that_is_off_is_shown(run: Run, folder: Path, seconds: int, said: str) -> None:
    run("db", "upgrade")
    db = connect("sqlite:///test.db", root=folder)
    post = worker.this_process("worker", engine="celery")
    roster.beat(db, roster.enter(db, post), post, clock_ahead=timedelta(seconds=seconds))
    db.close()
    (found,) = json.loads(run("worker", "list", "--json").stdout)
    assert found["clock_ahead_seconds"] == seconds
    # The columns of a narrow terminal break its words over lines.
    shown = run("worker", "list").stdout.split()
    assert set(said.split()) <= set(shown)
    assert ("clock" in shown) == ("clock" in said)
