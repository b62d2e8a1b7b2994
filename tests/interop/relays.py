"""How is each server set up? As a relay that lets in who knows the password, over TLS, and passes all mail on.

OpenSMTPD has neither: the one of Debian 12 (6.8.0) cannot speak TLS as a server with OpenSSL 3, as its issue 1171
tells, and without TLS it offers no AUTH. So it takes what comes from this machine.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from interop.room import Room
from story.stage import free_port, wait_for

USER = "sequencer"
PASSWORD = "horse/battery@50%"  # what an address has to percent-encode
# What Postfix and Exim say of an address that begins with "gone", and of one that begins with "later".
GONE, LATER = "550 5.1.1 no such user", "450 4.2.1 mailbox full"
_NAME = "relay.example.net"
_CERTIFICATE, _KEY = "/etc/ssl/relay.pem", "/etc/ssl/relay.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A server that listens, and the folders in which mail waits for it. `is_locked`: it wants TLS and a password."""

    name: str
    port: int
    room: Room
    is_locked: bool
    connections: int
    queues: tuple[str, ...]
    log: str

    def url(self, *, password: str = PASSWORD, **options: object) -> str:
        """What `relay_url` has to be, with options of ours."""
        known, tls = (f"{USER}:{quote(password, safe='')}@", "required") if self.is_locked else ("", "off")
        query = urlencode({"tls": tls, "connections": self.connections, **options})
        return f"smtp://{known}127.0.0.1:{self.port}?{query}"

    def is_empty(self) -> bool:
        """Whether no message waits in its queue."""
        folders = [self.room.path(name) for name in self.queues]
        return not any(_is_file(path) for folder in folders if folder.is_dir() for path in folder.rglob("*"))

    def said(self) -> str:
        """The end of its log, for who wonders what went wrong."""
        return "\n".join(self.logged()[-5:])

    def logged(self) -> list[str]:
        """The lines of its log."""
        return self.room.path(self.log).read_text(errors="replace").splitlines()


def postfix(room: Room, port: int, onward: int) -> tuple[str, ...]:
    """Postfix, with Cyrus SASL and its own password file."""
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved"):
        room.folder(f"/var/spool/postfix/{name}", owner="postfix", mode=0o700)
    room.folder("/var/spool/postfix/trace", owner="postfix", mode=0o700)
    room.folder("/var/spool/postfix/public", owner="postfix", mode=0o755)
    room.folder("/var/spool/postfix/pid", owner="root")
    room.folder("/var/lib/postfix", owner="postfix", mode=0o700)
    room.write("/etc/postfix/main.cf", _POSTFIX.format(onward=onward, name=_NAME, certificate=_CERTIFICATE, key=_KEY))
    room.write("/etc/postfix/refused", f"/^gone/ {GONE}\n/^later/ {LATER}\n")
    room.write("/etc/postfix/master.cf", _POSTFIX_SERVICES.format(port=port))
    room.write(
        "/etc/postfix/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
    )
    room.run("/usr/sbin/saslpasswd2", "-p", "-c", "-u", _NAME, "-f", "/etc/sasldb2", USER, typed=PASSWORD)
    room.write("/etc/sasldb2", room.path("/etc/sasldb2").read_bytes(), owner="postfix", mode=0o600)
    return ("/usr/lib/postfix/sbin/master", "-d")


def exim(room: Room, port: int, onward: int) -> tuple[str, ...]:
    """Exim, with its plaintext authenticators. Its limit of 1,000 messages a connection is left as it comes."""
    room.folder("/var/spool/exim4", owner="Debian-exim", mode=0o750)
    room.folder("/var/log/exim4", owner="Debian-exim", mode=0o750)
    room.write(
        "/etc/exim4/exim4.conf",
        _EXIM.format(
            port=port,
            onward=onward,
            name=_NAME,
            certificate=_CERTIFICATE,
            key=_KEY,
            user=USER,
            password=PASSWORD,
            gone=GONE,
            later=LATER,
        ),
    )
    return ("/usr/sbin/exim4", "-bdf", "-q5s")


