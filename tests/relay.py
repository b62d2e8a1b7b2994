"""Which mail server do tests send to? A strict one on loopback, which goes wrong wherever it is told to.

It runs in a thread of its own, keeps what it took, and complains about whatever a strict server would not stand: bytes
before its greeting, content before its 354, groups that RFC 2920 does not allow, bare line ends, a wrong SIZE.
"""

import asyncio
import base64
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

from sequencer.core.model import DeliveryId, Parcel, Ticket
from sequencer.relays import Relay

EXTENSIONS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8")
CHUNKING = (*EXTENSIONS, "CHUNKING")


class Step(StrEnum):
    """Where in a conversation something can go wrong. CONTENT is when its first bytes have come, DOT after its last.

    It is the same whether DATA or BDAT brings it; LONE_DOT is the answer to what is for nobody.
    """

    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    DOT = "dot"
    LONE_DOT = "lone dot"
    RSET = "rset"
    QUIT = "quit"


class How(StrEnum):
    """What goes wrong: another answer, an answer in crumbs, half an answer, or none and worse."""

    SAY = "say"
    SAY_AND_CLOSE = "say and close"
    TRICKLE = "trickle"
    HALF = "half"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"
    DIE = "die"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing to do wrong, `times` over (-1: always); `nth` is of the messages, before the first of connections.

    Where no `reply` is given the usual one is meant. `taken`: a message whose dot has no answer was kept all the same.
    """

    at: Step
    how: How = How.SAY
    reply: str = ""
    nth: int = 0
    recipient: str = ""
    times: int = 1
    taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message the relay took: `behind` is what had come behind its last byte before that was answered."""

    connection: int
    sender: str
    parameters: tuple[str, ...]
    recipient: str
    content: bytes
    behind: bytes


Dice = Callable[[Step], Fault | None]


