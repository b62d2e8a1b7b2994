"""Does "relay list" say what each relay may be given now?"""

import json
from pathlib import Path

from installation import SETTINGS, Run

from sequencer.core.rates import SECOND
from sequencer.store import rates
from sequencer.store.database import connect


def test_relays_are_listed_with_their_limits(run: Run) -> None:
    (relay,) = json.loads(run("relay", "list", "--json").stdout)
    assert (relay["used"], relay["allowed"], relay["rests"], relay["domains"]) == (0, None, None, [])
    assert relay["throttled"] == []
    shown = run("relay", "list")
    assert shown.exit_code == 0
    assert "connections" in shown.stdout


def test_throttled_domains_are_listed_with_how_far_they_are_used(run: Run, folder: Path) -> None:
    relay_url = 'relay_url = "smtp://127.0.0.1:1?timeout=1"\n'
    table = '[relays.own]\nurl = "smtp://127.0.0.1:1"\n[relays.own.domains]\n"web.de" = "5/hour"\n"*" = "9/day"\n'
    (folder / "sequencer.toml").write_text(SETTINGS.replace(relay_url, "") + table, encoding="utf-8")
    assert run("relay", "list").exit_code == 0
    db = connect("sqlite:///test.db", root=folder)
    names = ["own/web.de", "own/web.de lessons", "own/example.com", "other/example.org"]
    with db.begin() as tx:
        rates.make(tx, names)
        _, now = rates.lock_all(tx, names)
        rates.keep(tx, {names[0]: now + 700 * SECOND, names[1]: now + 2000 * SECOND, names[2]: now + 50 * SECOND})
    db.close()
    (relay,) = json.loads(run("relay", "list", "--json").stdout)
    seen = [
        (one["domain"], one["throttle"], round(one["free_in"], -2), round(one["line"], -2))
        for one in relay["throttled"]
    ]
    assert seen == [("*", "9/day", 0, 0), ("web.de", "5/hour", 700, 2000), ("example.com", "9/day", 0, 0)]
    shown = run("relay", "list").stdout
    assert "5/hour" in shown
    assert "line" in shown
