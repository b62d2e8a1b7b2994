"""How is a connection to a relay opened? aiosmtplib connects, speaks TLS and logs in; then the socket is ours."""

import asyncio
from base64 import b64encode
from typing import cast

import aiosmtplib

from sequencer.delivery.session import FINAL_DOT_TIMEOUT, Session
from sequencer.values import Relay


class RelayDown(Exception):
    """The relay cannot be used now; the message says why, for the operator."""


async def open_session(relay: Relay, *, dot_timeout: float = FINAL_DOT_TIMEOUT) -> Session:
    """A session with the relay, ready for messages. Raises RelayDown. `dot_timeout`: seconds that content may take."""
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.username or None,
        password=relay.password or None,
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
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise RelayDown(f"The relay {relay.name} cannot be used: {_hidden(relay, _reason(error))}.") from error
    if client.transport is None or client.transport.is_closing():
        raise RelayDown(f"The relay {relay.name} closed the connection.")
    # Any loop's transport that writes; those of uvloop are no subclass of asyncio's.
    transport = cast("asyncio.Transport", client.transport)
    return Session(
        transport, frozenset(client.esmtp_extensions), command_timeout=relay.timeout, dot_timeout=dot_timeout
    )


def _reason(error: Exception) -> str:
    words = str(error) or type(error).__name__
    if isinstance(error, aiosmtplib.SMTPResponseException):
        # What is no reply at all has the code -1.
        words = f"it answered {error.code} {error.message}" if error.code > 0 else error.message
    readable = "".join(one if one.isprintable() else " " for one in words)
    return " ".join(readable.split()).rstrip(".")


def _hidden(relay: Relay, words: str) -> str:
    """The words without the password, which a server may have repeated as it travelled."""
    if not relay.password:
        return words
    forms = (f"\0{relay.username}\0{relay.password}", relay.password)
    for form in (*(b64encode(one.encode()).decode() for one in forms), relay.password):
        words = words.replace(form, "(not shown)")
    return words
