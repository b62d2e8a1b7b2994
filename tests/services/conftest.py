"""Which servers does this ring need? Real ones, started once for all tests of it."""

from collections.abc import Iterator

import pytest
from services import servers
from services.servers import Server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[tuple[Server, str]]:
    """PostgreSQL and its address."""
    with servers.postgresql() as found:
        yield found


@pytest.fixture(scope="session")
def redis() -> Iterator[tuple[Server, str]]:
    """Redis and its address."""
    with servers.redis_server() as found:
        yield found


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[tuple[Server, str]]:
    """RabbitMQ and its address."""
    with servers.rabbitmq() as found:
        yield found
