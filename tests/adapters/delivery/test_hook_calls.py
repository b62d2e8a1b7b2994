"""Does a call reach the program that it is for, and nothing else; and is every answer a value?"""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from receiver import Answer, Receiver

from sequencer.core.hooks import Answered, Call, CallId, Event, Hook, HookId, Reply, Unreached, Unsent
from sequencer.delivery import outside
from sequencer.delivery.hooks import AT_ONCE, Caller, Letter
from sequencer.errors import BadRequest

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


@dataclass(slots=True)
class Names:
    """A name server that gives its answers in turn, the last for ever."""

    answers: list[Sequence[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def a_letter(url: str, *, insecure: bool = True, which: int = 1) -> Letter:
    hook = Hook(
        id=HookId(1), name="crm", url=url, secret="whsec_", events=frozenset(), created_at=NOW, insecure=insecure
    )
    event = Event(id=which, name="lesson.sent", payload="{}", happened_at=NOW)
    call = Call(id=CallId(which), attempt=1, hook=hook, event=event)
    return Letter(call=call, headers={"webhook-id": f"evt_{which}"}, body=b'{"type":"lesson.sent"}')


def post(letter: Letter, caller: Caller | None = None) -> Reply:
    """What is answered to one letter."""
    found: list[Reply] = []
    (caller or Caller()).post([[letter]], lambda answers: found.extend(reply for _, reply in answers), now=NOW)
    (reply,) = found
    return reply


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Another program on loopback."""
    with Receiver() as made:
        yield made


# What is posted, and what is heard


def test_a_call_is_a_post_of_the_body_with_its_headers(receiver: Receiver) -> None:
    assert post(a_letter(receiver.url)) == Answered(status=200, reply="thanks")
    (got,) = receiver.got
    assert (got.path, got.body, got.id) == ("/hook?key=1", b'{"type":"lesson.sent"}', "evt_1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_an_answer_is_kept_in_one_short_line_that_can_be_shown(receiver: Receiver) -> None:
    receiver.answers = [Answer(status=500, body=b"Oh\n\x1b[31m no \xff" + b"x" * 5000)]
    reply = post(a_letter(receiver.url))
    assert isinstance(reply, Answered)
    assert (reply.status, len(reply.reply)) == (500, 200)
    assert reply.reply.startswith("Oh ?[31m no ")
    assert reply.reply.isprintable()


def test_an_answer_without_end_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answers = [Answer(body=b"x" * 50_000_000, drips=True)]
    reply = post(a_letter(receiver.url))
    assert isinstance(reply, Answered)
    assert reply.status == 200


def test_an_answer_counts_when_its_first_line_is_there(receiver: Receiver) -> None:
    receiver.answers = [Answer(status=204, body=b"", drips=True)]
    assert isinstance(post(a_letter(receiver.url)), Answered)


def test_who_gives_no_answer_in_time_is_slow(receiver: Receiver) -> None:
    receiver.answers = [Answer(hangs=True)]
    reply = post(a_letter(receiver.url), Caller(timeout=0.3))
    assert reply == Unreached(reason="It gave no answer within 0.3 seconds.", slow=True)


def test_who_is_not_there_is_not_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    reply = post(a_letter(f"http://127.0.0.1:{port}/"))
    assert isinstance(reply, Unreached)
    assert not reply.slow


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    with Receiver() as other:
        receiver.answers = [Answer(status=307, headers=(("Location", other.url),))]
        assert isinstance(post(a_letter(receiver.url)), Answered)
        assert other.got == []


def test_a_retry_after_is_heard(receiver: Receiver) -> None:
    receiver.answers = [Answer(status=429, body=b"", headers=(("Retry-After", "120"),))]
    assert post(a_letter(receiver.url)) == Answered(status=429, reply="", rest=timedelta(minutes=2))


def test_no_cookie_is_sent_back(receiver: Receiver) -> None:
    caller = Caller()
    receiver.answers = [Answer(headers=(("Set-Cookie", "a=b"),))]
    letters = [a_letter(receiver.url, which=which) for which in (1, 2)]
    for letter in letters:
        post(letter, caller)
    assert "cookie" not in receiver.got[1].headers


def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert isinstance(post(a_letter(receiver.url)), Answered)
        assert (len(receiver.got), proxy.got) == (1, [])


# Several at once


def test_one_hook_that_hangs_does_not_keep_what_others_answered(receiver: Receiver) -> None:
    heard: list[list[Reply]] = []
    with Receiver(answers=[Answer(hangs=True)]) as slow:
        batches = [[a_letter(slow.url)], [a_letter(receiver.url, which=which) for which in range(15)]]
        Caller(timeout=4).post(batches, lambda answers: heard.append([reply for _, reply in answers]), now=NOW)
    assert [len(one) for one in heard] == [15, 1]
    assert {type(one) for one in heard[0]} == {Answered}


def test_no_more_than_some_calls_to_one_hook_are_under_way(receiver: Receiver) -> None:
    receiver.answers = [Answer(hangs=True)] * 30
    stop = threading.Event()

    def stopped() -> bool:
        if len(receiver.got) >= AT_ONCE:
            stop.set()
        return stop.is_set()

    heard: list[Reply] = []
    letters = [a_letter(receiver.url, which=which) for which in range(20)]
    Caller().post([letters], lambda answers: heard.extend(reply for _, reply in answers), now=NOW, stop=stopped)
    assert len(receiver.got) == AT_ONCE
    assert heard == [Unsent()] * 20


# Where it may go


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "https://[fd00::1]/",
        "https://0/",
        "https://224.0.0.1/",
    ],
)
def test_an_address_of_our_own_house_is_refused_before_it_is_kept_and_when_it_is_called(url: str) -> None:
    with pytest.raises(BadRequest, match="not on the internet"):
        outside.check(url, insecure=False)
    reply = post(a_letter(url, insecure=False))
    assert isinstance(reply, Unreached)
    assert "not on the internet" in reply.reason


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://crm.example/hook", "begins with https://; --insecure lets it"),
        ("ftp://crm.example/hook", "begins with https:// and a host"),
        ("file:///etc/passwd", "begins with https:// and a host"),
        ("crm.example/hook", "begins with https:// and a host"),
        ("https:///hook", "begins with https:// and a host"),
        ("https://user:word@crm.example/", "no user, password"),
        ("https://crm.example/#part", 'no user, password or "#"'),
        ("https://crm.example:99999999/", "begins with https:// and a host"),
        ("https://crm.example:0/", "begins with https:// and a host"),
        ("https://0177.0.0.1/", "not an address"),
        ("https://[::1/", "not an address"),
        ("https://crm.example/" + "x" * 2000, "2000 characters at most"),
    ],
)
def test_what_cannot_be_the_address_of_a_hook_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        outside.check(url, insecure=False)


@pytest.mark.parametrize("url", ["https://crm.example/hook?key=1", "https://bücher.example/", "https://8.8.8.8:8443/"])
def test_an_address_of_the_internet_may_be_the_address_of_a_hook(url: str) -> None:
    outside.check(url, insecure=False)


def test_an_insecure_hook_is_of_this_machine_and_of_nothing_behind_it() -> None:
    outside.check("http://127.0.0.1:8000/", insecure=True)
    outside.check("http://localhost:8000/", insecure=True)
    for url, sentence in (
        ("http://10.0.0.1/", "not on the internet"),
        ("http://8.8.8.8/", "not on this machine"),
        ("http://169.254.169.254/", "not on the internet"),
    ):
        with pytest.raises(BadRequest, match=sentence):
            outside.check(url, insecure=True)


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.1.2.3", "::ffff:127.0.0.1", "fe80::1%lo"])
def test_a_name_that_stands_for_an_address_of_our_house_is_not_called(receiver: Receiver, inside: str) -> None:
    names = Names([[inside]])
    url = f"https://crm.example:{receiver.port}/"
    reply = post(a_letter(url, insecure=False), Caller(resolve=names))
    assert isinstance(reply, Unreached)
    assert reply.reason.startswith(f"crm.example is at {inside}, which is not on the internet")
    assert receiver.got == []


def test_one_bad_address_among_good_ones_is_enough(receiver: Receiver) -> None:
    names = Names([["8.8.8.8", "127.0.0.1"]])
    url = f"https://crm.example:{receiver.port}/"
    assert isinstance(post(a_letter(url, insecure=False), Caller(resolve=names)), Unreached)
    assert receiver.got == []


def test_a_name_that_changes_between_look_and_call_leads_nowhere_else(receiver: Receiver) -> None:
    # The second answer is another machine's: who looked again for connecting would go there.
    with Receiver(at="127.0.0.2") as victim:
        names = Names([["127.0.0.1"], ["127.0.0.2"]])
        assert isinstance(post(a_letter(f"http://crm.example:{receiver.port}/"), Caller(resolve=names)), Answered)
        assert names.asked == [("crm.example", receiver.port)]
        assert (len(receiver.got), victim.got) == (1, [])
    assert receiver.got[0].headers["host"] == f"crm.example:{receiver.port}"


def test_who_is_not_at_the_first_address_is_looked_for_at_the_next(receiver: Receiver) -> None:
    names = Names([["127.0.0.9", "127.0.0.1"]])
    url = f"http://crm.example:{receiver.port}/"
    assert isinstance(post(a_letter(url), Caller(resolve=names)), Answered)


def test_a_name_that_stands_for_nothing_is_not_reached() -> None:
    assert post(a_letter("https://crm.example/"), Caller(resolve=Names([[]]))) == Unreached(
        reason="crm.example has no address."
    )


def test_names_are_looked_up_by_the_system(receiver: Receiver) -> None:
    assert isinstance(post(a_letter(f"http://localhost:{receiver.port}/")), Answered)
    reply = post(a_letter("https://no-such-name.invalid/", insecure=False))
    assert isinstance(reply, Unreached)


def test_the_certificate_is_that_of_the_name_though_the_address_is_called(
    tmp_path: Path,
) -> None:
    authority, names = trustme.CA(), Names([["127.0.0.1"]])
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_tls)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    trust = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    with Receiver(tls=server_tls) as safe:
        good = f"https://localhost:{safe.port}/"
        wrong = f"https://crm.example:{safe.port}/"
        assert isinstance(post(a_letter(good), Caller(resolve=names, trust=trust)), Answered)
        refused = post(a_letter(wrong), Caller(resolve=names, trust=trust))
        unknown = post(a_letter(good), Caller(resolve=names))
    assert isinstance(refused, Unreached)
    assert isinstance(unknown, Unreached)
    assert "certificate" in refused.reason.lower()
    assert len(safe.got) == 1