@dataclass(slots=True, kw_only=True)
class ChaosRelay:
    """The relay; used as a context, at whose end its complaints fail the test.

    `extensions` is what EHLO offers, `after_tls` what it offers once STARTTLS was spoken. `linger` is how long it waits
    for more behind a content before it answers. `most` closes a connection behind so many messages.
    """

    faults: list[Fault] = field(default_factory=list)
    extensions: tuple[str, ...] = EXTENSIONS
    after_tls: tuple[str, ...] | None = None
    login: tuple[str, str] | None = None
    mechanisms: str = "PLAIN LOGIN"
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    eager: bool = False  # answers DATA with 354 though no recipient was taken
    greylisting: bool = False
    greet_after: float = 0.0
    linger: float = 0.0
    most: int = 0
    most_connections: int = 0
    dice: Dice | None = None
    on_content: Callable[[str], None] | None = None
    complains: bool = True

    port: int = 0
    kept: list[Kept] = field(default_factory=list)
    log: list[tuple[int, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    messages: int = 0
    begun: Counter[str] = field(default_factory=Counter)  # contents begun, by recipient
    _seen: set[str] = field(default_factory=set)
    _all: list["_Connection"] = field(default_factory=list)
    _open: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _server: asyncio.Server | None = None
    _over: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="chaos relay")
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._over is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        if error is None and self.complains:
            assert not self.complaints, self.complaints

    def settings(self, **changes: object) -> Relay:
        """How to reach this relay; plain text and a second's patience unless told otherwise."""
        given: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "tls": "implicit" if self.implicit_tls else "off",
            "connections": 1,
            "timeout": 1,
        }
        return Relay(**{**given, **changes})  # type: ignore[arg-type]

    @property
    def recipients(self) -> list[str]:
        """Whom the messages went to that it took, in order."""
        return [one.recipient for one in self.kept]

    def said(self, connection: int = 1) -> list[str]:
        """The verbs of the client's commands on one connection."""
        return [line.split(" ")[0] for number, line in self.log if number == connection]

    def next_fault(self, step: Step, *, count: int, recipient: str) -> Fault | None:
        """What is to go wrong now, if anything; each fault is used up."""
        for fault in self.faults:
            fits = fault.at is step and fault.times and fault.nth in (0, count)
            if fits and fault.recipient in ("", recipient):
                fault.times -= 1
                return fault
        return self.dice(step) if self.dice else None

    def greylists(self, recipient: str) -> bool:
        """Whether this is the recipient's first time."""
        first = recipient not in self._seen
        self._seen.add(recipient)
        return self.greylisting and first

    def die(self) -> None:
        """Take no more connections, and drop those there are."""
        assert self._server is not None
        self._server.close()
        for connection in self._all:
            connection.transport.abort()

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        context = self.tls if self.implicit_tls else None
        self._server = await self._loop.create_server(self._connection, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        running = [one.task for one in self._all if one.task and not one.task.done()]
        if running:
            # What the client said last is on its way: hear it out before the line is cut.
            await asyncio.wait(running, timeout=0.05)
        self.die()
        await asyncio.gather(*(one.task for one in self._all if one.task))
        await asyncio.sleep(0)

    def _connection(self) -> "_Connection":
        self.connections += 1
        return _Connection(self, self.connections)

    def arrived(self, connection: "_Connection") -> int:
        """A connection is there; how many there are now."""
        self._all.append(connection)
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        return self._open

    def left(self) -> None:
        """A connection is gone."""
        self._open -= 1


class _Gone(Exception):
    """This connection is over."""


class _Connection(asyncio.Protocol):
    """One conversation, from the server's side."""

    def __init__(self, relay: ChaosRelay, number: int) -> None:
        self.task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport
        self._relay = relay
        self._number = number
        self._buffer = b""
        self._more = asyncio.Event()
        self._closed = False
        self._crowd = 0
        self._extensions: tuple[str, ...] = ()
        self._encrypted = relay.implicit_tls
        self._known = relay.login is None
        self._taken = 0
        self._nth = 0
        self._forget()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.task is None:
            self._crowd = self._relay.arrived(self)
            self.task = asyncio.get_running_loop().create_task(self._live())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._more.set()

    def connection_lost(self, _: Exception | None) -> None:
        self._closed = True
        self._more.set()

    async def _live(self) -> None:
        try:
            await self._talk()
        except _Gone:
            pass
        except Exception as error:  # noqa: BLE001 (a test must hear of it)
            self._complain(f"the relay itself failed: {error!r}")
        self.transport.close()
        self._relay.left()

    async def _talk(self) -> None:
        if self._relay.greet_after:
            await self._look_for_more(self._relay.greet_after)
        if self._buffer:
            self._complain("spoke before the greeting")
        if 0 < self._relay.most_connections < self._crowd:
            self._write("421 4.7.0 too many connections\r\n")
            return
        await self._answer(Step.GREETING, "220 relay.test ESMTP")
        commands = {
            "EHLO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "QUIT": self._quit,
        }
        while True:
            verb, _, rest = (await self._line()).partition(" ")
            if verb != "BDAT":
                self._alone(verb)
            await commands[verb](rest)

    async def _rset(self, _: str) -> None:
        self._forget()
        await self._answer(Step.RSET, "250 2.0.0 Ok")

    async def _quit(self, _: str) -> None:
        await self._answer(Step.QUIT, "221 2.0.0 Bye")
        raise _Gone

    async def _ehlo(self, _: str) -> None:
        relay = self._relay
        offered = relay.extensions if not self._encrypted or relay.after_tls is None else relay.after_tls
        if relay.tls and not self._encrypted:
            offered = (*offered, "STARTTLS")
        if relay.login:
            offered = (*offered, f"AUTH {relay.mechanisms}")
        self._extensions = tuple(one.split(" ")[0] for one in offered)
        lines = ["relay.test", *offered]
        hyphens = [*"-" * (len(lines) - 1), " "]
        await self._answer(Step.EHLO, "\r\n".join(f"250{mark}{one}" for mark, one in zip(hyphens, lines, strict=True)))

    async def _starttls(self, _: str) -> None:
        if not (await self._answer(Step.STARTTLS, "220 2.0.0 go ahead")).startswith("220"):
            return
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self.transport, self, self._relay.tls, server_side=True)  # type: ignore[arg-type]
        except (OSError, ssl.SSLError) as error:
            raise _Gone from error
        assert transport is not None
        self.transport = transport
        self._encrypted = True
        self._extensions = ()

    async def _auth(self, rest: str) -> None:
        mechanism, _, first = rest.partition(" ")
        if mechanism.upper() == "XOAUTH2":
            await self._xoauth2(first)
            return
        if mechanism.upper() == "PLAIN":
            given = tuple(_plain(first).split("\0")[1:])
        else:
            user = _plain(first) if first else await self._asked("334 VXNlcm5hbWU6")
            given = (user, await self._asked("334 UGFzc3dvcmQ6"))
        self._known = given == self._relay.login
        usual = "235 2.7.0 Ok" if self._known else f"535 5.7.8 authentication failed: {rest}"
        await self._answer(Step.AUTH, usual)

    async def _xoauth2(self, first: str) -> None:
        """`login` is the user and the token. What is wrong is told as a question, whose empty answer brings the 535."""
        user, token = self._relay.login or ("", "")
        self._known = _plain(first) == f"user={user}\x01auth=Bearer {token}\x01\x01"
        if not self._known and await self._asked("334 eyJzdGF0dXMiOiI0MDEifQ=="):
            self._complain("answered the challenge of XOAUTH2 with more than an empty line")
        await self._answer(Step.AUTH, "235 2.7.0 Accepted" if self._known else f"535 5.7.8 bad token: {first}")

    async def _asked(self, question: str) -> str:
        self._write(f"{question}\r\n")
        return _plain(await self._line())

    async def _mail(self, rest: str) -> None:
        found = re.fullmatch(r"FROM:<([^<>\s]*)>((?: \S+)*)", rest, re.IGNORECASE)
        assert found, rest
        usual = "250 2.1.0 Ok" if self._known else "530 5.7.0 Authentication required"
        if self._sender:
            # As Postfix does: the transaction is not over because nobody was let in.
            self._complain("said MAIL within a transaction")
            usual = "503 5.5.1 nested MAIL command"
        self._relay.messages += 1
        self._nth = self._relay.messages
        sender, parameters = found[1], tuple(found[2].split())
        for name in {one.split("=")[0] for one in parameters} - set(self._extensions):
            self._complain(f"used {name}, which was not offered")
        if (await self._answer(Step.MAIL, usual)).startswith("250"):
            self._sender, self._parameters = sender, parameters

    async def _rcpt(self, rest: str) -> None:
        found = re.fullmatch(r"TO:<([^<>\s]+)>", rest, re.IGNORECASE)
        assert found, rest
        self._to = found[1]
        if not self._to.isascii() and "SMTPUTF8" not in self._parameters and self._sender:
            self._complain("named an address that is not ASCII without SMTPUTF8")
        usual = "250 2.1.5 Ok" if self._sender else "503 5.5.1 MAIL first"
        if self._sender and self._relay.greylists(self._to):
            usual = "451 4.7.1 greylisted, try again later"
        if (await self._answer(Step.RCPT, usual)).startswith("250") and self._sender:
            self._recipient = self._to

    async def _data(self, _: str) -> None:
        usual = "354 go ahead" if self._recipient or self._relay.eager else "554 5.5.1 no valid recipients"
        if not (await self._answer(Step.DATA, usual)).startswith("354"):
            return
        while not self._buffer:
            await self._wait()
        if not self._buffer.startswith(b".\r\n"):
            await self._content()
        elif self._recipient:
            self._complain("sent an empty message")
        self._relay_line(b".")
        self._buffer = self._buffer.removeprefix(b".\r\n")
        if self._content_so_far:
            await self._dot(re.sub(rb"(?m)^\.", b"", self._content_so_far))
        else:
            self._forget()
            await self._answer(Step.LONE_DOT, "554 5.5.1 no valid recipients")

    async def _bdat(self, rest: str) -> None:
        """A chunk of RFC 3030. Its bytes come in any case; who does not wait for RCPT's answer cannot know better."""
        found = re.fullmatch(r"(\d+)( LAST)?", rest, re.IGNORECASE)
        assert found, rest
        if "CHUNKING" not in self._extensions:
            self._complain("used BDAT, though CHUNKING was not offered")
        if self._recipient and not self._content_so_far:
            await self._begin()
        while len(self._buffer) < int(found[1]):
            await self._wait()
        chunk, self._buffer = self._buffer[: int(found[1])], self._buffer[int(found[1]) :]
        if not self._recipient:
            self._forget()
            await self._answer(Step.LONE_DOT, "503 5.5.1 nobody to send it to")
            return
        self._content_so_far += chunk
        if found[2]:
            await self._dot(self._content_so_far)
        else:
            self._write("250 2.0.0 Ok\r\n")

    async def _content(self) -> None:
        if not self._recipient:
            self._complain("sent content that is for nobody")
        await self._begin()
        while (end := self._buffer.find(b"\r\n.\r\n")) < 0:
            await self._wait()
        self._content_so_far, self._buffer = self._buffer[: end + 2], self._buffer[end + 2 :]

    async def _begin(self) -> None:
        """The first bytes of content are coming."""
        self._relay.begun[self._recipient] += 1
        if self._relay.on_content:
            self._relay.on_content(self._recipient)
        fault = self._relay.next_fault(Step.CONTENT, count=self._nth, recipient=self._to)
        if fault:
            await self._go_wrong(fault, fault.reply)

    async def _dot(self, content: bytes) -> None:
        """All of it has come; `content` is without what stood for dots."""
        relay = self._relay
        for line in self._content_so_far.removesuffix(b"\r\n").split(b"\r\n"):
            if b"\r" in line or b"\n" in line or len(line) > 998:
                self._complain(f"sent a line that no server takes: {line[:60]!r}")
        sizes = [one for one in self._parameters if one.startswith("SIZE=")]
        if sizes not in ([], [f"SIZE={len(content)}"]):
            self._complain(f"announced {sizes} for {len(content)} bytes")
        if relay.linger and not self._buffer:
            await self._look_for_more(relay.linger)
        if self._buffer and "PIPELINING" not in self._extensions:
            self._complain("sent more behind the content, though PIPELINING was not offered")
        kept = Kept(
            connection=self._number,
            sender=self._sender,
            parameters=self._parameters,
            recipient=self._recipient,
            content=content,
            behind=self._buffer,
        )
        fault = relay.next_fault(Step.DOT, count=self._nth, recipient=self._to)
        usual = f"250 2.0.0 Ok: queued as {self._nth}"
        said = (fault.reply or usual) if fault else usual
        silent = fault is not None and fault.how not in (How.SAY, How.SAY_AND_CLOSE, How.TRICKLE)
        if (fault is not None and fault.taken) if silent else said.startswith("2"):
            relay.kept.append(kept)
        self._forget()
        if fault:
            await self._go_wrong(fault, said)
        else:
            self._write(f"{said}\r\n")
        self._taken += 1
        if 0 < relay.most <= self._taken:
            raise _Gone

    def _forget(self) -> None:
        self._sender = self._recipient = self._to = ""
        self._parameters: tuple[str, ...] = ()
        self._content_so_far = b""

    async def _answer(self, step: Step, usual: str) -> str:
        """Say the usual, or do what is to go wrong here; what was said."""
        first = step in (Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH)
        count = self._number if first else self._nth
        fault = self._relay.next_fault(step, count=count, recipient=self._to)
        said = (fault.reply or usual) if fault else usual
        if fault:
            await self._go_wrong(fault, said)
        else:
            self._write(f"{said}\r\n")
        return said

    async def _go_wrong(self, fault: Fault, said: str) -> None:
        whole = f"{said}\r\n".encode()
        match fault.how:
            case How.SAY | How.SAY_AND_CLOSE:
                self.transport.write(whole)
            case How.TRICKLE:
                for byte in whole:
                    self.transport.write(bytes([byte]))
                    await asyncio.sleep(0)
            case How.HALF:
                self.transport.write(whole[: len(whole) // 2])
            case How.RESET:
                self.transport.abort()
            case How.DIE:
                self._relay.die()
            case How.HANG:
                self.transport.pause_reading()
                while True:
                    await self._wait()
        if fault.how not in (How.SAY, How.TRICKLE):
            raise _Gone

    def _alone(self, verb: str) -> None:
        """RFC 2920 §3.1: what may have more behind it, and only where PIPELINING was offered."""
        if self._buffer and not (verb in ("MAIL", "RCPT", "RSET") and "PIPELINING" in self._extensions):
            self._complain(f"sent more behind {verb}: {self._buffer[:60]!r}")

    async def _line(self) -> str:
        while b"\r\n" not in self._buffer:
            if b"\n" in self._buffer or len(self._buffer) > 1000:
                self._complain(f"sent what is no command line: {self._buffer[:60]!r}")
                raise _Gone
            await self._wait()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        self._relay_line(line)
        return line.decode()

    async def _wait(self) -> None:
        """Wait for more bytes; the end of the connection ends this."""
        if self._closed:
            raise _Gone
        self._more.clear()
        await self._more.wait()
        if self._closed:
            raise _Gone

    async def _look_for_more(self, seconds: float) -> None:
        self._more.clear()
        try:
            await asyncio.wait_for(self._more.wait(), seconds)
        except TimeoutError:
            return

    def _relay_line(self, line: bytes) -> None:
        self._relay.log.append((self._number, line.decode("utf-8", "replace")))

    def _write(self, text: str) -> None:
        self.transport.write(text.encode())

    def _complain(self, what: str) -> None:
        self._relay.complaints.append(f"connection {self._number}: the client {what}")


def _plain(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def a_parcel(number: int, **changes: object) -> Parcel:
    """A short message to somebody with this number."""
    given: dict[str, object] = {
        "ticket": Ticket(delivery_id=DeliveryId(number), attempt=1),
        "relay": "",
        "sender": "ann@example.org",
        "recipient": recipient(number),
        "needs_smtputf8": False,
        "content": f"Subject: {number}\r\n\r\nWords.\r\n".encode(),
    }
    return Parcel(**{**given, **changes})  # type: ignore[arg-type]


def recipient(number: int) -> str:
    """The address of somebody with this number."""
    return f"person-{number}@example.org"
