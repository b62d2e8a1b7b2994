"""How is a request of a program answered? Key, quota, scope, words; then the act and its answer in one transaction."""

import hashlib
import json
import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sequencer.app import App
from sequencer.core.keys import Key
from sequencer.errors import SequencerError
from sequencer.flows import keys
from sequencer.flows.keys import Answer, Asked
from sequencer.store.database import Transaction
from sequencer.web.api import calls, operations, problems, reading, schemas
from sequencer.web.api.calls import Call, Operation
from sequencer.web.api.limits import Limits
from sequencer.web.api.problems import Kind, Refused
from sequencer.web.api.reading import Checker

log = logging.getLogger(__name__)

_READ_BY = ("*/*", "application/*", "application/json", problems.MEDIA_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A request as it came; its body is read."""

    request: Request
    body: bytes
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checks:
    """What the words of an operation are checked by."""

    query: Checker
    headers: Checker
    body: Checker | None

    @classmethod
    def of(cls, one: Operation) -> "_Checks":
        """Made once: that takes longer than to check."""
        return cls(
            query=Checker(schemas.obj(one.parameters, required=())),
            headers=Checker(schemas.obj(one.headers, required=())),
            body=Checker(schemas.COMPONENTS[one.body]) if one.body else None,
        )


class Desk:
    """Answers for one program: knows what keys may still ask, and the checkers of all schemas."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._limits = Limits(app.db, app.settings.api_per_minute)
        self._checks = {one.id: _Checks.of(one) for one in operations.OPERATIONS}

    async def answer(self, request: Request, operation: Operation) -> Response:
        """The answer to a request for this operation."""
        body = await request.body() if operation.body else b""
        letter = Letter(request=request, body=body, now=self._app.clock())
        return await run_in_threadpool(self._answer, letter, operation)

    def _answer(self, letter: Letter, operation: Operation) -> Response:
        key = self._key(letter.request)
        spent = self._limits.spend(key.id, letter.now)
        if spent.allowed:
            response = self._allowed(letter, operation, key)
        else:
            response = problems.answer(Kind.TOO_MANY, f"This key has asked too often; ask again in {spent.wait} s.")
        response.headers.update(self._limits.headers(spent))
        if keys.is_to_be_noted(key, letter.now):
            response.background = BackgroundTask(self._note_use, key, letter.now)
        if operation.writes:
            told = {"key": key.id, "operation": operation.id, "status": response.status_code}
            log.info("api.answered", extra=told)
        return response

    def _allowed(self, letter: Letter, operation: Operation, key: Key) -> Response:
        try:
            call = self._call(letter, operation, key)
            answer = self._act(operation, call)
        except SequencerError as error:
            return problems.of(error)
        return _response(letter.request, operation, answer)

    def _key(self, request: Request) -> Key:
        """Whose request it is. Raises Refused."""
        given = request.headers.getlist("authorization")
        scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            sentence = 'Send a key in one header like "Authorization: Bearer sq_…"; "sequencer key new" makes one.'
            raise Refused(Kind.UNAUTHENTICATED, sentence, headers={"WWW-Authenticate": 'Bearer realm="sequencer"'})
        key = keys.known(self._app.db, text.strip())
        if key is None:
            challenge = 'Bearer realm="sequencer", error="invalid_token"'
            sentence = "This key is none of ours, or was revoked."
            raise Refused(Kind.UNAUTHENTICATED, sentence, headers={"WWW-Authenticate": challenge})
        return key

    def _call(self, letter: Letter, operation: Operation, key: Key) -> Call:
        """The request, its words checked. Raises Refused."""
        request = letter.request
        call = Call(
            settings=self._app.settings,
            key=key,
            now=letter.now,
            path=f"{calls.ROOT}{operation.path}",
            named=request.path_params,
        )
        call.insist(operation.scope)
        _refuse_other_media(request, operation)
        checks = self._checks[operation.id]
        said = [(name, text) for name in operation.headers for text in request.headers.getlist(name)]
        return replace(
            call,
            query=reading.parameters(request.query_params.multi_items(), operation.parameters, checks.query),
            headers=reading.parameters(said, operation.headers, checks.headers),
            body=reading.body(letter.body, checks.body) if checks.body else {},
        )

    def _act(self, operation: Operation, call: Call) -> Answer:
        def act(tx: Transaction) -> Answer:
            reply = operation.act(tx, call)
            return Answer(status=reply.status, body="" if reply.body is None else calls.spell(reply.body))

        if not operation.writes:
            return keys.look(self._app.db, act)
        return keys.once(self._app.db, _asked(operation, call), act, now=call.now)

    def _note_use(self, key: Key, now: datetime) -> None:
        """After the answer is out: nobody waits for this, nor hears of it where it fails."""
        try:
            keys.note_use(self._app.db, key.id, now=now)
        except SequencerError as error:
            log.warning("key.not_noted", extra={"key": key.id, "reason": str(error)})


def _asked(operation: Operation, call: Call) -> Asked | None:
    """What tells this request from others, where the caller gave it a name."""
    name = call.headers.get("Idempotency-Key")
    if not name:
        return None
    said = f"{operation.id}\n{json.dumps(call.body, sort_keys=True)}"
    return Asked(key=call.key.id, name=name, request=hashlib.sha256(said.encode()).hexdigest())


def _response(request: Request, operation: Operation, answer: Answer) -> Response:
    headers = {"Idempotency-Replayed": "true"} if answer.again else {}
    if not answer.body:
        return Response(status_code=answer.status, headers=headers)
    said = json.loads(answer.body)
    if operation.path.endswith("}"):
        headers["ETag"] = calls.etag(answer.body)
        known = request.headers.get("if-none-match", "")
        if operation.method == "GET" and known and calls.matches(known, headers["ETag"]):
            return Response(status_code=304, headers=headers)
    if answer.status == 201:  # noqa: PLR2004 (an HTTP status)
        headers["Location"] = f"{calls.ROOT}{operation.path}/{said['id']}"
    if said.get("next"):
        headers["Link"] = f'<{said["next"]}>; rel="next"'
    return Response(answer.body, status_code=answer.status, headers=headers, media_type="application/json")


def _refuse_other_media(request: Request, operation: Operation) -> None:
    """Raises Refused for who cannot read JSON, or sends something else."""
    accept = ",".join(request.headers.getlist("accept")).lower()
    if accept.strip() and not any(_is_wanted(one) for one in accept.split(",")):
        raise Refused(Kind.NOT_ACCEPTABLE, 'The answer would be JSON; accept "application/json".')
    if not operation.body:
        return
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    encoded = request.headers.get("content-encoding", "identity").lower() != "identity"
    if kind.strip() != "application/json" or charset not in ("", "charset=utf-8") or encoded:
        raise Refused(
            Kind.WRONG_TYPE,
            'Send the body as "application/json", in UTF-8 and not compressed.',
            headers={"Accept": "application/json", "Accept-Patch": "application/json"},
        )


def _is_wanted(one: str) -> bool:
    kind, _, parameters = one.replace(" ", "").partition(";")
    return kind in _READ_BY and not re.search(r"(^|;)q=0(\.0*)?(;|$)", parameters)
