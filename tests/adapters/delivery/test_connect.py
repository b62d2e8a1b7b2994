"""When is a relay one that can be used, and what is the operator told where it is not?"""

import asyncio
import base64
import socket
import ssl
from collections.abc import Collection, Mapping, Sequence

import pytest
import trustme
from relay import EXTENSIONS, ChaosRelay, Fault, How, Step, a_parcel, recipient

from sequencer.core.limits import Rest
from sequencer.core.model import Accepted, Outcome, Parcel, Ticket
from sequencer.core.rates import Grant
from sequencer.delivery.connect import RelayDown, open_session
from sequencer.delivery.courier import Carried, SmtpCourier
from sequencer.delivery.way import Lane
from sequencer.relays import Relay

USER, PASSWORD = "postmaster", "correct horse % battery"
LOGIN = (USER, PASSWORD)
OURS = {"username": USER, "password": PASSWORD}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def _trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our machine knows who signed the relay's certificate."""
    file = tmp_path_factory.mktemp("trust") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


def deliver(settings: Relay) -> list[Outcome]:
    """One message through one session."""

    async def whole() -> list[Outcome]:
        session, told = await open_session(settings), []

        async def gate(_: Ticket) -> bool:
            return True

        await session.converse(a_parcel(1), lambda: None, gate, lambda _, outcome: told.append(outcome))
        await session.wire.quit()
        return told

    return asyncio.run(whole())


def refusal(settings: Relay) -> str:
    """Why the relay cannot be used: one sentence for the operator, which does not tell the password."""
    with pytest.raises(RelayDown) as caught:
        deliver(settings)
    words = str(caught.value)
    assert words.startswith(f"The relay {settings.name} ")
    assert words.endswith(".")
    assert not words.endswith("..")
    assert words.isprintable()
    plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    for form in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), plain):
        assert form not in words
    return words


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "PLAIN LOGIN", "GSSAPI LOGIN"])
def test_we_log_in_with_what_the_relay_offers(mechanisms: str) -> None:
    with ChaosRelay(login=LOGIN, mechanisms=mechanisms) as relay:
        assert [type(one) for one in deliver(relay.settings(**OURS))] == [Accepted]


def test_a_wrong_password_is_said_and_not_shown() -> None:
    with ChaosRelay(login=(USER, "another")) as relay:
        assert "it answered 535 5.7.8 authentication failed" in refusal(relay.settings(**OURS))


@pytest.mark.parametrize("reply", ["535 5.7.8 what is {}?", "500 5.5.2 unknown: {}", "454-4.7.0 later:\r\n454 {}"])
@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN"])
def test_a_relay_that_repeats_the_password_does_not_make_us_tell_it(reply: str, mechanisms: str) -> None:
    plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    login = base64.b64encode(PASSWORD.encode()).decode()
    echo = reply.format(f"AUTH {plain} {login} {PASSWORD}")
    with ChaosRelay(login=LOGIN, mechanisms=mechanisms, faults=[Fault(at=Step.AUTH, reply=echo, times=-1)]) as relay:
        assert reply[:3] in refusal(relay.settings(**OURS))


def test_a_password_for_a_relay_that_takes_none_is_said() -> None:
    with ChaosRelay() as relay:
        assert "AUTH" in refusal(relay.settings(**OURS))


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("tls", ["required", "offered"])
def test_starttls_is_spoken_before_the_password(certified: ssl.SSLContext, tls: str) -> None:
    with ChaosRelay(tls=certified, login=LOGIN) as relay:
        assert [type(one) for one in deliver(relay.settings(tls=tls, **OURS))] == [Accepted]
    said = relay.said()
    assert said[: said.index("MAIL")] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert said[-1] == "QUIT"


@pytest.mark.usefixtures("_trusted")
def test_implicit_tls_carries_everything(certified: ssl.SSLContext) -> None:
    with ChaosRelay(tls=certified, implicit_tls=True, login=LOGIN) as relay:
        assert [type(one) for one in deliver(relay.settings(**OURS))] == [Accepted]
    assert "STARTTLS" not in relay.said()


def test_starttls_that_is_required_and_not_offered_is_said_before_the_password_is() -> None:
    with ChaosRelay(login=LOGIN) as relay:
        assert "STARTTLS" in refusal(relay.settings(tls="required", **OURS))
    assert "AUTH" not in relay.said()


def test_starttls_that_is_neither_required_nor_offered_is_gone_without() -> None:
    with ChaosRelay() as relay:
        assert [type(one) for one in deliver(relay.settings(tls="offered"))] == [Accepted]


