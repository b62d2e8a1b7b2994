"""Which numbers name which things? One type for each kind, so that none is taken for another."""

from typing import NewType, TypeAlias

SubscriberId = NewType("SubscriberId", int)


ConsentId = NewType("ConsentId", int)


CourseId = NewType("CourseId", int)


LessonId = NewType("LessonId", int)


RevisionId = NewType("RevisionId", int)


EnrolmentId = NewType("EnrolmentId", int)


DeliveryId = NewType("DeliveryId", int)


DepartureId = NewType("DepartureId", int)


MoveId = NewType("MoveId", int)


IssueId = NewType("IssueId", int)


LaneId = NewType("LaneId", int)


Pairs: TypeAlias = tuple[tuple[str, str], ...]
