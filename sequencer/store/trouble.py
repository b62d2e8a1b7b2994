"""What is wrong with the database? What its driver raised, as one sentence for the operator."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sequencer.errors import BadDatabase

_NAME = "The database"


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What a database is or does, and what to do about it."""

    what: str
    remedy: str


_FULL = _Trouble("is full", "make room on its disk")
_LOCKED = _Trouble("is locked by another program", "end that program, or wait until it is done")
_NOT_WRITABLE = _Trouble("cannot be written", "let the user of this program write it and its folder")
_DISK = _Trouble("cannot be read or written", "see that its disk has room and is sound")
_DAMAGED = _Trouble("is damaged", "put the newest copy in its place")
_NO_FILE = _Trouble("does not answer", "see that its file and folder are there and may be written")
_SILENT = _Trouble("does not answer", "see that it runs and can be reached")
_FAILS = _Trouble("fails", "its own log says more")

# Primary result codes (https://www.sqlite.org/rescode.html); the others are for us, not for the operator.
_SQLITE: Mapping[int, _Trouble] = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: _FULL,
        sqlite3.SQLITE_BUSY: _LOCKED,
        sqlite3.SQLITE_LOCKED: _LOCKED,
        sqlite3.SQLITE_PROTOCOL: _LOCKED,
        sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
        sqlite3.SQLITE_PERM: _NOT_WRITABLE,
        sqlite3.SQLITE_CANTOPEN: _NO_FILE,
        sqlite3.SQLITE_IOERR: _DISK,
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_NOTADB: _DAMAGED,
    }
)
# How PostgreSQL's codes begin (its Appendix A), the longer first.
_POSTGRESQL: Mapping[str, _Trouble] = MappingProxyType(
    {
        "53100": _FULL,
        "55P03": _LOCKED,
        "25006": _NOT_WRITABLE,
        "42501": _NOT_WRITABLE,
        "57P": _SILENT,
        "08": _SILENT,
        "28": _SILENT,
        "53": _SILENT,
        "40": _LOCKED,
    }
)


@contextmanager
def told() -> Iterator[None]:
    """Raises BadDatabase where the operator can do something about what the driver raises in here.

    What only we can do something about, a statement that is wrong, is raised as it is.
    """
    try:
        yield
    except PoolTimeout as error:
        raise BadDatabase(_sentence(_NAME, _SILENT, "all our connections are waiting for it")) from error
    except (DBAPIError, sqlite3.Error) as error:
        said = sentence(error)
        if said is None:
            raise
        raise BadDatabase(said) from error


def crowded() -> BadDatabase:
    """What to raise where a writer of ours has waited too long for the others of this program."""
    return BadDatabase(_sentence(_NAME, _LOCKED, "those of us who came before wait for it"))


def sentence(error: DBAPIError | sqlite3.Error, *, name: str = _NAME) -> str | None:
    """What is wrong with the database of this name and what to do; None where the operator can do nothing about it."""
    trouble = _trouble(error)
    return None if trouble is None else _sentence(name, trouble, reason(error))


def reason(error: Exception) -> str:
    """What the driver said, in one line; without the statement and its values, which may hold addresses."""
    said = error.orig if isinstance(error, DBAPIError) else error
    # PostgreSQL's library answers in several lines.
    return " ".join(str(said).split()).rstrip(".")


def _sentence(name: str, trouble: _Trouble, reason: str) -> str:
    return f"{name} {trouble.what}: {reason}; {trouble.remedy}."


def _trouble(error: DBAPIError | sqlite3.Error) -> _Trouble | None:
    raised = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(raised, sqlite3.Error):
        # The upper bits say more than we need.
        return _SQLITE.get(getattr(raised, "sqlite_errorcode", 0) & 0xFF)
    code = getattr(raised, "sqlstate", None) or ""
    known = next((trouble for start, trouble in _POSTGRESQL.items() if code.startswith(start)), None)
    if known is None and isinstance(error, OperationalError | InternalError):
        # A connection that broke has no code: nobody was there to give one.
        return _FAILS if code else _SILENT
    return known
