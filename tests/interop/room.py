"""Where do other people's servers run? In a room of their own: hard links to .interop/room, entered by chroot.

What a test writes there, settings, keys and spools, is a file of that one copy and goes away with it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[2] / ".interop"
_GOING = 10.0  # seconds that a server gets to stop by itself
_NOT_LAID = "There is no room for other people's servers yet; `make interop` makes it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A root folder with the servers in it. Paths that its methods take begin at that root."""

    root: Path

    def path(self, name: str) -> Path:
        """Where something of the room is for us, who are outside."""
        return self.root / name.lstrip("/")

    def write(self, name: str, content: str | bytes, *, owner: str = "root", mode: int = 0o644) -> None:
        """A file, the only one of its name: what the unpacked room has there stays as it is."""
        path = self.path(name)
        self.folder(str(Path(name).parent))
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        os.chown(path, *self._ids(owner))

    def folder(self, name: str, *, owner: str | None = None, mode: int = 0o755) -> None:
        """A folder, made if it is missing; it is given away and its mode set where an owner is named."""
        path = self.path(name)
        path.mkdir(parents=True, exist_ok=True)
        if owner is not None:
            path.chmod(mode)
            os.chown(path, *self._ids(owner))

    def run(self, *command: str, typed: str = "") -> str:
        """What a command in the room prints; it has to succeed."""
        done = subprocess.run(  # noqa: S603 (what tests wrote)
            self._inside(command), input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command[0]} exited {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @contextmanager
    def running(self, *command: str, log: str) -> Iterator[subprocess.Popen[bytes]]:
        """A server of the room that goes on in the foreground of a session of its own; what it says goes to `log`."""
        self.folder(str(Path(log).parent))
        with self.path(log).open("ab") as said:
            process = subprocess.Popen(  # noqa: S603 (what tests wrote)
                self._inside(command), stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        try:
            yield process
        finally:
            _end(process)

    def _inside(self, command: Sequence[str]) -> list[str]:
        return ["/usr/sbin/chroot", str(self.root), *command]

    def _ids(self, owner: str) -> tuple[int, int]:
        for line in self.path("/etc/passwd").read_text().splitlines():
            name, _, user, group, *_ = line.split(":")
            if name == owner:
                return int(user), int(group)
        raise AssertionError(f"nobody in the room is called {owner}")


@contextmanager
def opened() -> Iterator[Room]:
    """A room for one run of the tests."""
    laid = HOME / "room"
    assert laid.is_dir(), _NOT_LAID
    with tempfile.TemporaryDirectory(prefix="run-", dir=HOME) as folder:
        root = Path(folder) / "room"
        shutil.copytree(laid, root, symlinks=True, copy_function=os.link)
        yield Room(root=root)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing that a server started outlives it."""
    process.terminate()
    try:
        process.wait(_GOING)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.wait()
