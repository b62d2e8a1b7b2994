"""How do hints travel by PostgreSQL alone? As jobs of Procrastinate, in the database in which the rows are.

Its tables hold hints and nothing else, so they are thrown away and made anew where Procrastinate is of another version.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.schema import SchemaManager

from sequencer.engine.ending import Ending
from sequencer.engine.port import Drain, Load
from sequencer.engine.troubles import Troubles
from sequencer.errors import BadDatabase, BadSettings, SequencerError
from sequencer.store.database import Database, Transaction

log = logging.getLogger(__name__)

_QUEUE = "sequencer"
_TASK = "sequencer.drain"
_LOCK = 7_362_878  # a number of ours among PostgreSQL's advisory locks
_POLL = 1.0  # seconds between two looks of a worker; LISTEN tells sooner, but not behind PgBouncer in transaction mode
_REST = 2.0  # seconds until a worker whose database went away tries again
_GLANCE = 0.2
_SILENT = 30.0  # seconds without a heartbeat (one comes every ten) after which a worker is taken for dead

_WAITING = "SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = ANY(%(locks)s)"
_LOAD = """SELECT count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing')
  FROM procrastinate_jobs WHERE queue_name = %(queue)s"""
_MARKED = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL, obj_description(to_regclass('procrastinate_jobs'))"
_CLEAR = r"""
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT relname AS name FROM pg_class
              WHERE relkind = 'r' AND relname LIKE 'procrastinate\_%' AND relnamespace = current_schema()::regnamespace
  LOOP EXECUTE format('DROP TABLE %I CASCADE', one.name); END LOOP;
  FOR one IN SELECT oid::regprocedure AS name FROM pg_proc
              WHERE proname LIKE 'procrastinate\_%' AND pronamespace = current_schema()::regnamespace
  LOOP EXECUTE format('DROP FUNCTION %s CASCADE', one.name); END LOOP;
  FOR one IN SELECT typname AS name FROM pg_type
              WHERE typname LIKE 'procrastinate\_%' AND typnamespace = current_schema()::regnamespace
                AND typtype IN ('c', 'e')
  LOOP EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', one.name); END LOOP;
