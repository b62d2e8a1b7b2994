"""Where does the access token come from that opens a relay? From a token endpoint; it is kept while it is good."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import TypeGuard
from urllib.error import URLError
from urllib.parse import quote, quote_plus, urlencode, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, getproxies

_TIMEOUT = 30.0  # seconds
_MARGIN = 60  # seconds before its end in which a token is not begun with
_UNSAID = 300  # seconds a token is taken to be good where the endpoint does not say (RFC 6749 §5.1 lets it)
_LONGEST = 86400  # seconds a token is kept, whatever the endpoint says
_LARGEST = 65536  # bytes of an answer
_QUOTED = 200  # characters of an endpoint's words
_OK = 200


class TokenRefused(Exception):
    """There is no access token to be had now; the message says why, for the operator, and holds no secret."""


class TokenSource:
    """The access tokens of one client at one token endpoint; it may be used from any thread and any event loop.

    With a `refresh_token` it asks by that (RFC 6749 §6; Google), otherwise in the client's own name (§4.4; Microsoft).
    A new refresh token that comes with an answer takes the place of the old one, for as long as this object lives.
    """

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        refresh_token: str = "",
        scope: str = "",
        clock: Callable[[], float] = time.monotonic,
        timeout: float = _TIMEOUT,
    ) -> None:
        self._url = token_url
        self._client = {"client_id": client_id, "client_secret": client_secret, "scope": scope}
        self._refresh_token = refresh_token
        self._clock = clock
        self._timeout = timeout
        # No asyncio.Lock: that belongs to one event loop, and each round has its own.
        self._turn = threading.Lock()
        self._held: tuple[str, float] | None = None
        self._asked = 0
        self._refusal = ""

    async def token(self) -> str:
        """A token that is good for another minute, kept or new. Raises TokenRefused.

        Who asks while the endpoint is being asked waits for that answer and shares it, be it a refusal. A token that is
        good for less than a minute from the start is not kept.
        """
        return self._kept() or await asyncio.to_thread(self._in_turn, self._asked)

    def forget(self) -> None:
        """Drop the token, since a relay refused it: who asks next gets a new one."""
        self._held = None

    def _kept(self) -> str:
        held = self._held
        return held[0] if held and self._clock() < held[1] else ""

    def _in_turn(self, asked: int) -> str:
        """One request at a time; `asked` is how many there had been when the caller came."""
        with self._turn:
            if kept := self._kept():
                return kept
            if self._refusal and asked != self._asked:
                raise TokenRefused(self._refusal)
            try:
                token, self._refusal = self._new(), ""
            except TokenRefused as refusal:
                self._refusal = str(refusal)
                raise
            finally:
                self._asked += 1
            return token

    def _new(self) -> str:
        began = self._clock()
        status, fields = self._ask()
        token, renewed = fields.get("access_token"), fields.get("refresh_token")
        if status != _OK:
            raise self._refused(f"answered {status}{_said(fields)}")
        if not _is_usable(token):
            raise self._refused(f"answered {status}, but without a usable access token{_said(fields)}")
        # RFC 6749 §7.1: a kind that we do not know is not to be used.
        if str(fields.get("token_type", "Bearer")).lower() != "bearer":
            raise self._refused("gave a token that is not of the type Bearer")
        if self._refresh_token and _is_usable(renewed):
            self._refresh_token = renewed
        self._held = (token, began + _seconds(fields.get("expires_in")) - _MARGIN)
        return token

    def _ask(self) -> tuple[int, dict[str, object]]:
        """The endpoint's status and the fields of its answer, none where that is not a JSON object."""
        if not _may_be_told(self._url):
            raise TokenRefused("The token endpoint must be an https:// address; http:// is for this machine alone.")
        try:
            request = Request(self._url, self._form(), {"Accept": "application/json"})  # noqa: S310 (looked at above)
            with _opener().open(request, timeout=self._timeout) as answer:
                return answer.status, _fields(self._body(answer))
        except OSError as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise self._refused(f"cannot be asked: {reason}") from error
        except (HTTPException, ValueError) as error:
            # Not quoted: it may hold what we sent.
            raise self._refused("cannot be asked: what it answers is not HTTP, or its address is wrong") from error

    def _form(self) -> bytes:
        grant = {"grant_type": "client_credentials"}
        if self._refresh_token:
            grant = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        return urlencode({name: value for name, value in (grant | self._client).items() if value}).encode()

    def _body(self, answer: HTTPResponse) -> bytes:
        # The socket's timeout is for each piece, of which there may be many.
        until, body = self._clock() + self._timeout, b""
        while piece := answer.read1(_LARGEST):
            body += piece
            if len(body) > _LARGEST:
                raise self._refused(f"answered {answer.status} with more than {_LARGEST} bytes")
            if self._clock() > until:
                raise TimeoutError("its answer takes too long")
        return body

    def _refused(self, words: str) -> TokenRefused:
        """The words as a sentence in one line, without the secrets that an endpoint may have repeated."""
        secrets = sorted((self._client["client_secret"], self._refresh_token), key=len, reverse=True)
        for form in (form for one in secrets if one for form in (one, quote_plus(one), quote(one, safe=""))):
            words = words.replace(form, "(not shown)")
        readable = " ".join("".join(one if one.isprintable() else " " for one in words).split())
        return TokenRefused(f"The token endpoint {urlsplit(self._url).hostname} {readable[:_QUOTED].rstrip('. ')}.")


def _opener() -> OpenerDirector:
    """What speaks HTTP and no more: redirects are not followed, each status is an answer, http:// goes by no proxy."""
    opener = OpenerDirector()
    proxies = {scheme: proxy for scheme, proxy in getproxies().items() if scheme == "https"}
    for handler in (ProxyHandler(proxies), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    return opener


def _may_be_told(url: str) -> bool:
    """Whether secrets may be sent to this address: encrypted, or without leaving this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        here = parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
    whole = bool(host) and "@" not in parts.netloc and url.isprintable()
    return whole and (here or parts.scheme == "https")


def _fields(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _said(fields: dict[str, object]) -> str:
    """What the endpoint calls the error, and how it describes it (RFC 6749 §5.2)."""
    given = (fields.get("error"), fields.get("error_description"))
    words = ": ".join(one for one in given if isinstance(one, str) and one)
    return f", {words}" if words else ""


def _is_usable(token: object) -> TypeGuard[str]:
    """Whether this is a token in the letters of RFC 6749 appendix A.12; others would end up in a command."""
    return isinstance(token, str) and token != "" and token.isascii() and token.isprintable()


def _seconds(given: object) -> float:
    """How long a token is good; some endpoints put the number in quotes."""
    try:
        return min(float(str(given)), _LONGEST)
    except ValueError:
        return _UNSAID
