"""Is there a real Postfix to measure with? That of the interop tests; it takes what comes and throws it away."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import sink

# The tests know how it is set up; they are no package of the project's.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
from interop import relays, room
from interop.room import Room

# Plain text on loopback: what is measured is the way, not the cipher.
_INSTEAD = {
    "smtpd_tls_security_level": "none",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "relayhost": "",
    "default_transport": "discard",
}


@contextlib.contextmanager
def running() -> Iterator[tuple[int, str]]:
    """Postfix where `make interop` has laid it and we are root, else our own sink: the port, and what it is."""
    if not (room.HOME / "room").is_dir() or os.geteuid() != 0:
        with sink.own() as made:
            yield made
        return
    with room.opened() as inside:
        port = sink.free_port()
        command = relays.postfix(inside, port, onward=port)
        kept = [one for one in _lines(inside, "main.cf") if one.partition(" =")[0] not in _INSTEAD]
        _write(inside, "main.cf", [*kept, *(f"{name} = {value}" for name, value in _INSTEAD.items())])
        _write(inside, "master.cf", [*_lines(inside, "master.cf"), "discard unix - - n - - discard"])
        with inside.running(*command, log="/var/log/postfix.log"):
            sink.wait_for(port)
            version = inside.run("/usr/sbin/postconf", "-h", "mail_version").strip()
            yield port, f"Postfix {version}"


def _lines(inside: Room, name: str) -> list[str]:
    return inside.path(f"/etc/postfix/{name}").read_text().splitlines()


def _write(inside: Room, name: str, lines: list[str]) -> None:
    inside.write(f"/etc/postfix/{name}", "".join(f"{one}\n" for one in lines))
