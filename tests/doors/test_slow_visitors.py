"""How long does the door wait for a request that trickles in, and what does it hold meanwhile?"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from door import Door, served, wait_until
from house import House, small_course
from program import Program
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sequencer.store.database import Database
from sequencer.web import asgi

HEAD = b"Host: mail.example.org\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BROWSER = b"Accept: text/html\r\nAccept-Language: en\r\n"
JSON = b"Accept: application/json\r\n"
FORM = b"POST /f/newsletter HTTP/1.1\r\n" + HEAD
MANY = 300  # more than there are threads, and connections to the database


@pytest.fixture
def hurried(sqlite_db: Database) -> Iterator[tuple[Door, str]]:
    """A door that hangs up at once on whoever is not there, and where it is."""
    house = House(sqlite_db)
    house.publish(small_course())
    door = Door(house)
    with door.open(), served(asgi.build(door.app, body_seconds=0.05), head_seconds=0.05) as url:
        yield door, url


@pytest.fixture
def patient(house: House) -> Iterator[tuple[Door, str]]:
    """A door that waits for longer than any test."""
    house.publish(small_course())
    door = Door(house)
    with door.open(), served(asgi.build(door.app, body_seconds=600), head_seconds=600) as url:
        yield door, url


def said_to(url: str, request: bytes) -> bytes:
    """All that is answered to these bytes, until they hang up."""
    with opened(url, request) as wire:
        return to_the_end(wire)


def opened(url: str, request: bytes) -> socket.socket:
    """A connection on which this was said."""
    at = urlsplit(url)
    wire = socket.create_connection((at.hostname, at.port), timeout=20)
    wire.sendall(request)
    return wire


def to_the_end(wire: socket.socket) -> bytes:
    """What is heard until they hang up."""
    heard = b""
    while part := wire.recv(65536):
        heard += part
    return heard


@pytest.mark.parametrize("head", [b"G", b"GET /f/newsletter HTTP/1.1\r\nHost: mail.exa", FORM])
def test_a_head_that_is_not_there_in_time_is_refused_in_a_sentence(hurried: tuple[Door, str], head: bytes) -> None:
    answer = said_to(hurried[1], head)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n")
    assert answer.endswith(b"Your request did not arrive in time. Please send it again.")


def test_a_connection_on_which_nobody_speaks_is_closed_without_a_word(hurried: tuple[Door, str]) -> None:
    assert said_to(hurried[1], b"") == b""


def test_bytes_that_trickle_in_do_not_set_the_clock_back(hurried: tuple[Door, str]) -> None:
    with opened(hurried[1], b"GET / HTTP/1.1\r\nX: ") as wire:
        wire.settimeout(0.01)
        heard = b""
        for _ in range(2000):
            try:
                wire.sendall(b"a")
                heard = wire.recv(4096)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                heard = b"408"  # they hung up while we spoke
                break
    assert b"408" in heard


def test_the_second_request_of_a_connection_has_to_be_there_in_time_too(hurried: tuple[Door, str]) -> None:
    with opened(hurried[1], b"GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\n\r\n") as wire:
        assert b"200" in wire.recv(4096)
        wire.sendall(b"GET /f/new")
        assert to_the_end(wire).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "length", [b"Content-Length: 40\r\n\r\nemail=rea%40exa", b"Transfer-Encoding: chunked\r\n\r\n5\r\nem"]
)
def test_a_body_that_is_not_there_in_time_is_refused_on_the_page_of_the_form(
    hurried: tuple[Door, str], length: bytes
) -> None:
    door, url = hurried
    answer = said_to(url, FORM + BROWSER + length).decode()
    head, _, page = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 408 ")
    assert "connection: close" in head
    assert "This took too long to arrive; please send it again." in page
    assert "<form" in page
    assert door.house.courier.sent == []
    said = said_to(url, FORM + JSON + length)
    assert b'"This took too long to arrive; please send it again."' in said


def test_the_api_calls_it_a_problem(hurried: tuple[Door, str]) -> None:
    door, url = hurried
    with Program(door) as program:
        key = program.key.encode()
    head = b"POST /api/v1/events HTTP/1.1\r\nHost: mail.example.org\r\nContent-Type: application/json\r\n"
    answer = said_to(url, head + b"Authorization: Bearer " + key + b'\r\nContent-Length: 40\r\n\r\n{"ev')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b"/docs/api.md#too-slow" in answer


def test_what_trickles_in_behind_an_answer_holds_no_connection(hurried: tuple[Door, str]) -> None:
    request = b"POST /nowhere HTTP/1.1\r\nHost: mail.example.org\r\nContent-Length: 4000\r\n\r\n"
    with opened(hurried[1], request) as wire:
        assert b"404" in wire.recv(65536)
        wire.sendall(b"a")
        assert b"408" not in to_the_end(wire)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /f/newsletter HT",
        FORM + b"Content-Length: 60\r\n\r\nemail=",
        FORM.replace(b"/f/newsletter", b"/u/x") + b"Content-Length: 60\r\n\r\nscope=",
        FORM.replace(b"/f/newsletter", b"/v2/publications/p/subscriptions") + b"Content-Length: 60\r\n\r\nemail=",
        FORM.replace(b"/f/newsletter", b"/api/v1/events") + b"Content-Length: 60\r\n\r\nemail=",
    ],
)
def test_whoever_is_slow_holds_nothing_that_others_need(patient: tuple[Door, str], request_: bytes) -> None:
    door, url = patient
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(opened(url, request_))
        body = b"email=rea%40example.org"
        answer = opened(url, FORM + JSON + b"Connection: close\r\nContent-Length: 23\r\n\r\n" + body)
        assert b'"ok":true' in to_the_end(stack.enter_context(answer))
    assert door.house.db.connections_in_use == 0


def test_in_time_is_in_time(patient: tuple[Door, str]) -> None:
    with opened(patient[1], FORM + JSON + b"Connection: close\r\nContent-") as wire:
        wire.sendall(b"Length: 23\r\n\r\nemail=rea")
        wire.sendall(b"%40example.org")
        assert b'"ok":true' in to_the_end(wire)


LONG = b"x" * 8_000_000  # more than the system's buffers take


async def long_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """An image that is far too large."""
    if scope["type"] == "http":
        await Response(LONG)(scope, receive, send)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_whoever_does_not_take_their_answer_is_hung_up_on(version: bytes) -> None:
    waits = {"head_seconds": 600, "take_seconds": 0.05}
    with served(long_answer, **waits) as url, opened(url, b"GET / HTTP/%s\r\n\r\n" % version) as wire:
        wait_until(lambda: is_dead(wire))


def is_dead(wire: socket.socket) -> bool:
    """Whether nobody listens at the other end any more: then the system refuses what is said."""
    try:
        wire.send(b"\r\n")  # which means nothing between two requests
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_whoever_takes_it_piece_by_piece_gets_all_of_it(version: bytes) -> None:
    request = b"GET / HTTP/%s\r\nConnection: close\r\n\r\n" % version
    with served(long_answer, take_seconds=20) as url:
        assert said_to(url, request).endswith(LONG)


def test_a_body_that_came_with_its_head_is_taken_though_there_was_no_time_at_all(house: House) -> None:
    house.publish(small_course())
    door = Door(house)
    with door.open(), served(asgi.build(door.app, body_seconds=0)) as url:
        begun = FORM + b"Connection: close\r\nContent-Length: 21\r\n\r\nemail="
        assert said_to(url, begun + b"rea@example.org").startswith(b"HTTP/1.1 200")
        assert said_to(url, begun).startswith(b"HTTP/1.1 408")