def opensmtpd(room: Room, port: int, onward: int) -> tuple[str, ...]:
    """OpenSMTPD, for mail from this machine. Its limit of 100 messages a connection is left as it comes."""
    room.folder("/var/spool/smtpd", owner="root", mode=0o711)
    room.write("/etc/smtpd.conf", _OPENSMTPD.format(port=port, onward=onward, name=_NAME))
    return ("/usr/sbin/smtpd", "-d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One of the programs: how it is set up (which gives the command that starts it), and where it keeps what."""

    set_up: Callable[[Room, int, int], tuple[str, ...]]
    is_locked: bool
    connections: int  # few enough that the server's own limit for one connection is met
    queues: tuple[str, ...]
    log: str
    keeper: str = "root"  # who reads the TLS key


SERVERS = {
    "postfix": Server(
        set_up=postfix,
        is_locked=True,
        connections=20,
        queues=tuple(f"/var/spool/postfix/{name}" for name in ("incoming", "active", "deferred", "hold", "corrupt")),
        log="/var/log/postfix.log",
    ),
    "exim": Server(
        set_up=exim,
        is_locked=True,
        connections=1,
        queues=("/var/spool/exim4/input",),
        log="/var/log/exim4/mainlog",
        keeper="Debian-exim",
    ),
    "opensmtpd": Server(
        set_up=opensmtpd,
        is_locked=False,
        connections=5,
        queues=tuple(f"/var/spool/smtpd/{name}" for name in ("incoming", "queue", "corrupt")),
        log="/var/log/opensmtpd.log",
    ),
}


@contextmanager
def listening(name: str, room: Room, *, onward: int, certificate: bytes, key: bytes) -> Iterator[Relay]:
    """The server of this name, started in the room and ready; what it takes, it passes on to the port `onward`."""
    server, port = SERVERS[name], free_port()
    room.write(_CERTIFICATE, certificate)
    room.write(_KEY, key, owner=server.keeper, mode=0o600)
    command = server.set_up(room, port, onward)
    relay = Relay(
        name=name,
        port=port,
        room=room,
        is_locked=server.is_locked,
        connections=server.connections,
        queues=server.queues,
        log=server.log,
    )
    said = f"/var/log/{name}.log"
    with room.running(*command, log=said) as process:

        def answers() -> bool:
            assert process.poll() is None, f"{name} ended: {room.path(said).read_text()}"
            return _greets(port)

        wait_for(f"a greeting of {name}", answers)
        yield relay


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    """Whether it is a file now; queues move while we look."""
    try:
        return path.is_file()
    except OSError:
        return False


_POSTFIX = """compatibility_level = 3.6
myhostname = {name}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
maillog_file = /var/log/postfix.log
smtpd_peername_lookup = no
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {name}
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access regexp:/etc/postfix/refused
smtp_dns_support_level = disabled
relayhost = [127.0.0.1]:{onward}
"""

# As Debian ships it, less what is not needed here.
_POSTFIX_SERVICES = """127.0.0.1:{port} inet n - n - - smtpd
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
tlsmgr   unix - - n 1000? 1 tlsmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
verify   unix - - n - 1 verify
flush    unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp     unix - - n - - smtp
error    unix - - n - - error
retry    unix - - n - - error
anvil    unix - - n - 1 anvil
scache   unix - - n - 1 scache
postlog  unix-dgram n - n - 1 postlogd
"""

_EXIM = """primary_hostname = {name}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
log_file_path = /var/log/exim4/%slog
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = people
acl_smtp_data = all
# There is no DNS here to ask for keys.
dkim_verify_signers =
# Delivered as they come: after ten messages of a connection Exim would leave them to the next run of its queue.
smtp_accept_queue_per_connection = 0

begin acl
people:
  deny local_parts = ^gone
       message = {gone}
  defer local_parts = ^later
       message = {later}
  accept authenticated = *
  deny
all:
  accept

begin routers
onward:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = onward
  self = send

begin transports
onward:
  driver = smtp
  port = {onward}
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_dane =

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""

_OPENSMTPD = """listen on 127.0.0.1 port {port} hostname {name}
# Otherwise it waits for seconds after each hundred messages that it passes on; what it takes is limited as it comes.
mta limit conn-delay-route 0 reconn-delay-route 0 session-mail-max 10000
action "onward" relay host "smtp://127.0.0.1:{onward}"
match from local for any action "onward"
"""
