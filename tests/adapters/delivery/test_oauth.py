"""When is a token asked for, when is it kept, and what is the operator told where there is none?"""

import asyncio
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import trustme
from endpoint import REFRESH, SECRET, Answer, Endpoint, granted

from sequencer.delivery.oauth import TokenRefused, TokenSource


def token(source: TokenSource) -> str:
    """One token, in an event loop of its own, as each round has one."""
    return asyncio.run(source.token())


def refusal(source: TokenSource) -> str:
    """Why there is no token: one sentence for the operator, without secrets."""
    with pytest.raises(TokenRefused) as caught:
        token(source)
    words = str(caught.value)
    assert words.startswith("The token endpoint ")
    assert words.endswith(".")
    assert not words.endswith("..")
    assert words.isprintable()
    assert len(words) < 260
    for secret in (SECRET, REFRESH, "s3cret%2Fwith", "s3cret/with", "1%2F%2Frefresh", "refresh-of-ann"):
        assert secret not in words
    return words


def refused_with(answer: Answer) -> str:
    with Endpoint(answers=[answer]) as endpoint:
        said = refusal(endpoint.source(refresh_token=REFRESH))
        assert len(endpoint.forms) == 1
    return said


def test_without_a_refresh_token_the_client_asks_in_its_own_name() -> None:
    with Endpoint() as endpoint:
        assert token(endpoint.source(scope="https://outlook.office365.com/.default")) == "token-1"
    assert endpoint.asked == ["/token application/x-www-form-urlencoded application/json"]
    assert endpoint.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": "the-client",
            "client_secret": SECRET,
            "scope": "https://outlook.office365.com/.default",
        }
    ]


def test_with_a_refresh_token_that_is_what_is_asked_by() -> None:
    with Endpoint() as endpoint:
        assert token(endpoint.source(refresh_token=REFRESH)) == "token-1"
    assert endpoint.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH,
            "client_id": "the-client",
            "client_secret": SECRET,
        }
    ]


@pytest.mark.parametrize(
    ("expires_in", "good_for"),
    [(3600, 3540), ("3599", 3539), (61, 1), (None, 240), ("soon", 240), (True, 240), (1e300, 86340), (10**9, 86340)],
)
def test_a_token_is_kept_until_a_minute_before_its_end(expires_in: object, good_for: int) -> None:
    now = 1000.0
    with Endpoint(answers=[granted("token-1", expires_in=expires_in), granted("token-2")]) as endpoint:
        source = endpoint.source(clock=lambda: now)
        assert [token(source), token(source)] == ["token-1", "token-1"]
        now += good_for - 0.5
        assert token(source) == "token-1"
        now += 0.5
        assert token(source) == "token-2"
        assert len(endpoint.forms) == 2


def test_a_token_without_a_word_on_its_end_is_kept_five_minutes_less_one() -> None:
    now = 1000.0
    with Endpoint(answers=[Answer(body={"access_token": "token-1"}), granted("token-2")]) as endpoint:
        source = endpoint.source(clock=lambda: now)
        assert token(source) == "token-1"
        now += 239
        assert token(source) == "token-1"
        now += 1
        assert token(source) == "token-2"


@pytest.mark.parametrize("expires_in", [60, 0, -5, float("nan")])
def test_a_token_that_is_good_for_less_than_a_minute_is_used_once(expires_in: float) -> None:
    with Endpoint(answers=[granted("token-1", expires_in=expires_in), granted("token-2")]) as endpoint:
        source = endpoint.source()
        assert [token(source), token(source)] == ["token-1", "token-2"]


def test_a_token_that_the_relay_refused_is_not_used_again() -> None:
    with Endpoint() as endpoint:
        source = endpoint.source()
        assert token(source) == "token-1"
        source.forget()
        source.forget()
        assert [token(source), token(source)] == ["token-2", "token-2"]


async def crowd(endpoint: Endpoint, source: TokenSource) -> list[str | BaseException]:
    """What twenty get who all come before the endpoint gives its first answer."""
    endpoint.gate.clear()

    async def open_the_gate() -> None:
        endpoint.gate.set()

    *outcomes, _ = await asyncio.gather(*(source.token() for _ in range(20)), open_the_gate(), return_exceptions=True)
    return [one for one in outcomes if one is not None]


def test_who_asks_at_the_same_time_shares_one_request() -> None:
    with Endpoint() as endpoint:
        assert asyncio.run(crowd(endpoint, endpoint.source())) == ["token-1"] * 20
        assert len(endpoint.forms) == 1


