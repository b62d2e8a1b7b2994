"""Where does everything end up? At a mail server of Python's own kind, which keeps each message with its envelope."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from story.stage import free_port

# What relays write above a message while it passes them.
_TRACE = re.compile(rb"\A(?:(?:Received|Delivered-To|X-[\w-]+):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One message as it arrived, to one recipient."""

    sender: str
    recipient: str
    content: bytes

    @property
    def message_id(self) -> str:
        """The Message-ID, as the ledger of the recipient's side counts it."""
        found = re.findall(rb"^Message-ID: (<[^>\r\n]+>)\r$", self.content, re.MULTILINE)
        assert len(found) == 1, self.content[:2000]
        return str(found[0].decode())

    @property
    def original(self) -> bytes:
        """The message without what relays wrote above it."""
        return _TRACE.sub(b"", self.content)

    def parsed(self) -> EmailMessage:
        """The message as a mail client reads it."""
        return message_from_bytes(self.content, _class=EmailMessage, policy=policy.default)


class Collector:
    """The server and what arrived there; `port` is where it listens."""

    def __init__(self) -> None:
        self.port = free_port()
        self.arrived: list[Arrived] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    @contextmanager
    def listening(self) -> Iterator["Collector"]:
        """Listen, in a thread."""
        self._controller.start()
        try:
            yield self
        finally:
            self._controller.stop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's)
        """Aiosmtpd brings a message; a relay may have given it several recipients."""
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        for recipient in envelope.rcpt_tos:
            self.arrived.append(Arrived(sender=envelope.mail_from, recipient=recipient, content=envelope.content))
        return "250 2.0.0 Kept"

    def counted(self) -> Counter[tuple[str, str]]:
        """How often each message came to each recipient."""
        return Counter((one.recipient, one.message_id) for one in self.arrived)
