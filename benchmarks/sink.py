"""Where do a benchmark's messages go? Debian's smtp-sink where it is installed, else a pipelining sink of our own."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin"


def postfix_tool(name: str) -> str | None:
    """Where smtp-sink or smtp-source is; None where Postfix is not installed."""
    return shutil.which(name) or shutil.which(name, path=_PATH)


@contextlib.contextmanager
def running() -> Iterator[tuple[int, str]]:
    """A sink on a free port of loopback: the port, and what it is."""
    with _started(free_port(), postfix_tool("smtp-sink")) as made:
        yield made


@contextlib.contextmanager
def own() -> Iterator[tuple[int, str]]:
    """The same, but our own one, which offers CHUNKING."""
    with _started(free_port(), None) as made:
        yield made


@contextlib.contextmanager
def _started(port: int, found: str | None) -> Iterator[tuple[int, str]]:
    if found:
        command, name = [found, "-c", f"127.0.0.1:{port}", "1000"], "smtp-sink"
        if _is_root():
            command[1:1] = ["-u", "nobody"]
    else:
        command, name = [sys.executable, "-m", "benchmarks.sink", str(port)], "own sink"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        wait_for(port)
        yield port, name
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(port: int) -> float:
    """CPU seconds of the sink so far: not needed to send, but it shares our cores."""
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = status.read_bytes().split(b"\0")
            if f"127.0.0.1:{port}".encode() in words or words[2:4] == [b"benchmarks.sink", str(port).encode()]:
                fields = (status.parent / "stat").read_text().rpartition(")")[2].split()
                return (int(fields[11]) + int(fields[12])) / 100
    return 0.0


def _is_root() -> bool:
    import os

    return os.geteuid() == 0


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Come back when somebody listens there."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise SystemExit(f"The sink did not start on port {port}.")


class _Sink(asyncio.Protocol):
    """Takes everything, offers PIPELINING and CHUNKING, answers commands as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._in_content = False
        self._chunk = 0  # bytes that belong to the last BDAT

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        answers = []
        while len(self._rest) >= self._chunk:
            self._rest, self._chunk = self._rest[self._chunk :], 0
            mark = b"\r\n.\r\n" if self._in_content else b"\r\n"
            line, found, rest = self._rest.partition(mark)
            if not found:
                break
            self._rest = rest
            answers.append(self._answer(line))
        if answers:
            self._write(b"".join(answers))

    def _answer(self, line: bytes) -> bytes:
        if self._in_content:
            self._in_content = False
            return b"250 2.0.0 Ok\r\n"
        match line[:4].upper():
            case b"EHLO":
                return b"250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n"
            case b"DATA":
                self._in_content = True
                return b"354 go on\r\n"
            case b"BDAT":
                self._chunk = int(line.split()[1])
                return b"250 2.0.0 Ok\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
            case _:
                return b"250 2.0.0 Ok\r\n"

    def _write(self, answer: bytes) -> None:
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(answer)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
