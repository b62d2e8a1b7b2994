"""How is a connection to a relay opened? aiosmtplib connects, speaks TLS and logs in; then the socket is ours."""

import asyncio
from base64 import b64encode
from typing import cast

import aiosmtplib

from sequencer.delivery.oauth import TokenRefused, TokenSource
from sequencer.delivery.session import Conversation, Session
from sequencer.delivery.window import Window
from sequencer.delivery.wire import FINAL_DOT_TIMEOUT, Wire
from sequencer.relays import Relay

_LOCKED_OUT = 900.0  # seconds: who knocks oftener with a wrong password is locked out for longer


class RelayDown(Exception):
    """The relay cannot be used now; the message says why, for the operator. `least`: seconds to leave it alone."""

    def __init__(self, reason: str, *, least: float = 0.0) -> None:
        super().__init__(reason)
        self.least = least


async def open_session(
    relay: Relay, *, tokens: TokenSource | None = None, dot_timeout: float = FINAL_DOT_TIMEOUT
) -> Conversation:
    """A conversation with the relay, ready for messages. Raises RelayDown. `dot_timeout`: seconds content may take."""
    try:
        # Before the connection, which would lie idle meanwhile.
        token = await tokens.token() if tokens else ""
    except TokenRefused as error:
        raise RelayDown(f"The relay {relay.name} cannot be used: {str(error).rstrip('.')}.") from error

    async def kept() -> str:
        # Asked for once more it might be another one, or refused.
        return token

    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.username or None,
        password=relay.password or None,
        oauth_token_generator=kept if tokens else None,
        timeout=relay.timeout,
        use_tls=relay.tls == "implicit",
        # Who takes TLS only where it is offered gains nothing from a certificate; but no stranger gets the password.
        validate_certs=relay.tls != "offered" or bool(relay.username),
        start_tls={"required": True, "offered": None}.get(relay.tls, False),
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
    except asyncio.CancelledError:
        client.close()
        raise
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        refused = isinstance(error, aiosmtplib.SMTPAuthenticationError) and error.code >= 500  # noqa: PLR2004 (5yz)
        if refused and tokens is not None:
            tokens.forget()
        raise RelayDown(
            f"The relay {relay.name} cannot be used: {_hidden(relay, token, _reason(error))}.",
            # A token that was refused is not the last one; a password is.
            least=_LOCKED_OUT if refused and tokens is None else 0.0,
        ) from error
    if client.transport is None or client.transport.is_closing():
        raise RelayDown(f"The relay {relay.name} closed the connection.")
    # Any loop's transport that writes; those of uvloop are no subclass of asyncio's.
    transport = cast("asyncio.Transport", client.transport)
    wire = Wire(
        transport,
        frozenset(client.esmtp_extensions),
        command_timeout=relay.timeout,
        dot_timeout=dot_timeout,
        most=relay.messages_per_connection,
    )
    return Window(wire) if relay.eager and wire.chunked else Session(wire)


def token_source(relay: Relay) -> TokenSource | None:
    """Where the relay's tokens come from; None where it is logged in to by a password, or not at all."""
    if relay.oauth is None:
        return None
    oauth = relay.oauth
    return TokenSource(
        token_url=oauth.token_url,
        client_id=oauth.client_id,
        client_secret=oauth.client_secret,
        refresh_token=oauth.refresh_token,
        scope=oauth.scope,
    )


def _reason(error: Exception) -> str:
    words = str(error) or type(error).__name__
    if isinstance(error, aiosmtplib.SMTPResponseException):
        # What is no reply at all has the code -1.
        words = f"it answered {error.code} {error.message}" if error.code > 0 else error.message
    readable = "".join(one if one.isprintable() else " " for one in words)
    return " ".join(readable.split()).rstrip(".")


def _hidden(relay: Relay, token: str, words: str) -> str:
    """The words without password and token, which a server may have repeated as they travelled."""
    user, password = relay.username, relay.password
    travelled = [f"\0{user}\0{password}", password] if password else []
    travelled += [f"user={user}\x01auth=Bearer {token}\x01\x01"] if token else []
    for secret in (*(b64encode(one.encode()).decode() for one in travelled), password, token):
        words = words.replace(secret, "(not shown)") if secret else words
    return words
