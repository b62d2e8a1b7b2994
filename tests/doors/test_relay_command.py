"""Does "relay list" say what each relay may be given now?"""

import json

from installation import Run


def test_relays_are_listed_with_their_limits(run: Run) -> None:
    (relay,) = json.loads(run("relay", "list", "--json").stdout)
    assert (relay["used"], relay["allowed"], relay["rests"], relay["domains"]) == (0, None, None, [])
    shown = run("relay", "list")
    assert shown.exit_code == 0
    assert "connections" in shown.stdout