END $$"""


class ProcrastinateEngine:
    """Hints as jobs. One hint at a shard waits at a time: `queueing_lock` lets the ticks of many nodes become one.

    Neither `lock` nor `retry` is ever set: with them a stalled job could never be put away, and its shard stood still
    for ever. Who works at a shard is told by the rows.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        # Hints are deferred by connections of ours: this one is never opened.
        self._hints = App(connector=SyncPsycopgConnector())
        self._mark = f"sequencer, Procrastinate {version('procrastinate')}"

    def prepare(self) -> None:
        """Make Procrastinate's tables, or make them anew for this version; one of several does it at a time.

        Raises BadSettings where there are some that another program uses.
        """
        with _told(), self._db.begin() as tx:
            tx.exec_driver_sql("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})
            there, mark = tx.exec_driver_sql(_MARKED).one()
            if mark == self._mark:
                return
            if there and not str(mark).startswith("sequencer, "):
                raise BadSettings(
                    "The tables of Procrastinate in this database belong to another program; "
                    "give the sequencer a database of its own."
                )
            _script(tx, _CLEAR)
            _script(tx, SchemaManager.get_schema())
            _script(tx, f"COMMENT ON TABLE procrastinate_jobs IS '{self._mark}'")

    def hint(self, shards: Sequence[int]) -> None:
        """Defer a job for each of these shards for which none waits, in one transaction."""
        locks = [_lock(shard) for shard in shards]
        if not locks:
            return
        with _told(), self._db.begin() as tx:
            waiting = set(tx.exec_driver_sql(_WAITING, {"locks": locks}).scalars())
            for shard in shards:
                if _lock(shard) not in waiting:
                    self._defer(tx, shard)

    def run_worker(self, drain: Drain, *, concurrency: int, ending: Ending) -> None:
        """Follow hints until the ending begins. Where the database goes away, it is tried again and again."""
        troubles = Troubles("engine", log)
        while not ending.has_begun():
            try:
                with _told():
                    asyncio.run(self._work(drain, concurrency, ending, troubles))
            except SequencerError as error:
                troubles.tell(error)
            ending.wait(_REST)

    def sweep_stalled(self) -> int:
        """Delete the jobs of workers that have given no sign of life: never retried, as the next tick defers others."""
        with _told():
            return asyncio.run(self._sweep())

    def stats(self) -> Load:
        """How many jobs wait and run."""
        with _told(), self._db.read() as tx:
            waiting, running = tx.exec_driver_sql(_LOAD, {"queue": _QUEUE}).one()
        return Load(waiting=waiting, running=running)

    def close(self) -> None:
        """There is nothing to let go of: the connections are those of the database."""

    def _defer(self, tx: Transaction, shard: int) -> None:
        job = self._hints.configure_task(
            _TASK, queue=_QUEUE, queueing_lock=_lock(shard), connection=tx.connection.driver_connection
        )
        # Another node may have been quicker: that undoes nothing but this one.
        with suppress(AlreadyEnqueued), tx.begin_nested():
            job.defer(shard=shard)

    async def _work(self, drain: Drain, concurrency: int, ending: Ending, troubles: Troubles) -> None:
        working = asyncio.create_task(self._follow(drain, concurrency, ending, troubles))
        while not working.done() and not ending.has_begun():
            await asyncio.wait({working}, timeout=_GLANCE)
        if working.done():
            working.result()
            raise BadDatabase("The engine has lost its connections to the database; it is tried again in a moment.")
        # Procrastinate takes this as the wish to stop when what runs is done.
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    async def _follow(self, drain: Drain, concurrency: int, ending: Ending, troubles: Troubles) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(concurrency, thread_name_prefix="drain") as threads:
            async with self._opened(most=concurrency + 2) as app:

                @app.task(name=_TASK, queue=_QUEUE)
                async def follow(shard: int) -> None:
                    troubles.end()
                    if ending.has_begun():
                        return
                    await loop.run_in_executor(threads, drain, shard)

                await app.run_worker_async(
                    queues=[_QUEUE],
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    listen_notify=True,
                    fetch_job_polling_interval=_POLL,
                    delete_jobs=DeleteJobCondition.ALWAYS,
                    stalled_worker_timeout=_SILENT,
                )

    async def _sweep(self) -> int:
        dropped = 0
        async with self._opened(most=1) as app:
            for job in await app.job_manager.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=_SILENT):
                # Somebody else who sweeps, or the worker itself that came back, may have been quicker.
                with suppress(ConnectorException):
                    await app.job_manager.finish_job_by_id_async(job.id or 0, Status.FAILED, delete_job=True)
                    dropped += 1
        return dropped

    @asynccontextmanager
    async def _opened(self, *, most: int) -> AsyncIterator[App]:
        """Procrastinate with connections of its own, made as ours are."""
        url = self._db.engine.url
        _, options = self._db.engine.dialect.create_connect_args(url)
        connector = PsycopgConnector(
            # Statements that are prepared on the server would be missed behind PgBouncer in transaction mode.
            kwargs={**options, "prepare_threshold": None},
            min_size=1,
            max_size=most,
        )
        async with App(connector=connector).open_async() as app:
            yield app


def _lock(shard: int) -> str:
    return f"drain:{shard}"


def _script(tx: Transaction, statements: str) -> None:
    """Several statements at once, as they are: a percent sign is one."""
    driver = tx.connection.driver_connection
    if driver is not None:
        driver.cursor().execute(statements)


@contextmanager
def _told() -> Iterator[None]:
    """What Procrastinate raises where the database cannot be used, as a sentence for the operator."""
    try:
        yield
    except ConnectorException as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise BadDatabase(
            f"The engine cannot use the database: {reason}; see that it runs and can be reached."
        ) from error
