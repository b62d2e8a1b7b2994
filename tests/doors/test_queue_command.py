"""Does an admin see how the queue stands, as words and as JSON?"""

import json

from installation import Run

EMAIL = "reader@example.org"


def test_an_empty_queue_is_told_in_a_few_lines(run: Run) -> None:
    assert run("queue", "status").stdout.splitlines() == [
        "Lessons: 0 due; 0 within the hour, 0 within the day.",
        "Senders hold 0: 0 claimed, 0 on the wire, 0 for longer than their lease.",
        "Uncertain: 0.",
        "Nothing waits in the ledger.",
    ]


def test_what_is_due_what_waits_and_what_stands_still_is_told(run: Run) -> None:
    run("course", "apply", "small")
    run("subscriber", "add", EMAIL)
    run("subscriber", "add", "second@example.org", "--confirmed", "at the fair")
    run("pause", "--reason", "The relay is blocked")
    run("course", "pause", "small", "--reason", "A wrong link")
    said = run("queue", "status").stdout
    assert "; 0 within the hour, 1 within the day." in said or "; 1 within the hour, 1 within the day." in said
    assert '(The relay is blocked); "sequencer resume" lets it go on.' in said
    assert '(A wrong link); "sequencer course resume small" lets it go on.' in said
    assert "confirmation  first try  1         1" in said


def test_programs_get_the_queue_as_json(run: Run) -> None:
    run("course", "apply", "small")
    run("subscriber", "add", EMAIL)
    run("course", "pause", "small", "--reason", "A wrong link")
    found = json.loads(run("queue", "status", "--json").stdout)
    assert found["lessons"]["due"] == {"number": 0, "more": False}
    assert found["lessons"]["lag_seconds"] == 0
    assert found["waiting"] == [{"kind": "confirmation", "state": "queued", "number": 1, "due": 1}]
    assert found["held"] == {"claimed": 0, "sending": 0, "expired": 0}
    assert found["uncertain"] == {"number": 0, "more": False, "on_hold": 0}
    (still,) = found["still"]
    assert (still["scope"], still["name"], still["reason"]) == ("course", "small", "A wrong link")