def test_who_asks_at_the_same_time_shares_a_refusal_and_who_comes_later_asks_anew() -> None:
    with Endpoint(answers=[Answer(status=500), granted("token-2")]) as endpoint:
        source = endpoint.source()
        outcomes = asyncio.run(crowd(endpoint, source))
        assert {type(one) for one in outcomes} == {TokenRefused}
        assert len({str(one) for one in outcomes}) == 1
        assert len(endpoint.forms) == 1
        assert token(source) == "token-2"


def test_event_loops_in_several_threads_share_one_token() -> None:
    with Endpoint() as endpoint, ThreadPoolExecutor(4) as threads:
        source = endpoint.source()
        assert set(threads.map(token, [source] * 8)) == {"token-1"}
        assert len(endpoint.forms) == 1


def test_a_refresh_token_that_is_renewed_is_the_one_asked_by_from_then_on() -> None:
    answers = [granted("token-1", refresh_token="renewed"), granted("token-2"), granted("token-3", refresh_token="")]
    with Endpoint(answers=answers) as endpoint:
        source = endpoint.source(refresh_token=REFRESH)
        for _ in range(4):
            token(source)
            source.forget()
        assert [one["refresh_token"] for one in endpoint.forms] == [REFRESH, "renewed", "renewed", "renewed"]


@pytest.mark.parametrize("renewed", ["\ud800", 7, None, ["x"]])
def test_what_is_no_refresh_token_does_not_take_the_place_of_one(renewed: object) -> None:
    with Endpoint(answers=[granted("token-1", refresh_token=renewed)]) as endpoint:
        source = endpoint.source(refresh_token=REFRESH)
        token(source)
        source.forget()
        token(source)
        assert [one["refresh_token"] for one in endpoint.forms] == [REFRESH, REFRESH]


def test_who_asks_in_their_own_name_goes_on_to_do_so_whatever_comes_along() -> None:
    with Endpoint(answers=[granted("token-1", refresh_token="surprise")]) as endpoint:
        source = endpoint.source()
        token(source)
        source.forget()
        token(source)
        assert [one["grant_type"] for one in endpoint.forms] == ["client_credentials", "client_credentials"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer(status=400, body={"error": "invalid_grant", "error_description": "Token has been revoked."}),
            "answered 400, invalid_grant: Token has been revoked.",
        ),
        (
            Answer(status=401, body={"error": "invalid_client", "error_description": "AADSTS7: No.\r\nTrace \x1b[1m7"}),
            "answered 401, invalid_client: AADSTS7: No. Trace [1m7.",
        ),
        (Answer(status=401, body={"error": "invalid_client"}), "answered 401, invalid_client."),
        (Answer(status=403, body={"error": {"code": 403, "message": "no"}, "error_description": 7}), "answered 403."),
        (Answer(status=500, body="<html><title>Oops</title></html>"), "answered 500."),
        (Answer(status=503, body="[" * 60000), "answered 503."),
        (Answer(status=201, body={"access_token": "x"}), "answered 201."),
        (Answer(body="{garbage"), "answered 200, but without a usable access token."),
        (Answer(body="[" * 60000), "answered 200, but without a usable access token."),
        (Answer(body="9" * 5000), "answered 200, but without a usable access token."),
        (Answer(body=["access_token"]), "answered 200, but without a usable access token."),
        (Answer(), "answered 200, but without a usable access token."),
        (Answer(body={"error": "slow_down"}), "answered 200, but without a usable access token, slow_down."),
        (granted(None), "answered 200, but without a usable access token."),
        (granted(""), "answered 200, but without a usable access token."),
        (granted("a\x01auth=Bearer b"), "answered 200, but without a usable access token."),
        (granted("schön"), "answered 200, but without a usable access token."),
        (granted("x", token_type="mac"), "gave a token that is not of the type Bearer."),
        (Answer(body="x" * 65537), "answered 200 with more than 65536 bytes."),
    ],
)
def test_a_refusal_is_said_in_one_sentence(answer: Answer, said: str) -> None:
    assert refused_with(answer) == f"The token endpoint 127.0.0.1 {said}"


def test_a_long_story_is_cut() -> None:
    said = refused_with(Answer(status=400, body={"error": "invalid_grant", "error_description": "why " * 900}))
    assert "400, invalid_grant: why why" in said


