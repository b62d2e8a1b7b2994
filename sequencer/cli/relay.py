"""How does an admin see what relays may be given now?"""

from collections.abc import Sequence

import click
from rich.table import Table

from sequencer.cli import frame
from sequencer.flows import standing
from sequencer.flows.standing import Standing


@click.group()
def relay() -> None:
    """See what relays may be given now, over all workers."""


@relay.command("list")
@frame.json_option
@click.pass_context
def list_relays(ctx: click.Context, *, as_json: bool) -> None:
    """List the relays: rate, quota, warm-up, connections, what is left alone for how long, and domains' throttles."""
    with frame.opened(ctx) as app:
        found = standing.standings(app.db, app.settings.all_relays, now=app.clock())
    if as_json:
        frame.print_json([_plain(one) for one in found])
        return
    table = frame.table("relay", "rate", "free in", "last 24 h", "warm-up", "connections", "rests", "domains resting")
    for one in found:
        table.add_row(
            one.relay.name,
            f"{one.relay.rate:g}/s" if one.relay.rate else "any",
            f"{one.free_in:.0f} s" if one.relay.rate else "",
            f"{one.used} of {one.allowed}" if one.allowed is not None else "any",
            f"day {one.warm_up_day}" if one.warm_up_day is not None else "",
            str(one.relay.connections),
            _rest(one),
            ", ".join(f"{rest.domain} ({rest.left:.0f} s)" for rest in one.resting),
        )
    frame.console.print(table)
    if any(one.throttled for one in found):
        frame.console.print(_throttles(found))


def _rest(one: Standing) -> str:
    if one.paused:
        return f"paused: {one.paused}"
    return f"{one.rest.left:.0f} s: {one.rest.reason}" if one.rest else ""


def _throttles(found: Sequence[Standing]) -> Table:
    table = frame.table("relay", "domain", "throttle", "free in", "line")
    for one in found:
        for domain in one.throttled:
            times = (f"{seconds:.0f} s" if seconds else "" for seconds in (domain.free_in, domain.line))
            table.add_row(one.relay.name, domain.domain, str(domain.throttle), *times)
    return table


def _plain(one: Standing) -> dict[str, object]:
    return {
        "relay": one.relay.name,
        "rate": one.relay.rate or None,
        "free_in": round(one.free_in, 3),
        "used": one.used,
        "newsletters": one.issues,
        "allowed": one.allowed,
        "warm_up_day": one.warm_up_day,
        "connections": one.relay.connections,
        "paused": one.paused or None,
        "rests": {"seconds": round(one.rest.left), "reason": one.rest.reason} if one.rest else None,
        "domains": [{"domain": rest.domain, "seconds": round(rest.left)} for rest in one.resting],
        "throttled": [
            {
                "domain": domain.domain,
                "throttle": str(domain.throttle),
                "free_in": round(domain.free_in, 3),
                "line": round(domain.line, 3),
            }
            for domain in one.throttled
        ],
    }
