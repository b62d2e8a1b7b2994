"""How does a program learn what the API takes and gives? From /openapi.json, made of the table that rules requests."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sequencer import __version__
from sequencer.core.keys import MEANINGS
from sequencer.web.api import calls, operations, problems, schemas
from sequencer.web.api.calls import Operation
from sequencer.web.api.problems import KINDS, Kind
from sequencer.web.api.schemas import Schema

# What any request may meet; the others stand in an operation's row.
_ALWAYS = (
    Kind.UNAUTHENTICATED,
    Kind.SCOPE_MISSING,
    Kind.NOT_ACCEPTABLE,
    Kind.INVALID,
    Kind.TOO_MANY,
    Kind.FAILURE,
    Kind.UNAVAILABLE,
)
_WITH_BODY = (Kind.MALFORMED, Kind.TOO_SLOW, Kind.TOO_LARGE, Kind.WRONG_TYPE)
_HEADERS = {
    "RateLimit-Policy": "The key's quota: q requests in w seconds.",
    "RateLimit": "What is left of it: r requests; it is whole again in t seconds.",
}
_TEXT: Schema = {"type": "string"}


@cache
def document(base_url: str) -> bytes:
    """The description of the API (OpenAPI 3.1) at this address."""
    paths: dict[str, Any] = {}
    for one in operations.OPERATIONS:
        paths.setdefault(calls.ROOT + one.path, {})[one.method.lower()] = _operation(one)
    said = {
        "openapi": "3.1.0",
        "info": {
            "title": "The sequencer's API",
            "version": __version__,
            "description": "People, their places in courses, and what happened to them. docs/api.md tells it in prose.",
        },
        "servers": [{"url": base_url}],
        "externalDocs": {"url": base_url + problems.DOCUMENT},
        "paths": paths,
        "components": {
            "schemas": schemas.COMPONENTS,
            "responses": {kind.value: _problem(kind) for kind in Kind},
            "headers": {name: {"description": meaning, "schema": _TEXT} for name, meaning in _HEADERS.items()},
            "securitySchemes": {"key": _security()},
        },
    }
    return json.dumps(said, ensure_ascii=False, default=dict).encode()


def _security() -> Schema:
    scopes = "\n".join(f"- `{scope}`: {meaning}" for scope, meaning in MEANINGS.items())
    return {"type": "http", "scheme": "bearer", "description": f"A key with the scope that is named.\n\n{scopes}"}


def _operation(one: Operation) -> Schema:
    found: dict[str, Any] = {
        "operationId": one.id,
        "summary": one.summary,
        "tags": [one.path.split("/")[1]],
        "security": [{"key": [one.scope]}],
        "parameters": list(_parameters(one)),
        "responses": {**_answers(one), **_refusals(one)},
    }
    if one.body:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas.ref(one.body)}}}
    return found


def _parameters(one: Operation) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", one.path):
        yield {"name": name, "in": "path", "required": True, "schema": operations.PATH_PARAMETERS[name]}
    for name, schema in one.parameters.items():
        yield {"name": name, "in": "query", "schema": schema}
    for name, schema in one.headers.items():
        yield {"name": name, "in": "header", "schema": schema}


def _answers(one: Operation) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for status, name in one.answers.items():
        headers = {header: {"$ref": f"#/components/headers/{header}"} for header in _HEADERS}
        found[str(status)] = {"description": "Done." if name else "Done; there is nothing to say.", "headers": headers}
        if name:
            found[str(status)]["content"] = {"application/json": {"schema": schemas.ref(name)}}
    return found


def _refusals(one: Operation) -> Mapping[str, Any]:
    """A response for each status: the kinds of problems that share one share it."""
    kinds = {*_ALWAYS, *one.problems}
    if "{" in one.path:
        kinds.add(Kind.NOT_FOUND)
    if one.body:
        kinds.update(_WITH_BODY)
    if one.method == "POST":
        kinds.add(Kind.KEY_REUSED)
    if one.method == "PATCH":
        kinds.add(Kind.CHANGED_MEANWHILE)
    found: dict[str, Any] = {}
    for kind in Kind:
        if kind in kinds:
            found.setdefault(str(KINDS[kind][0]), {"$ref": f"#/components/responses/{kind}"})
    return found


def _problem(kind: Kind) -> Schema:
    return {
        "description": KINDS[kind][1],
        "content": {problems.MEDIA_TYPE: {"schema": schemas.ref("Problem")}},
    }