@pytest.mark.parametrize("form", [SECRET, "s3cret%2Fwith+%2B+signs", "s3cret%2Fwith%20%2B%20signs", REFRESH])
def test_an_endpoint_that_repeats_a_secret_does_not_make_us_tell_it(form: str) -> None:
    for error in ({"error": form}, {"error": "invalid_client", "error_description": "x" * 160 + form}):
        assert "(not" in refused_with(Answer(status=401, body=error))


def test_a_secret_that_begins_with_another_is_hidden_whole() -> None:
    with Endpoint(answers=[Answer(status=400, body={"error": "what is abc-def?"})]) as endpoint:
        said = refusal(endpoint.source(client_secret="abc", refresh_token="abc-def"))
    assert said.endswith("what is (not shown)?.")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with Endpoint(answers=[granted("of-a-stranger")]) as stranger:
        there = (("Location", stranger.url),)
        assert f"answered {status}." in refused_with(Answer(status=status, headers=there))
        assert stranger.asked == []


def test_an_endpoint_that_is_not_there_is_said() -> None:
    with Endpoint() as endpoint, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        said = refusal(endpoint.source(token_url=f"http://127.0.0.1:{bound.getsockname()[1]}/"))
    assert "cannot be asked" in said
    assert "refused" in said


def test_an_endpoint_that_says_nothing_is_not_waited_for_longer_than_we_mean_to() -> None:
    with Endpoint() as endpoint:
        endpoint.gate.clear()
        assert "timed out" in refusal(endpoint.source(timeout=0.2))
        endpoint.gate.set()


def test_an_endpoint_that_stops_in_the_middle_is_not_waited_for_longer_than_we_mean_to() -> None:
    with Endpoint(answers=[Answer(body='{"access_token"', hangs=True)]) as endpoint:
        assert "timed out" in refusal(endpoint.source(timeout=0.2))


def test_an_endpoint_that_answers_in_crumbs_is_not_waited_for_longer_than_we_mean_to() -> None:
    hours = count(0, 3600)
    with Endpoint(answers=[Answer(body='{"access_token"', hangs=True)]) as endpoint:
        assert "takes too long" in refusal(endpoint.source(clock=lambda: float(next(hours))))


@pytest.mark.parametrize("words", [b"SSH-2.0-OpenSSH_9.9\r\n", b"", b"HTTP/1.1 200 " + b"x" * 70000])
def test_a_server_that_speaks_no_http_is_said_and_not_quoted(words: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Endpoint() as endpoint:

        def speak() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(words)

        speaker = threading.Thread(target=speak)
        speaker.start()
        said = refusal(endpoint.source(token_url=f"http://127.0.0.1:{server.getsockname()[1]}/"))
        speaker.join(5)
    assert "cannot be asked" in said
    assert "SSH" not in said


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org/token",
        "http://127.0.0.1.example.org/token",
        "http://10.0.0.1/token",
        "https://ann:secret@login.example.org/token",
        "http://127.0.0.1@login.example.org/token",
        "ftp://127.0.0.1/token",
        "file:///etc/passwd",
        "data:,{}",
        "https:///token",
        "https://[::1/token",
        "login.example.org/token",
        "https://login.example\x7f.org/token",
        "",
    ],
)
def test_secrets_leave_this_machine_by_https_only(url: str) -> None:
    with Endpoint() as endpoint:
        assert "must be an https:// address" in refusal(endpoint.source(token_url=url))


@pytest.mark.parametrize("url", ["https://127.0.0.1:port/", "https://127.0.0.1/a b", f"https://{'x' * 70}.invalid/"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with Endpoint() as endpoint:
        assert "cannot be asked" in refusal(endpoint.source(token_url=url))


def test_this_machine_is_asked_in_plain_text_by_name_too_and_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with Endpoint() as endpoint:
        assert token(endpoint.source(token_url=endpoint.url.replace("127.0.0.1", "localhost"))) == "token-1"


def test_https_is_spoken_with_whom_our_machine_trusts_and_with_nobody_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Endpoint(tls=context) as endpoint:
        assert "certificate" in refusal(endpoint.source())
        assert endpoint.forms == []
        file = tmp_path_factory.mktemp("trust") / "ca.pem"
        authority.cert_pem.write_to_path(file)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert token(endpoint.source()) == "token-1"


def test_https_goes_through_the_proxy_that_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint() as endpoint:
        monkeypatch.setenv("https_proxy", endpoint.url)
        monkeypatch.setenv("no_proxy", "")
        # Ours is no proxy, and says so.
        assert "501" in refusal(endpoint.source(token_url="https://login.example.org/token"))
        assert endpoint.forms == []
