"""Who gets in at the API, and what is said to those who do not know how to ask?"""

import json
import logging
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from door import Door, wait_until
from house import DAY, NOW, House, small_course
from program import Program, bring, problem
from sqlalchemy import text

from sequencer.core import keys as core
from sequencer.core.keys import Scope
from sequencer.flows import keys
from sequencer.store import events
from sequencer.store.database import connect

EMAIL = "reader@example.org"
SIGN_UP = {"email": EMAIL, "form": "newsletter"}
TAKEN = {"email": "ann@example.org", "name": "bought"}
JSON = {"content-type": "application/json"}


@pytest.fixture
def program(door: Door) -> Iterator[Program]:
    """A program whose key is good for everything."""
    with Program(door) as opened:
        yield opened


@pytest.fixture(scope="module")
def quick(quiet_door: Door) -> Iterator[Program]:
    """The same on SQLite alone, for all tests that leave nothing behind."""
    bring(quiet_door.house, "ann")
    with Program(quiet_door) as opened:
        yield opened


# Keys


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Basic c3E6",
        "Token sq_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "Bearer sq_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "Bearer ' OR 1=1 --",
        "Bearer null",
        "Bearer " + "x" * 10_000,
    ],
)
def test_nobody_gets_in_without_a_key(quiet_door: Door, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    for method, path in (("GET", "/subscribers"), ("POST", "/subscribers"), ("DELETE", "/subscribers/1")):
        answer = quiet_door.ask.request(method, f"/api/v1{path}", headers=headers)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith('Bearer realm="sequencer"')


def test_a_key_that_is_nearly_right_is_wrong(quick: Program) -> None:
    key = quick.key
    other = "A" if key[-2] != "A" else "B"
    near = [key[:-1], key + "A", key[:-2] + other + key[-1], key.swapcase(), core.digest(key), key.removeprefix("sq_")]
    for forged in near:
        answer = quick.ask.get("/forms", headers={"authorization": f"Bearer {forged}"})
        problem(answer, 401, "unauthenticated")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert quick.ask.get("/forms", headers={"authorization": f"bearer  {key}"}).status_code == 200


def test_two_keys_in_one_request_are_none(quick: Program) -> None:
    twice = [("authorization", f"Bearer {quick.key}"), ("authorization", "Bearer sq_other")]
    headers = [(name, value) for name, value in quick.ask.headers.multi_items() if name != "authorization"]
    answer = quick.ask.build_request("GET", "/forms", headers=[*headers, *twice])
    answer.headers = type(answer.headers)([*headers, *twice])
    problem(quick.ask.send(answer), 401, "unauthenticated")


def test_a_revoked_key_opens_nothing_from_the_next_request_on(door: Door, program: Program) -> None:
    assert program.ask.get("/forms").status_code == 200
    keys.revoke(door.house.db, "a program", now=NOW)
    problem(program.ask.get("/forms"), 401, "unauthenticated")


REQUESTS = {
    Scope.READ_SUBSCRIBERS: [("GET", "/subscribers", None), ("GET", "/subscribers/1", None)],
    Scope.WRITE_SUBSCRIBERS: [("POST", "/subscribers", SIGN_UP), ("PATCH", "/subscribers/1", {"name": "A"})],
    Scope.READ_ENROLMENTS: [("GET", "/enrolments", None), ("GET", "/enrolments/1", None)],
    Scope.WRITE_ENROLMENTS: [
        ("POST", "/enrolments", {"subscriber": 1, "course": "small"}),
        ("PATCH", "/enrolments/1", {"pace": "weekly"}),
        ("DELETE", "/enrolments/1", None),
    ],
    Scope.WRITE_EVENTS: [("POST", "/events", TAKEN)],
    Scope.WRITE_SUPPRESSIONS: [("POST", "/suppressions", {"email": "dead@example.org", "reason": "bounce"})],
    Scope.READ_FORMS: [("GET", "/forms", None), ("GET", "/forms/newsletter", None)],
    Scope.READ_COURSES: [("GET", "/courses", None), ("GET", "/courses/small", None)],
    Scope.ERASE_SUBSCRIBERS: [("DELETE", "/subscribers/1", None)],
    # These alone are good for nothing: they add to what others are good for.
    Scope.IMPORT_SUBSCRIBERS: [],
    Scope.READ_SUPPRESSIONS: [],
}


def test_a_key_is_good_for_its_scopes_and_nothing_else(sqlite_door: Door) -> None:
    assert set(REQUESTS) == set(Scope)
    bring(sqlite_door.house, "ann")
    for scope in REQUESTS:
        with Program(sqlite_door, [scope], name=scope) as program:
            for needed, requests in reversed(REQUESTS.items()):
                for method, path, body in requests:
                    answer = program.ask.request(method, path, json=body)
                    if needed is scope:
                        assert answer.is_success, answer.text
                    else:
                        problem(answer, 403, "scope-missing")
                        assert f'scope="{needed}"' in answer.headers["www-authenticate"]


def test_no_key_is_ever_written_down(
    door: Door, program: Program, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    program.post("/subscribers", 202, key="a-name", **SIGN_UP)
    program.ask.get("/nowhere")
    program.ask.post("/subscribers", content=b"{", headers=JSON)
    secret = program.key.removeprefix("sq_")
    assert caplog.records
    assert secret not in caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert secret not in door.ask.get("/openapi.json").text
    assert secret not in repr(keys.listed(door.house.db))
    if door.house.db.is_sqlite:
        files = [path for path in tmp_path.iterdir() if path.name.startswith("test.db")]
        assert files
        assert not [path for path in files if secret.encode() in path.read_bytes()]


# Browsers


def test_no_page_of_another_site_may_use_the_api(quick: Program) -> None:
    origin = {"origin": "https://evil.example"}
    preflight = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    answers = [
        quick.ask.get("/subscribers", headers=origin),
        quick.ask.post("/subscribers", json=SIGN_UP, headers=origin),
        quick.ask.options("/subscribers", headers=preflight),
    ]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
    problem(answers[2], 405, "wrong-method")


# How HTTP is spoken


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/subscribers", "GET, HEAD, POST"),
        ("DELETE", "/subscribers", "GET, HEAD, POST"),
        ("POST", "/subscribers/1", "DELETE, GET, HEAD, PATCH"),
        ("GET", "/events", "POST"),
        ("HEAD", "/events", "POST"),
        ("TRACE", "/forms", "GET, HEAD"),
        ("PROPFIND", "/courses", "GET, HEAD"),
    ],
)
def test_a_method_that_is_none_here_is_told_which_are(quick: Program, method: str, path: str, allowed: str) -> None:
    answer = quick.ask.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_head_says_what_get_would_without_its_body(quick: Program) -> None:
    head, get = quick.ask.head("/courses/small"), quick.ask.get("/courses/small")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["/nowhere", "/", "", "/subscribers/", "/subscribers/1/x", "/courses/a%0Ab", "/%0A"])
