"""How is a connection to a relay opened? aiosmtplib connects, speaks TLS and logs in; then the socket is ours."""

import asyncio
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
        start_tls={"required": True, "offered": None}.get(relay.tls, False),
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise RelayDown(f"The relay {relay.name} cannot be used: {_reason(error)}.") from error
    if client.transport is None:
        raise RelayDown(f"The relay {relay.name} closed the connection.")
    # Any loop's transport that writes; those of uvloop are no subclass of asyncio's.
    transport = cast("asyncio.Transport", client.transport)
    return Session(
        transport, frozenset(client.esmtp_extensions), command_timeout=relay.timeout, dot_timeout=dot_timeout
    )


def _reason(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"it answered {error.code} {error.message}".rstrip(".")
    return str(error).rstrip(".") or type(error).__name__
