"""How does the operator read what happens? One line an event on stderr, as words or as JSON; nobody's address in it."""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from sequencer.values import LogFormat

_OF_EVERY_RECORD = len(vars(logging.makeLogRecord({})))
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Relays like to repeat whom they refuse, and a traceback may hold what a statement was given.
_ADDRESS = re.compile(r"""("[^"\s]*(\s[^"\s]+)*"|[^\s<>"'(),:;\[\]]+)@[^\s<>"'(),:;\[\]]+""")
_INSTEAD = "(address)"


class _Events(logging.StreamHandler[Any]):
    """Ours, and nobody else's."""


def to_stderr(level: int = logging.INFO) -> None:
    """From now on what happens is written to stderr: in words, until the settings have been read."""
    handler = _Events(sys.stderr)
    handler.setFormatter(_Words())
    # No line says in which process, thread or file it was written, and to find out would be half of what it costs.
    logging.logProcesses = logging.logThreads = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 (as Python's own HOWTO has it)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sequencer").setLevel(level)
    # That a tick was skipped because the last one still runs is as it should be.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # What is wrong with an engine is said by us in a sentence, once; they would say it at every try.
    for name in ("procrastinate", "psycopg.pool", "celery", "kombu", "amqp"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def write_as(log_format: LogFormat) -> None:
    """Write in this format, where `to_stderr` was called before."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Events):
            handler.setFormatter(_lines_of_json() if log_format is LogFormat.JSON else _Words())


class _Words(logging.Formatter):
    """`2026-11-22T08:00:01Z INFO delivery.accepted delivery=12`; values that hold spaces are quoted as in JSON."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={_value(value)}" for key, value in _fields(record).items())
        line = f"{_instant(record)} {record.levelname} {scrubbed(record.getMessage())}{fields}"
        return f"{line}\n{scrubbed(self.formatException(record.exc_info))}" if record.exc_info else line


def _lines_of_json() -> logging.Formatter:
    # Read where it is used: who reads words does not wait for it.
    from structlog.processors import JSONRenderer, format_exc_info
    from structlog.stdlib import ProcessorFormatter

    return ProcessorFormatter(processors=[format_exc_info, _named, JSONRenderer(ensure_ascii=False, default=str)])


def _named(_logger: object, _method: str, given: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The fields of one event under the names that they always have, those of every event first."""
    record: logging.LogRecord = given["_record"]
    named: dict[str, Any] = {
        "ts": _instant(record),
        "level": record.levelname.lower(),
        "event": scrubbed(given["event"]),
    }
    if not record.name.startswith("sequencer"):
        named["logger"] = record.name
    fields = {key: _plain(value) for key, value in _fields(record).items()}
    if "exception" in given:
        fields["exception"] = scrubbed(given["exception"])
    return {**named, **fields}


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | None) else scrubbed(str(value))


def scrubbed(text: str) -> str:
    """The text without the addresses that stand in it."""
    return _ADDRESS.sub(_INSTEAD, text) if "@" in text else text


def _instant(record: logging.LogRecord) -> str:
    return _written(int(record.created))


@lru_cache(4)
def _written(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    # What an event tells stands behind what every record has: only that is looked at.
    return {key: value for key, value in islice(vars(record).items(), _OF_EVERY_RECORD, None) if key not in _STANDARD}


def _value(value: object) -> str:
    text = scrubbed(str(value))
    return text if text and text.isprintable() and " " not in text else json.dumps(text, ensure_ascii=False)