def test_where_there_is_nothing_a_program_gets_no_page(quick: Program, path: str) -> None:
    answer = quick.ask.get(path)
    if path:
        problem(answer, 404, "not-found")
    else:
        assert answer.status_code in (200, 404)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 406), ("application/xml, text/*", 406), ("application/json;q=0", 406),
        ("*/*;q=0.0, text/html", 406), ("*/*", 200), ("application/*;q=0.1", 200), ("", 200),
        ("text/html, application/json;q=0.5", 200), ("APPLICATION/JSON", 200), ("application/problem+json", 200),
    ],
)  # fmt: skip
def test_who_cannot_read_json_is_told_that_there_is_nothing_else(quick: Program, accept: str, status: int) -> None:
    answer = quick.ask.get("/forms", headers={"accept": accept})
    assert answer.status_code == status
    if status == 406:
        problem(answer, 406, "not-acceptable")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/jsonp"},
        {**JSON, "content-encoding": "gzip"},
    ],
)
def test_a_body_that_is_no_json_is_refused(quick: Program, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/subscribers"), ("PATCH", "/subscribers/1")):
        answer = quick.ask.request(method, path, content=json.dumps(SIGN_UP), headers=headers)
        problem(answer, 415, "wrong-type")
        assert answer.headers["accept-patch"] == "application/json"


@pytest.mark.parametrize(
    "kind", ["Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_known_whatever_its_case_and_parameters(quick: Program, kind: str) -> None:
    answer = quick.ask.post("/subscribers", content=json.dumps(SIGN_UP), headers={"content-type": kind})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "not valid JSON"),
        (b'{"email": NaN}', "NaN"),
        (b'{"email": -Infinity}', "-Infinity"),
        (b'{"email": 1e999}', "too large"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"data": {"a": 1, "a": 2}}', "twice"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        ('{"name": "x"}'.encode("utf-16"), "not UTF-8"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": ""}', "surrogate"),
        (b'{"name": "a\\u0000b"}', "U+0000"),
        (b'{"data": ["\\u0000"]}', "U+0000"),
        (b"[" * 100 + b"]" * 100, "nested"),
        (b"[" * 20_000 + b"]" * 20_000, "nested"),
        (b'{"a":' * 10_000, "nested"),
        (b'{"n": ' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_a_sentence(quick: Program, body: bytes, words: str) -> None:
    said = problem(quick.ask.post("/events", content=body, headers=JSON), 400, "malformed")
    assert words in said["detail"]


def test_a_body_that_is_too_large_is_refused(quick: Program) -> None:
    problem(quick.ask.post("/events", content=b'"' + b"x" * 70_000, headers=JSON), 413, "too-large")

    def pieces() -> Iterator[bytes]:
        for _ in range(70):
            yield b"x" * 1000

    problem(quick.ask.post("/events", content=pieces(), headers=JSON), 413, "too-large")


def test_numbers_that_look_whole_are_whole(quick: Program) -> None:
    content = b'{"subscriber": 1.0, "name": "looked"}'
    assert quick.ask.post("/events", content=content, headers=JSON).status_code == 202


# Asking twice


def test_the_same_request_with_the_same_key_is_acted_on_once_and_answered_alike(door: Door, program: Program) -> None:
    door.house.publish(small_course(slug="other"))
    (ann,) = bring(door.house, "ann")
    body = {"subscriber": ann.id, "course": "other"}
    answers = [program.ask.post("/enrolments", json=body, headers={"idempotency-key": "k"}) for _ in range(3)]
    assert {(one.status_code, one.content, one.headers["location"]) for one in answers} == {
        (201, answers[0].content, answers[0].headers["location"])
    }
    assert [one.headers.get("idempotency-replayed") for one in answers] == [None, "true", "true"]
    assert program.post("/enrolments", 200, **body)["id"] == answers[0].json()["id"]
    again = {"course": "other", "subscriber": ann.id}
    assert program.post("/enrolments", 201, key="k", **again) == answers[0].json()


def test_of_many_that_ask_the_same_at_once_one_acts_and_all_hear_the_same(door: Door, program: Program) -> None:
    (ann,) = bring(door.house, "ann")

    def ask(_: int) -> tuple[int, bytes, str]:
        answer = program.ask.post("/events", json=TAKEN, headers={"idempotency-key": "k"})
        return answer.status_code, answer.content, answer.headers.get("idempotency-replayed", "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert {(status, body) for status, body, _ in answers} == {(202, b'{"status":"taken"}')}
    assert sorted(again for _, _, again in answers) == ["", *["true"] * 15]
    with door.house.db.read() as tx:
        assert len(events.of(tx, ann.id)) == 1


def test_the_same_key_with_another_request_is_refused(door: Door, program: Program) -> None:
    bring(door.house, "ann")
    program.post("/events", 202, key="k", **TAKEN)
    for path, body in (("/events", {**TAKEN, "name": "looked"}), ("/subscribers", SIGN_UP)):
        answer = program.ask.post(path, json=body, headers={"idempotency-key": "k"})
        problem(answer, 422, "idempotency-key-reused")


def test_a_name_belongs_to_the_program_that_gave_it(door: Door, program: Program) -> None:
    with Program(door, name="another") as another:
        program.post("/events", 202, key="k", **TAKEN)
        another.post("/subscribers", 202, key="k", **SIGN_UP)


def test_what_was_refused_may_be_asked_again(door: Door, program: Program) -> None:
    program.post("/enrolments", 422, key="k", email="ann@example.org", course="small")
    bring(door.house, "ann")
    program.post("/enrolments", 200, key="k", email="ann@example.org", course="small")


def test_after_a_day_a_key_is_new(door: Door, program: Program) -> None:
    program.post("/events", 202, key="k", **TAKEN)
    door.now = NOW + DAY
    program.post("/events", 422, key="k", **{**TAKEN, "name": "looked"})
    door.now = NOW + DAY + timedelta(seconds=1)
    program.post("/events", 202, key="k", **{**TAKEN, "name": "looked"})
    program.post("/events", 422, key="k", **TAKEN)


@pytest.mark.parametrize("name", ["x" * 256, "a b", "é"])
def test_a_key_that_is_no_name_is_refused(quick: Program, name: str) -> None:
    answer = quick.ask.post("/events", json=TAKEN, headers=[("idempotency-key", name.encode())])
    said = problem(answer, 422, "invalid")
    assert said["errors"][0]["parameter"] == "Idempotency-Key"


# When something is wrong


def test_what_is_our_own_fault_is_said_to_be_so_and_goes_to_the_log(
    sqlite_door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite_door.house.db.begin() as tx:
        tx.execute(text("ALTER TABLE event RENAME TO gone"))
    bring(sqlite_door.house, "ann")
    with Program(sqlite_door) as program:
        said = problem(program.ask.post("/events", json=TAKEN), 500, "failure")
    assert "event" not in json.dumps(said)
    assert "no such table" in str([vars(record) for record in caplog.records if record.msg == "api.failed"])


def test_a_database_that_cannot_be_written_is_said_to_rest_and_is_read_all_the_same(
    tmp_path: Path, sqlite_template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "away.db"
    copy.write_bytes(sqlite_template.read_bytes())
    db = connect("sqlite:///away.db?timeout=0.1", root=tmp_path)
    house = House(db)
    house.publish(small_course())
    with Door(house).open() as door, Program(door) as program:
        with closing(sqlite3.connect(copy)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = program.ask.post("/subscribers", json=SIGN_UP)
            said = problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "60"
            assert "locked" not in said["detail"]
            assert program.ask.get("/subscribers").status_code == 200
            # That the key was used could not be noted, which was in nobody's way.
            wait_until(lambda: "key.not_noted" in caplog.text)
        program.post("/subscribers", 202, **SIGN_UP)
    db.close()
