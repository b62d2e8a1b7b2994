"""Where does a zone come from whose rules a test may change? From a folder of compiled zone files of its own."""

import struct
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write(folder: Path, name: str, rules: str) -> None:
    """Compile a zone whose clock goes by these POSIX rules, like "AAA-1" for an hour before UTC (RFC 9636)."""
    header = b"TZif2" + b"\0" * 15 + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    block = struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + block + header + block + f"\n{rules}\n".encode())


@contextmanager
def among(folder: Path) -> Iterator[None]:
    """The zones of this folder are known beside those of the machine."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(folder), *before])
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(before)
        zoneinfo.ZoneInfo.clear_cache()
