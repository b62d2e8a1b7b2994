"""How do hints travel by RabbitMQ or Redis? As tasks of Celery, for those who run one of them already."""

import logging
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from celery import Celery
from celery.worker import WorkController, state
from kombu.exceptions import ChannelError, OperationalError

from sequencer.engine.ending import Ending
from sequencer.engine.port import Drain, Load
from sequencer.engine.troubles import Troubles
from sequencer.errors import BadBroker, SequencerError
from sequencer.store import sender, shards
from sequencer.store.database import Database
from sequencer.values import EngineName

log = logging.getLogger(__name__)

_QUEUE = "sequencer"
_TASK = "sequencer.drain"
_EXPIRES = 4  # seconds: a few ticks; older hints were followed by newer ones
_GLANCE = 0.2
_REST = 2.0  # seconds until a worker that was thrown out by its broker tries again
# Whoever gives a hint does not wait for a broker that is away: the next tick comes in a second.
_SOON: Mapping[str, object] = MappingProxyType({"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1})
_USUAL: Mapping[str, object] = MappingProxyType({})


class CeleryEngine:
    """Hints as tasks: acknowledged before they are followed, expired within seconds, without results.

    The broker merges no hints. So whoever follows one leaves the shard alone while another drains it.
    """

    def __init__(self, db: Database, broker_url: str, *, transport: Mapping[str, object] = _USUAL) -> None:
        self._db = db
        self._celery = Celery("sequencer", broker=broker_url, set_as_current=False)
        self._celery.conf.update(
            accept_content=["json"],
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,
            broker_connection_timeout=4,
            # The system watches over connections (TCP keepalive): Celery's beats would come from a thread of their own.
            broker_heartbeat=0,
            broker_transport_options={**_SOON, **transport},
            enable_utc=True,
            task_acks_late=False,
            task_default_delivery_mode="transient",
            task_default_queue=_QUEUE,
            task_ignore_result=True,
            worker_enable_remote_control=False,
            worker_hijack_root_logger=False,
            worker_log_color=False,
            worker_prefetch_multiplier=1,
            worker_redirect_stdouts=False,
            worker_send_task_events=False,
            worker_cancel_long_running_tasks_on_connection_loss=False,
        )

    def prepare(self) -> None:
        """There is nothing to make: the queue is made by whoever comes first."""

    def hint(self, shards: Sequence[int]) -> None:
        """Send a task for each of these shards. Raises BadBroker where the broker cannot be reached."""
        with _told():
            for shard in shards:
                self._celery.send_task(
                    _TASK, args=[shard], queue=_QUEUE, expires=_EXPIRES, ignore_result=True, retry=False
                )

    def run_worker(self, drain: Drain, *, concurrency: int, ending: Ending) -> None:
        """Follow hints in so many threads until the ending begins. Where the broker goes away, it is tried again."""
        troubles = Troubles("engine", log)

        def follow(shard: int) -> None:
            if ending.has_begun():
                return
            try:
                self._drain_alone(drain, shard)
            except SequencerError as error:
                troubles.tell(error)
            else:
                troubles.end()

        self._celery.task(follow, name=_TASK, ignore_result=True, shared=False)
        # Celery's threads look tasks up in the app of the process.
        self._celery.set_default()
        state.should_stop = None
        # In threads of their own: Celery may wait for ever for a broker's last word, and a process ends within seconds.
        # Each has its consumer: two threads that speak on one of AMQP's connections wait for each other for ever.
        done = [self._begin(number, ending) for number in range(concurrency)]
        while not (_are_over(done) or ending.wait(_GLANCE)):
            pass
        # Celery looks at this between two messages: it stops taking any, and waits for what runs.
        state.should_stop = 0
        while not (_are_over(done) or ending.is_over()):
            wait(done, timeout=_GLANCE)
        if _are_over(done):
            state.should_stop = None
            for one in done:
                one.result()
        else:
            log.warning("engine.abandoned", extra={"engine": EngineName.CELERY})

    def sweep_stalled(self) -> int:
        """A task is acknowledged before it is followed, so a dead worker leaves none; and they expire."""
        return 0

    def stats(self) -> Load:
        """How many tasks wait; how many run is known to each worker alone."""
        with _told(), self._celery.connection_for_read() as connection:
            try:
                waiting = connection.default_channel.queue_declare(queue=_QUEUE, passive=True).message_count
            except (ChannelError, *connection.channel_errors):
                waiting = 0
        return Load(waiting=waiting, running=None)

    def close(self) -> None:
        """Let go of the broker."""
        self._celery.close()

    def _begin(self, number: int, ending: Ending) -> "Future[None]":
        done: Future[None] = Future()
        threading.Thread(target=self._work, args=[number, ending, done], name=f"celery-{number}", daemon=True).start()
        return done

    def _work(self, number: int, ending: Ending, done: "Future[None]") -> None:
        try:
            while not ending.has_begun():
                self._consumer(number).start()
                ending.wait(_REST)
        except BaseException as error:  # noqa: BLE001 (handed to whoever waits)
            done.set_exception(error)
        else:
            done.set_result(None)

    def _drain_alone(self, drain: Drain, shard: int) -> None:
        if shards.count(self._db) == 1:
            # Everybody is in it: those who send share the rows.
            drain(shard)
            return
        with sender.alone(self._db, shard) as mine:
            if mine:
                drain(shard)

    def _consumer(self, number: int) -> Any:  # noqa: ANN401 (Celery has no types)
        return WorkController(
            app=self._celery,
            hostname=f"sequencer-{number}@{socket.gethostname()}",
            # Hints are followed where they are heard, one after the other.
            pool_cls="solo",
            concurrency=1,
            use_eventloop=False,
            prefetch_multiplier=1,
            queues=[_QUEUE],
            without_gossip=True,
            without_mingle=True,
            loglevel="ERROR",
        )


def _are_over(threads: "Sequence[Future[None]]") -> bool:
    return all(one.done() for one in threads)


@contextmanager
def _told() -> Iterator[None]:
    """What the broker raises where it cannot be used, as a sentence for the operator, without its address."""
    try:
        yield
    except (OperationalError, OSError) as error:
        reason = str(error.__cause__ or error).partition("\n")[0] or type(error).__name__
        raise BadBroker(
            f'The broker cannot be reached ({reason}); see that it runs, and that the option "broker_url" leads to it.'
        ) from error