def test_tls_that_is_off_is_not_spoken_though_offered(certified: ssl.SSLContext) -> None:
    with ChaosRelay(tls=certified) as relay:
        assert [type(one) for one in deliver(relay.settings(tls="off"))] == [Accepted]
    assert "STARTTLS" not in relay.said()


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("before", "after"), [(EXTENSIONS, ("SIZE 1000",)), (("SIZE 1000",), EXTENSIONS), ((), EXTENSIONS)]
)
def test_what_is_offered_after_starttls_is_what_counts(
    certified: ssl.SSLContext, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    with ChaosRelay(tls=certified, extensions=before, after_tls=after, linger=0.1) as relay:
        courier = SmtpCourier(relay.settings(tls="required"))
        ledger = Two()
        assert courier.carry(ledger) == Carried(tried=2)
    assert bool(relay.kept[0].behind) == ("PIPELINING" in after)
    assert bool(relay.kept[0].parameters) == ("SIZE" in " ".join(after))


class Two:
    """A ledger with two messages."""

    in_process = True
    signs = False
    intends = False

    def __init__(self) -> None:
        self._batches = [[1, 2]]

    def lease(self, _relay: Relay, room: int, _held: int) -> Grant:
        return Grant(most=room)

    def give_back(self, unused: Mapping[str, int]) -> Collection[str]:
        assert not unused
        return ()

    def rests(self, _relays: Sequence[str]) -> Mapping[str, str]:
        return {}

    def share(self, _news: Sequence[Rest], _relays: Sequence[str]) -> Sequence[Rest]:
        return []

    def next_batch(self, places: Sequence[Lane]) -> Sequence[Parcel]:
        return [a_parcel(number, relay=places[0].relay.name) for number in (self._batches or [[]]).pop()]

    def must_end(self) -> bool:
        return False

    def pressed(self, _places: Sequence[Lane]) -> Sequence[Parcel]:
        return []

    def record(self, intents: list[Ticket], _: object) -> frozenset[int]:
        return frozenset(one.delivery_id for one in intents)


@pytest.mark.parametrize("tls", ["required", "offered", "implicit"])
def test_a_certificate_that_nobody_vouches_for_is_refused(certified: ssl.SSLContext, tls: str) -> None:
    with ChaosRelay(tls=certified, implicit_tls=tls == "implicit", login=LOGIN) as relay:
        said = refusal(relay.settings(tls=tls, **OURS))
    assert "certificate" in said
    assert "AUTH" not in relay.said()


def test_tls_where_it_is_offered_asks_for_no_certificate_unless_a_password_is_to_be_said(
    certified: ssl.SSLContext,
) -> None:
    with ChaosRelay(tls=certified) as relay:
        assert [type(one) for one in deliver(relay.settings(tls="offered"))] == [Accepted]


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("tls", ["required", "implicit"])
def test_a_certificate_of_another_host_is_refused(authority: trustme.CA, tls: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("another.example.org").configure_cert(context)
    with ChaosRelay(tls=context, implicit_tls=tls == "implicit") as relay:
        assert "certificate" in refusal(relay.settings(tls=tls))


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("how", [How.SAY, How.CLOSE, How.HALF, How.RESET])
def test_a_starttls_that_fails_is_said(certified: ssl.SSLContext, how: How) -> None:
    fault = Fault(at=Step.STARTTLS, how=how, reply="454 4.7.0 TLS not available")
    with ChaosRelay(tls=certified, faults=[fault]) as relay:
        said = refusal(relay.settings(tls="required"))
    assert ("454 4.7.0 TLS not available" in said) is (how is How.SAY)
    assert relay.kept == []


@pytest.mark.usefixtures("_trusted")
def test_what_somebody_slips_in_before_tls_is_not_listened_to(certified: ssl.SSLContext) -> None:
    fault = Fault(at=Step.STARTTLS, reply="220 go ahead\r\n250-somebody.else\r\n250 AUTH PLAIN")
    with ChaosRelay(tls=certified, login=LOGIN, faults=[fault]) as relay:
        assert [type(one) for one in deliver(relay.settings(tls="required", **OURS))] == [Accepted]


def test_a_server_that_speaks_no_tls_is_said() -> None:
    # It is spoken to in TLS, and has every reason to complain.
    with ChaosRelay(greet_after=5, complains=False) as relay:
        said = refusal(relay.settings(tls="implicit"))
    assert "SSL" in said
    assert relay.kept == []


def test_a_relay_that_is_not_there_is_said() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        said = refusal(Relay(host="127.0.0.1", port=port, tls="off", timeout=1))
    assert f"on port {port}: " in said


def test_a_host_without_an_address_is_said() -> None:
    assert "relay.invalid on port 25: " in refusal(Relay(host="relay.invalid", port=25, tls="off", timeout=2))


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        (Step.GREETING, "554 5.7.1 we do not\r\n"),
        (Step.GREETING, "554-5.7.1 we do not\r\n554 5.7.1 like you."),
        (Step.GREETING, "421 4.3.2 later"),
        (Step.GREETING, "SSH-2.0-OpenSSH_9.9"),
        (Step.GREETING, "554 \x00\x1b[31m"),
        (Step.EHLO, "550 5.7.1 no"),
        (Step.EHLO, "421 4.3.2 later"),
        (Step.EHLO, "what?"),
    ],
)
def test_a_relay_that_wants_none_of_us_is_quoted_in_one_sentence(step: Step, reply: str) -> None:
    with ChaosRelay(faults=[Fault(at=step, reply=reply.strip(), times=-1)]) as relay:
        said = refusal(relay.settings())
    if reply[:3].isdigit():
        assert f"it answered {reply[:3]}" in said


@pytest.mark.parametrize("step", [Step.GREETING, Step.EHLO])
@pytest.mark.parametrize("how", [How.CLOSE, How.RESET, How.HALF, How.DIE, How.SAY_AND_CLOSE, How.HANG])
def test_a_relay_that_hangs_up_or_says_nothing_before_we_are_through_is_down_or_gone(step: Step, how: How) -> None:
    with ChaosRelay(faults=[Fault(at=step, how=how)]) as relay:
        if how is not How.SAY_AND_CLOSE:
            refusal(relay.settings())
            return
        # Heard in time it is down; else the first message is put off.
        try:
            (outcome,) = deliver(relay.settings())
        except RelayDown:
            return
        assert not isinstance(outcome, Accepted)


def test_a_slow_greeting_is_waited_for_in_silence() -> None:
    with ChaosRelay(greet_after=0.2, faults=[Fault(at=Step.GREETING, how=How.TRICKLE)]) as relay:
        assert [type(one) for one in deliver(relay.settings())] == [Accepted]
    assert relay.recipients == [recipient(1)]
