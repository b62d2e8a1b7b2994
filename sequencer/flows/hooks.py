"""How does an admin register a program that is to be told of events, look after it, and make it hear things again?"""

import base64
import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sequencer.core import hooks as core
from sequencer.core.hooks import Call, CallId, Event, Happening, Hook, HookId, Reply, Unsent
from sequencer.delivery import outside
from sequencer.delivery.hooks import Caller, Letter
from sequencer.errors import Conflict, NotFound
from sequencer.flows import calling
from sequencer.store import calls, hooks
from sequencer.store.calls import Logged
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A hook as it is asked for. `insecure`: it is on this machine, where it may do without TLS."""

    name: str
    url: str
    events: Sequence[Happening]
    insecure: bool = False
    with_address: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did: so many calls are due again; `enabled`: it was disabled, and is not any more."""

    calls: int
    enabled: bool


def add(db: Database, wish: Wish, *, now: datetime) -> str:
    """A new hook; its secret, to be shown this once. Raises Conflict where the name is taken, and BadRequest."""
    outside.check(wish.url, insecure=wish.insecure)
    secret = _secret()
    hook = Hook(
        id=HookId(0),
        name=wish.name,
        url=wish.url,
        secret=secret,
        events=frozenset(wish.events),
        created_at=now,
        insecure=wish.insecure,
        with_address=wish.with_address,
    )
    with db.begin() as tx:
        if not hooks.add(tx, hook):
            raise Conflict(f'There is a hook "{wish.name}" already; choose another name.')
    log.info("hook.added", extra={"hook": wish.name, "events": ",".join(sorted(wish.events))})
    return secret


def listed(db: Database) -> Sequence[Hook]:
    """All hooks, the oldest first."""
    with db.read() as tx:
        return hooks.listed(tx)


def told(db: Database, name: str, *, limit: int) -> Sequence[Logged]:
    """The last calls of a hook, the newest first. Raises NotFound."""
    with db.read() as tx:
        return calls.log(tx, _found(tx, name).id, limit=limit)


def replay(db: Database, name: str, *, since: datetime | None, now: datetime) -> Replayed:
    """What did not get through is sent again, with the ids that it had; with `since`, all that happened since then.

    A hook that was disabled is called again. Raises NotFound.
    """
    with db.begin() as tx:
        hook = _locked(tx, name)
        fresh = replace(hook, disabled_at=None, why="", failing_since=None, rests_until=None)
        hooks.save(tx, fresh)
        count = calls.replay(tx, hook.id, since=since, now=now)
    log.info("hook.replayed", extra={"hook": name, "calls": count})
    return Replayed(calls=count, enabled=hook.disabled_at is not None)


def rotate(db: Database, name: str, *, now: datetime) -> str:
    """A new secret, to be shown this once; for a day the one before signs too. Raises NotFound."""
    secret = _secret()
    with db.begin() as tx:
        hook = _locked(tx, name)
        hooks.save(tx, replace(hook, secret=secret, old_secret=hook.secret, old_until=now + core.ROTATION))
    log.info("hook.rotated", extra={"hook": name})
    return secret


def remove(db: Database, name: str) -> None:
    """The hook is told nothing any more, and its log goes with it. Raises NotFound."""
    with db.begin() as tx:
        hook = _locked(tx, name)
        calls.drop_all(tx, hook.id)
        hooks.remove(tx, hook.id)
    log.info("hook.removed", extra={"hook": name})


def test(db: Database, caller: Caller, name: str, *, now: datetime) -> Reply:
    """What the hook answers to a made-up event, sent at once and once; nothing is kept of it. Raises NotFound."""
    with db.read() as tx:
        hook = _found(tx, name)
    event = Event(id=0, name=core.TEST, payload=json.dumps({"hook": name}), happened_at=now)
    call = Call(id=CallId(0), attempt=1, hook=hook, event=event)
    found: list[Reply] = []

    def settle(answers: Sequence[tuple[Letter, Reply]]) -> None:
        found.extend(reply for _, reply in answers)

    caller.post([[calling.letter(call, now=now)]], settle, now=now)
    return found[0] if found else Unsent()


def _secret() -> str:
    return core.spell(base64.b64encode(secrets.token_bytes(core.SECRET_BYTES)).decode())


def _locked(tx: Transaction, name: str) -> Hook:
    hook = hooks.lock(tx, name)
    if hook is None:
        raise _unknown(name)
    return hook


def _found(tx: Transaction, name: str) -> Hook:
    hook = next((one for one in hooks.listed(tx) if one.name == name), None)
    if hook is None:
        raise _unknown(name)
    return hook


def _unknown(name: str) -> NotFound:
    return NotFound(f'There is no hook "{name}"; "sequencer hook list" shows all.')
