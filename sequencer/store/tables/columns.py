"""How do values become columns? Types that both databases keep alike, and the codes of states."""

import json
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    SmallInteger,
    Text,
    TypeDecorator,
)

from sequencer.core.model import (
    Assent,
    DeliveryKind,
    DeliveryState,
    EnrolmentState,
    IssueState,
    Pace,
    Pairs,
    SubscriberState,
    SuppressionReason,
)

_State = TypeVar("_State", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as whole epoch seconds; a naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To epoch seconds."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A datetime without a zone came to the store.")
        return int(value.timestamp())

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From epoch seconds."""
        return None if value is None else datetime.fromtimestamp(value, UTC)


class Coded(TypeDecorator[_State], Generic[_State]):
    """A StrEnum kept as a small number: the position in `members`, which may only ever grow at its end."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, *members: _State) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: _State | None, dialect: Dialect) -> int | None:
        """To the number."""
        return None if value is None else self.members.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> _State | None:
        """From the number."""
        return None if value is None else self.members[value]


class Named(TypeDecorator[Pairs]):
    """Names with their values, in order, kept as a JSON object."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Pairs | None, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else json.dumps(dict(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Pairs | None:
        """From JSON."""
        return None if value is None else tuple(json.loads(value).items())


class Words(TypeDecorator[tuple[str, ...]]):
    """Words in order, kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        """From JSON."""
        return None if value is None else tuple(json.loads(value))


class Numbers(TypeDecorator[tuple[int, ...]]):
    """Ids in order, kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[int, ...] | None, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[int, ...] | None:
        """From JSON."""
        return None if value is None else tuple(json.loads(value))


class TimeOfDay(TypeDecorator[time]):
    """A local hour, kept as minutes after midnight."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: time | None, dialect: Dialect) -> int | None:
        """To minutes."""
        return None if value is None else 60 * value.hour + value.minute

    def process_result_value(self, value: int | None, dialect: Dialect) -> time | None:
        """From minutes."""
        return None if value is None else time(*divmod(value, 60))


class Weekdays(TypeDecorator[frozenset[int]]):
    """Days of the week, Monday is 0, kept as a bit each."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: frozenset[int] | None, dialect: Dialect) -> int | None:
        """To bits."""
        return None if value is None else sum(1 << day for day in value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> frozenset[int] | None:
        """From bits."""
        return None if value is None else frozenset(day for day in range(7) if value >> day & 1)


D = DeliveryState


SUBSCRIBER_STATE = Coded(
    SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.LEFT, SubscriberState.SUPPRESSED
)


ENROLMENT_STATE = Coded(EnrolmentState.ACTIVE, EnrolmentState.FINISHED, EnrolmentState.STOPPED)


DELIVERY_STATE = Coded(D.QUEUED, D.CLAIMED, D.SENDING, D.SENT, D.DEFERRED, D.FAILED, D.UNCERTAIN, D.SKIPPED)


DELIVERY_KIND = Coded(
    DeliveryKind.CONFIRMATION,
    DeliveryKind.LESSON,
    DeliveryKind.REMINDER,
    DeliveryKind.FAREWELL,
    DeliveryKind.MOVE,
    DeliveryKind.ACCESS,
    DeliveryKind.ISSUE,
)


ISSUE_STATE = Coded(IssueState.SCHEDULED, IssueState.SENT, IssueState.CANCELLED)


PACE = Coded(Pace.DAILY, Pace.EVERY_OTHER_DAY, Pace.WEEKLY)


SUPPRESSION_REASON = Coded(
    SuppressionReason.BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.MANUAL, SuppressionReason.DISOWNED
)


ASSENT = Coded(Assent.MAIL, Assent.FORM, Assent.ELSEWHERE)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# SQLite counts rows by itself only in an INTEGER primary key. Where links name rows by their ids, and rows may be
# erased, it must count on (sqlite_autoincrement): else an old link would one day be about somebody new.
_Id = BigInteger().with_variant(Integer, "sqlite")


def identity() -> Column[int]:
    return Column("id", _Id, primary_key=True)


_REFERS = "refers to"


def reference(target: str, *, nullable: bool = False, checked: bool = True) -> Column[int]:
    """A column that names a row of `target`; where it is not `checked`, something else vouches for that row."""
    keys = [ForeignKey(f"{target}.id")] if checked else []
    return Column(f"{target}_id", _Id, *keys, nullable=nullable, info={_REFERS: target})


def referred(column: Column[Any]) -> Column[Any] | None:
    """What a column names a row by, checked or not; None where it names none."""
    if _REFERS in column.info:
        found: Column[Any] = metadata.tables[column.info[_REFERS]].c.id
        return found
    return next((key.column for key in column.foreign_keys), None)
