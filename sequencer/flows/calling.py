"""How are other programs told? Calls that are due are claimed, posted and settled; who does not answer is tried again.

At least once: a crash between an answer and its settling repeats that call, with the id that it had.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sequencer.core import hooks as core
from sequencer.core import signatures
from sequencer.core.hooks import Answered, Call, Hook, Reply, Unreached, Unsent, Verdict
from sequencer.delivery.hooks import Letter, Settle
from sequencer.store import calls, hooks
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

BATCH = 20  # calls of one hook in one round
_SIGNATURE = "webhook-signature"


class Post(Protocol):
    """Whoever takes letters to other programs: `delivery.hooks.Caller`."""

    def post(
        self, batches: Sequence[Sequence[Letter]], settle: Settle, *, now: datetime, stop: Callable[[], bool] = ...
    ) -> None:
        """Post them, and say what was answered."""


def call_all(
    db: Database, caller: Post, *, clock: Callable[[], datetime], stop: Callable[[], bool] = lambda: False
) -> None:
    """Round after round, until nothing is due any more or `stop` says so; each asks the clock anew."""
    with db.read() as tx:
        if not hooks.listed(tx):
            return
    more = True
    while more and not stop():
        more = call(db, caller, now=clock(), stop=stop) > 0


def call(db: Database, caller: Post, *, now: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """One round: some of what is due, to all hooks at once; how many calls were tried. None where nothing is due.

    Safe to run twice at once: each call is one's alone while its lease lasts.
    """
    with db.read() as tx:
        if not calls.is_anything_due(tx, now=now):
            return 0
    with db.begin() as tx:
        calls.recover(tx, now=now)
        claimed = [calls.claim(tx, one, now=now, limit=_room(one)) for one in hooks.open_now(tx, now=now)]
    batches = [[letter(one, now=now) for one in some] for some in claimed if some]

    def settle(answers: Sequence[tuple[Letter, Reply]]) -> None:
        _settle(db, answers, now)

    caller.post(batches, settle, now=now, stop=stop)
    return sum(map(len, batches))


def letter(one: Call, *, now: datetime) -> Letter:
    """A call as it is posted: the body is the same in each try, the time and the signatures are of this one."""
    body = core.body(one.event, with_address=one.hook.with_address)
    signed = [_signed(secret, one, now, body) for secret in one.hook.secrets(now)]
    marks = " ".join(headers[_SIGNATURE] for headers in signed)
    headers = {"Content-Type": "application/json", "User-Agent": "sequencer", "Accept-Encoding": "identity"}
    return Letter(call=one, headers={**headers, **signed[0], _SIGNATURE: marks}, body=body)


def _signed(secret: str, one: Call, now: datetime, body: bytes) -> Mapping[str, str]:
    return signatures.sign(secret, delivery=core.name(one.event), at=now, body=body)


def _room(one: Hook) -> int:
    """Who does not answer well is asked one thing at a time."""
    return 1 if one.failing_since is not None else BATCH


def _settle(db: Database, answers: Sequence[tuple[Letter, Reply]], now: datetime) -> None:
    """What came of one hook's batch, in one commit: a crash before it repeats the batch."""
    with db.begin() as tx:
        hook = hooks.hold(tx, answers[0][0].call.hook.id)
        if hook is None:
            return  # it was removed meanwhile, its calls with it
        before = hook
        for one, reply in answers:
            hook = _settled(tx, hook, one.call, reply, now)
        if hook != before:
            hooks.save(tx, hook)
        if hook.disabled_at is not None:
            calls.rest(tx, hook.id)
    if hook.disabled_at is not None and before.disabled_at is None:
        log.error("hook.disabled", extra={"hook": hook.name, "reason": hook.why})


def _settled(tx: Transaction, hook: Hook, one: Call, reply: Reply, now: datetime) -> Hook:
    """The hook as it is after this answer."""
    if isinstance(reply, Unsent):
        calls.release(tx, one, now=now)
        return hook
    verdict = core.judge(reply, replace(one, hook=hook), now=now)
    over = verdict.taken or verdict.again is None
    status, said = (reply.status, reply.reply) if isinstance(reply, Answered) else (None, reply.reason)
    due = None if hook.disabled_at is not None else verdict.again
    if not calls.settle(tx, one, status=status, reply=said, due_at=due, over_at=now if over else None):
        return hook
    _log(one, reply, verdict)
    if verdict.taken:
        return replace(hook, failing_since=None, rests_until=None)
    hook = replace(hook, failing_since=hook.failing_since or now, rests_until=verdict.rests_until or hook.rests_until)
    if verdict.disabled and hook.disabled_at is None:
        hook = replace(hook, disabled_at=now, why=verdict.disabled)
    return hook


def _log(one: Call, reply: Answered | Unreached, verdict: Verdict) -> None:
    """What is said of it holds neither the address of the hook nor the person's."""
    told = {"hook": one.hook.name, "call": one.id, "about": one.event.name, "attempt": one.attempt}
    if isinstance(reply, Answered):
        told["status"] = reply.status
    if verdict.taken:
        log.info("hook.called", extra=told)
    elif verdict.again is None:
        log.warning("hook.given_up", extra=told)
    else:
        log.info("hook.deferred", extra=told)
