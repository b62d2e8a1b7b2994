"""How is each server started? In a temporary folder, on a free port of loopback, as the user that its package made."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from kombu import Connection
from sqlalchemy import create_engine, text
from story.stage import free_port, wait_for

PATIENCE = 60.0
_POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/lib/postgresql"))
FAKETIME = max(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), default=Path("libfaketimeMT.so.1"))
_RABBIT = "/usr/lib/rabbitmq/bin"


@dataclass(slots=True, kw_only=True)
class Server:
    """A program that runs as `user` in a folder of its own, until it is stopped; it may be started again there."""

    command: tuple[str, ...]
    user: str
    folder: Path
    answers: Callable[[], bool]
    environ: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and come back when it answers."""
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 (a server of the machine)
                self.command,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", **self.environ},
                stdout=output,
                stderr=output,
                user=self.user,
                group=pwd.getpwnam(self.user).pw_gid,
                extra_groups=[],
                start_new_session=True,
            )
        wait_for(f"an answer of {self.command[0]}", self._is_up, patience=PATIENCE)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Tell it to end, and come back when it has."""
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "output.txt").read_text(errors="replace")
        return self.answers()


@contextmanager
def _folder(user: str) -> Iterator[Path]:
    """A folder of this user's, gone at the end."""
    made = Path(tempfile.mkdtemp(prefix="sequencer-services-"))
    shutil.chown(made, user)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def postgresql() -> Iterator[tuple[Server, str]]:
    """PostgreSQL, which writes to disk as it does in service, and its address."""
    port = free_port()
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    with _folder("postgres") as folder:
        subprocess.run(  # noqa: S603 (a server of the machine)
            [str(_POSTGRES / "initdb"), "--auth=trust", "--encoding=UTF8", "--no-locale", "-D", str(folder / "data")],
            check=True,
            capture_output=True,
            user="postgres",
            group=pwd.getpwnam("postgres").pw_gid,
            extra_groups=[],
            cwd=folder,
        )
        options = ("-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-c", "max_connections=60")
        command = (str(_POSTGRES / "postgres"), "-D", str(folder / "data"), *options)
        server = Server(command=command, user="postgres", folder=folder, answers=lambda: _answers(url))
        with _running(server):
            yield server, url


@contextmanager
def pgbouncer(behind: str) -> Iterator[str]:
    """PgBouncer in transaction mode before the PostgreSQL at this address; its address, without a database."""
    port, of_server = free_port(), behind.rpartition(":")[2].partition("/")[0]
    with _folder("postgres") as folder:
        # With auth_type "any" all are let in, as the user of the database's line.
        (folder / "pgbouncer.ini").write_text(
            f"""[databases]
* = host=127.0.0.1 port={of_server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
"""
        )
        url = f"postgresql://postgres@127.0.0.1:{port}"
        server = Server(
            command=("/usr/sbin/pgbouncer", str(folder / "pgbouncer.ini")),
            user="postgres",
            folder=folder,
            answers=lambda: _answers(f"{url}/postgres"),
        )
        with _running(server):
            yield url


@contextmanager
def redis_server() -> Iterator[tuple[Server, str]]:
    """Redis, and its address as a broker."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"

    def answers() -> bool:
        try:
            with redis.Redis.from_url(url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    with _folder("redis") as folder:
        command = ("/usr/bin/redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
        with _running(Server(command=(*command, "--save", ""), user="redis", folder=folder, answers=answers)) as server:
            yield server, url


@contextmanager
def rabbitmq() -> Iterator[tuple[Server, str]]:
    """RabbitMQ, and its address as a broker. Its port mapper is its own too, and ends with it."""
    port, between, mapper = free_port(), free_port(), free_port()
    url = f"amqp://guest:guest@127.0.0.1:{port}//"

    def answers() -> bool:
        try:
            with Connection(url, connect_timeout=2) as connection:
                connection.connect()
        except OSError:
            return False
        return True

    with _folder("rabbitmq") as folder:
        environ = {
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"services{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(between),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none.env"),
        }
        server = Server(
            command=(f"{_RABBIT}/rabbitmq-server",), user="rabbitmq", folder=folder, answers=answers, environ=environ
        )
        try:
            with _running(server):
                yield server, url
        finally:
            subprocess.run(  # noqa: S603 (a server of the machine)
                ["/usr/bin/epmd", "-port", str(mapper), "-kill"],
                check=False,
                capture_output=True,
                env={"ERL_EPMD_RELAXED_COMMAND_CHECK": "1", "ERL_EPMD_ADDRESS": "127.0.0.1"},
            )


def _answers(url: str) -> bool:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar_one() == 1
    except Exception:  # noqa: BLE001 (not yet)
        return False
    finally:
        engine.dispose()
