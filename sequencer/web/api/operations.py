"""What does the API do? One row an operation: its address, whom it is for, what it takes, gives and refuses."""

from collections.abc import Mapping

from sequencer.core.keys import Scope
from sequencer.web.api import catalogue, people, places, schemas
from sequencer.web.api.calls import Operation
from sequencer.web.api.problems import Kind
from sequencer.web.api.schemas import Schema

_PAGES: Mapping[str, Schema] = {"cursor": schemas.CURSOR, "limit": schemas.LIMIT}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="listSubscribers",
        method="GET",
        path="/subscribers",
        scope=Scope.READ_SUBSCRIBERS,
        summary="People in the order in which they came.",
        act=people.listed,
        parameters={
            **_PAGES,
            "state": schemas.SUBSCRIBER_STATE,
            "course": schemas.SLUG,
            "tag": schemas.TAG,
            "email": schemas.EMAIL,
        },
        answers={200: "SubscriberPage"},
        problems=(Kind.UNUSABLE,),
    ),
    Operation(
        id="signUp",
        method="POST",
        path="/subscribers",
        scope=Scope.WRITE_SUBSCRIBERS,
        summary="Sign somebody up: a mail asks them (202). With a proof that they agreed they are on the course (201).",
        act=people.sign_up,
        body="SignUp",
        answers={201: "Subscriber", 202: "Accepted"},
        problems=(Kind.UNUSABLE, Kind.CONFLICT),
    ),
    Operation(
        id="getSubscriber",
        method="GET",
        path="/subscribers/{id}",
        scope=Scope.READ_SUBSCRIBERS,
        summary="One person.",
        act=people.one,
        answers={200: "Subscriber"},
    ),
    Operation(
        id="changeSubscriber",
        method="PATCH",
        path="/subscribers/{id}",
        scope=Scope.WRITE_SUBSCRIBERS,
        summary="Change what is known of a person, or unsubscribe them; what is not named stays.",
        act=people.change,
        body="SubscriberChange",
        answers={200: "Subscriber"},
        problems=(Kind.UNUSABLE,),
    ),
    Operation(
        id="eraseSubscriber",
        method="DELETE",
        path="/subscribers/{id}",
        scope=Scope.ERASE_SUBSCRIBERS,
        summary="Erase all that is kept of a person; the suppression list alone keeps an address that stands on it.",
        act=people.remove,
        answers={204: ""},
    ),
    Operation(
        id="listEnrolments",
        method="GET",
        path="/enrolments",
        scope=Scope.READ_ENROLMENTS,
        summary="Who is on which course, in the order in which they began.",
        act=places.listed,
        parameters={
            **_PAGES,
            "subscriber": schemas.ID,
            "course": schemas.SLUG,
            "state": schemas.ENROLMENT_STATE,
        },
        answers={200: "EnrolmentPage"},
    ),
    Operation(
        id="enrol",
        method="POST",
        path="/enrolments",
        scope=Scope.WRITE_ENROLMENTS,
        summary="Put a confirmed person on a course (201); nothing changes for who is on it or has finished it (200).",
        act=places.enrol,
        body="NewEnrolment",
        answers={200: "Enrolment", 201: "Enrolment"},
        problems=(Kind.UNUSABLE, Kind.CONFLICT),
    ),
    Operation(
        id="getEnrolment",
        method="GET",
        path="/enrolments/{id}",
        scope=Scope.READ_ENROLMENTS,
        summary="One person's place in a course.",
        act=places.one,
        answers={200: "Enrolment"},
    ),
    Operation(
        id="changeEnrolment",
        method="PATCH",
        path="/enrolments/{id}",
        scope=Scope.WRITE_ENROLMENTS,
        summary="Pause somebody's lessons, let them go on, or change their pace.",
        act=places.change,
        body="EnrolmentChange",
        answers={200: "Enrolment"},
        problems=(Kind.UNUSABLE, Kind.CONFLICT),
    ),
    Operation(
        id="stopEnrolment",
        method="DELETE",
        path="/enrolments/{id}",
        scope=Scope.WRITE_ENROLMENTS,
        summary="Stop a course for somebody; what is queued is not sent.",
        act=places.stop,
        answers={204: ""},
    ),
    Operation(
        id="tellEvent",
        method="POST",
        path="/events",
        scope=Scope.WRITE_EVENTS,
        summary='Tell what somebody did. Courses whose "exit_on" names it stop for them at once.',
        act=places.tell,
        body="NewEvent",
        answers={202: "Told"},
        problems=(Kind.UNUSABLE,),
    ),
    Operation(
        id="suppress",
        method="POST",
        path="/suppressions",
        scope=Scope.WRITE_SUPPRESSIONS,
        summary="Put an address on the suppression list: nothing more is sent there, nor what is queued for it.",
        act=people.suppress,
        body="NewSuppression",
        answers={200: "Suppressed"},
        problems=(Kind.UNUSABLE,),
    ),
    Operation(
        id="listForms",
        method="GET",
        path="/forms",
        scope=Scope.READ_FORMS,
        summary="The sign-up forms, with what it takes to show them on a page.",
        act=catalogue.forms,
        answers={200: "FormPage"},
    ),
    Operation(
        id="getForm",
        method="GET",
        path="/forms/{key}",
        scope=Scope.READ_FORMS,
        summary="One sign-up form.",
        act=catalogue.form,
        answers={200: "Form"},
    ),
    Operation(
        id="listCourses",
        method="GET",
        path="/courses",
        scope=Scope.READ_COURSES,
        summary="The published courses.",
        act=catalogue.courses,
        answers={200: "CoursePage"},
    ),
    Operation(
        id="getCourse",
        method="GET",
        path="/courses/{slug}",
        scope=Scope.READ_COURSES,
        summary="One published course.",
        act=catalogue.course,
        answers={200: "Course"},
    ),
)

# What a path names, in braces.
PATH_PARAMETERS: Mapping[str, Schema] = {"id": schemas.ID, "key": schemas.SLUG, "slug": schemas.SLUG}


def paths() -> Mapping[str, Mapping[str, Operation]]:
    """The operations by path and method."""
    found: dict[str, dict[str, Operation]] = {}
    for one in OPERATIONS:
        found.setdefault(one.path, {})[one.method] = one
    return found
