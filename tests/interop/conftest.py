"""What do the tests of this ring share? A room for the servers, an authority, and one run through each relay."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import trustme
from interop import course, relays, room
from interop.collector import Arrived, Collector
from interop.course import Installation
from interop.room import Room
from interop.run import GONE, LATER, MESSAGES, SOME, Authority, Drained, Hurried, Install, Keyring, Post

MOST_PASSES = 6
NOBODY: Mapping[int, str] = MappingProxyType({})


@pytest.fixture(scope="session")
def room_of_servers() -> Iterator[Room]:
    """A copy of the room, for this run."""
    with room.opened() as made:
        yield made


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that nobody else knows."""
    made = trustme.CA()
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    made.cert_pem.write_to_path(str(file))
    issued = made.issue_cert("127.0.0.1")
    return Authority(
        file=file,
        certificate=b"".join(part.bytes() for part in issued.cert_chain_pems),
        key=issued.private_key_pem.bytes(),
    )


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an authority that vouched for none of our relays."""
    file = tmp_path_factory.mktemp("stranger") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    return file


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """The keys that sign all mail here."""
    folder = tmp_path_factory.mktemp("keys")
    return Keyring(folder=folder, records=course.make_keys(folder))


@pytest.fixture(scope="session")
def install(authority: Authority, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Make an installation with so many people who are due, some of them under other addresses."""

    def make(people: int, others: Mapping[int, str] = NOBODY) -> Installation:
        folder = tmp_path_factory.mktemp("installation")
        made = Installation(folder=folder, keys=keyring.folder, people=people, trusts=authority.file)
        made.set_up(others)
        return made

    return make


@pytest.fixture(scope="session", params=list(relays.SERVERS))
def post(request: pytest.FixtureRequest, room_of_servers: Room, authority: Authority) -> Iterator[Post]:
    """Each relay in turn, passing on to a collector."""
    collector = Collector()
    with (
        collector.listening(),
        relays.listening(
            request.param,
            room_of_servers,
            onward=collector.port,
            certificate=authority.certificate,
            key=authority.key,
        ) as relay,
    ):
        yield Post(relay=relay, collector=collector)


@pytest.fixture(scope="session")
def drained(post: Post, install: Install) -> Drained:
    """What happened when everybody was due: one pass, and others hours later for what it left."""
    installation, before = install(MESSAGES), len(post.collector.arrived)
    passes = [installation.tick(post.relay.url())]
    while installation.is_waiting() and len(passes) < MOST_PASSES:
        passes.append(installation.tick(post.relay.url(), hours=len(passes)))
    post.wait_for(before + sum(int(str(one["accepted"])) for one in passes))
    return Drained(
        passes=tuple(passes), arrived=tuple(post.collector.arrived[before:]), ledger=tuple(installation.ledger())
    )


@pytest.fixture(scope="session")
def hurried(post: Post, install: Install) -> Hurried:
    """What one pass did by the eager way, where the relay refuses some of those in between."""
    installation, before = install(MESSAGES, {**GONE, **LATER}), len(post.collector.arrived)
    logged = len(post.relay.logged())
    done = installation.tick(post.relay.url(eager="on", connections=1))
    post.wait_for(before + int(str(done["accepted"])))
    return Hurried(
        done=done,
        arrived=tuple(post.collector.arrived[before:]),
        ledger=tuple(installation.ledger()),
        suppressed=frozenset(installation.suppressed()),
        logged=tuple(post.relay.logged()[logged:]),
    )


@pytest.fixture(scope="session")
def written(install: Install) -> Mapping[str, Arrived]:
    """The first messages as they are without any relay between, by their recipient."""
    collector = Collector()
    with collector.listening():
        install(SOME).tick(f"smtp://127.0.0.1:{collector.port}?tls=off")
    return {one.recipient: one for one in collector.arrived}
