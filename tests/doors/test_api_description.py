"""Do /openapi.json and docs/api.md say what the API does? Each example is run as it stands there."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from door import Door, served
from house import House, small_course
from program import Program

from sequencer.core.keys import MEANINGS
from sequencer.store.database import Database
from sequencer.web import asgi
from sequencer.web.api import calls, operations, reading, schemas
from sequencer.web.api.problems import KINDS

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def said(quiet_door: Door) -> Any:
    """What /openapi.json says."""
    answer = quiet_door.ask.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.content)


def walk(value: object) -> Iterator[tuple[str, object]]:
    """Every key of a document with what is below it."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield name, below
            yield from walk(below)
    elif isinstance(value, list):
        for below in value:
            yield from walk(below)


# /openapi.json


def test_every_operation_is_described_once(said: Any) -> None:
    described = {
        (method.upper(), path.removeprefix(calls.ROOT)): one
        for path, methods in said["paths"].items()
        for method, one in methods.items()
    }
    assert set(described) == {(one.method, one.path) for one in operations.OPERATIONS}
    assert len({one["operationId"] for one in described.values()}) == len(operations.OPERATIONS)
    for row in operations.OPERATIONS:
        assert described[row.method, row.path]["security"] == [{"key": [row.scope]}]


def test_everything_that_is_referred_to_is_there(said: Any) -> None:
    for name, value in walk(said):
        if name == "$ref":
            found = said
            for part in str(value).removeprefix("#/").split("/"):
                found = found[part]
    for schema in said["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_where_the_service_is_stands_in_the_description(said: Any) -> None:
    assert said["openapi"] == "3.1.0"
    assert said["servers"] == [{"url": "https://mail.example.org"}]
    assert said["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_there_is_a_sentence_for_whatever_a_schema_may_find_wrong() -> None:
    bodies = [schemas.COMPONENTS[one.body] for one in operations.OPERATIONS if one.body]
    queries = [dict(one.parameters) for one in operations.OPERATIONS]
    headers = [dict(one.headers) for one in operations.OPERATIONS]
    checked = json.loads(json.dumps([bodies, queries, headers], default=dict))
    words = dict(walk(checked))
    silent = {"properties", "required", "additionalProperties", "items", "description", "default"}
    keywords = set(words) - silent - {name for name, value in walk(checked) if isinstance(value, dict)}
    assert keywords <= set(reading._SENTENCES)
    patterns = {str(value) for name, value in walk(checked) if name == "pattern"}
    assert patterns <= set(schemas.PATTERNS)


# docs/api.md


def test_the_page_names_every_scope_with_its_meaning() -> None:
    table = PAGE.partition("<!-- scopes -->\n")[2].partition("<!-- end -->")[0]
    rows = [f"| `{scope}` | {meaning} |" for scope, meaning in MEANINGS.items()]
    assert table.splitlines()[2:] == rows


def test_the_page_has_a_section_for_every_kind_of_problem() -> None:
    sections = dict(re.findall(r"^### ([\w-]+)\n\n(\d{3})\. ", PAGE, re.MULTILINE))
    assert sections == {kind.value: str(status) for kind, (status, _) in KINDS.items()}


def test_the_type_of_a_problem_leads_to_its_section(quiet_door: Door) -> None:
    refused = quiet_door.ask.get("/api/v1/forms").json()
    document, _, anchor = refused["type"].partition("#")
    answer = quiet_door.ask.get(document)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert f"\n### {anchor}\n" in answer.text


@pytest.fixture
def site(db: Database) -> Iterator[tuple[str, str]]:
    """The address of a service of its own, and a key for everything."""
    house = House(db)
    house.publish(small_course(exit_on=("bought",)))
    door = Door(house)
    with door.open(), Program(door) as program, served(asgi.build(door.app)) as url:
        yield url, program.key


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are commands for curl")
def test_every_example_on_the_page_does_what_the_page_says(site: tuple[str, str]) -> None:
    url, key = site
    examples = re.findall(r"```sh\n(.*?)```(?:\n\n```json\n(.*?)```)?", PAGE, re.DOTALL)
    assert len(examples) > 8
    for command, answer in examples:
        done = subprocess.run(  # noqa: S602 (our own page)
            command.replace("curl -s", "curl -s --fail-with-body" if "emial" not in command else "curl -s"),
            shell=True, env={**os.environ, "SITE": url, "KEY": key}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout)
        if answer:
            assert json.loads(done.stdout) == json.loads(answer), command
