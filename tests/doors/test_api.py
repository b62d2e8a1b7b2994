"""What do programs get from the API, and what becomes of what they ask?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from door import Door, wait_until
from house import DAY, EIGHT, FORM, NOW, House, small_course
from program import USUAL, Program, bring, problem
from sqlalchemy import select

from sequencer.core.keys import Scope
from sequencer.core.model import (
    Blame,
    Deferred,
    DeliveryState,
    EnrolmentState,
    Rejected,
    Stage,
    SubscriberState,
    SuppressionReason,
)
from sequencer.flows import keys, leaving, report
from sequencer.message import address
from sequencer.store import events, subscribers
from sequencer.store.tables import api_answer

EMAIL = "reader@example.org"
DEAD = (Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))


@pytest.fixture
def program(door: Door) -> Iterator[Program]:
    """A program whose key is good for everything."""
    with Program(door) as opened:
        yield opened


@pytest.fixture(scope="module")
def quick(quiet_door: Door) -> Iterator[Program]:
    """The same on SQLite alone, for all tests that leave nothing behind; Ann is on the course."""
    bring(quiet_door.house, "ann")
    with Program(quiet_door) as opened:
        yield opened


@pytest.fixture
def house(door: Door) -> House:
    """The house behind the door."""
    return door.house


def silence(house: House, name: str) -> None:
    """A person whose address turns out to be dead."""
    bring(house, name)
    house.courier.answers = [DEAD]
    house.tick(EIGHT)
    assert house.person(f"{name}@example.org").state is SubscriberState.SUPPRESSED


# Signing up


def test_a_sign_up_asks_the_person_by_mail_and_counts_when_they_confirm(house: House, program: Program) -> None:
    said = program.post(
        "/subscribers", 202, email=EMAIL, form="newsletter", name="Rea", timezone="Asia/Tokyo", tags=["fair"],
        attributes={"city": "Leeds"}, language="en-GB", ip="192.0.2.7", source_url="https://www.example.org/a",
        utm={"utm_source": "fair"}, user_agent="Firefox",
    )  # fmt: skip
    assert said == {"status": "pending_confirmation"}
    assert house.person(EMAIL).state is SubscriberState.PENDING
    house.tick(NOW)
    house.confirm(EMAIL)
    (person,) = program.get("/subscribers", email=EMAIL)["data"]
    assert (person["state"], person["name"], person["timezone"], person["tags"], person["attributes"]) == (
        "active", "Rea", "Asia/Tokyo", ["fair"], {"city": "Leeds"},
    )  # fmt: skip
    (consent,) = report.why(house.db, address.parse(EMAIL), now=NOW).consents
    assert (consent.ip, consent.shape, consent.utm) == ("192.0.2.7", "api", (("utm_source", "fair"),))
    assert (consent.source_url, consent.user_agent) == ("https://www.example.org/a", "Firefox")


def test_the_answer_to_a_sign_up_is_the_same_for_everybody(house: House, program: Program) -> None:
    silence(house, "suppressed")
    bring(house, "active", "left")
    leaving.leave_person(house.db, house.person("left@example.org").id, now=NOW)
    answers = [
        program.ask.post("/subscribers", json={"email": f"{name}@example.org", "form": "newsletter"})
        for name in ("active", "suppressed", "left", "new")
    ]
    assert {(one.status_code, one.text) for one in answers} == {(202, '{"status":"pending_confirmation"}')}


def test_who_comes_with_a_proof_is_on_the_course_at_once_and_the_proof_is_kept(house: House, program: Program) -> None:
    answer = program.ask.post(
        "/subscribers", json={"email": EMAIL, "form": "newsletter", "proof": "Paper list no. 7, Leeds, 3 May 2025."}
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/subscribers/{answer.json()['id']}"
    assert answer.json()["state"] == "active"
    assert house.place(EMAIL).state is EnrolmentState.ACTIVE
    (consent,) = report.why(house.db, address.parse(EMAIL), now=NOW).consents
    assert consent.wording == "Paper list no. 7, Leeds, 3 May 2025."
    assert house.ledger(EMAIL) == []


def test_a_proof_brings_back_neither_who_left_nor_who_is_suppressed_and_does_not_tell_which(
    house: House, program: Program
) -> None:
    silence(house, "suppressed")
    bring(house, "left")
    leaving.leave_person(house.db, house.person("left@example.org").id, now=NOW)
    body = {"form": "newsletter", "proof": "They said so at the fair."}
    answers = [
        program.ask.post("/subscribers", json={**body, "email": f"{name}@example.org"})
        for name in ("left", "suppressed")
    ]
    assert answers[0].content == answers[1].content
    problem(answers[0], 409, "conflict")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "x@localhost"),
        ("form", "nowhere"),
        ("course", "another"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "Europe/../London"),
        ("ip", "300.1.1.1"),
        ("name", "\u202eevil"),
    ],
)
def test_what_fits_and_is_no_good_is_refused_and_shown_where(quick: Program, field: str, value: str) -> None:
    body = {"email": EMAIL, "form": "newsletter", field: value}
    said = problem(quick.ask.post("/subscribers", json=body), 422, "unusable")
    assert [one["pointer"] for one in said["errors"]] == [f"#/{field}"]
    assert EMAIL not in quick.emails()


def test_everything_that_is_wrong_is_said_at_once(quick: Program) -> None:
    body = {"emial": EMAIL, "tags": ["a", "a"], "attributes": {"a b": 5, "": "x"}, "name": "a\nb", "language": 5}
    said = problem(quick.ask.post("/subscribers", json=body), 422, "invalid")
    assert {(one["pointer"], one["detail"]) for one in said["errors"]} == {
        ("#/email", "This is missing."),
        ("#/form", "This is missing."),
        ("#/emial", 'This is not known here; did you mean "email"?'),
        ("#/tags", "Something stands in this list twice."),
        ("#/attributes/a%20b", "This must be a text."),
        ("#/attributes", "A name in here is empty, is longer than 64 characters, or is not in one line."),
        ("#/name", "This must be a text in one line, without control characters."),
        ("#/language", "This must be a text."),
    }


# Looking people up


def test_a_list_is_read_page_by_page_whatever_comes_and_goes_meanwhile(house: House, program: Program) -> None:
    bring(house, *"abcde")
    first = program.ask.get("/subscribers", params={"limit": 2, "state": "active"})
    assert [one["email"] for one in first.json()["data"]] == ["a@example.org", "b@example.org"]
    following = first.json()["next"]
    assert following.startswith("https://mail.example.org/api/v1/subscribers?")
    assert first.headers["link"] == f'<{following}>; rel="next"'
    leaving.leave_person(house.db, house.person("a@example.org").id, now=NOW)
    leaving.leave_person(house.db, house.person("c@example.org").id, now=NOW)
    bring(house, "f")
    seen = []
    while following:
        page = program.get("/subscribers?" + urlsplit(following).query)
        seen += [one["email"] for one in page["data"]]
        following = page["next"]
    assert seen == ["d@example.org", "e@example.org", "f@example.org"]


def test_people_are_found_by_state_course_tag_and_address(house: House, program: Program) -> None:
    house.publish(small_course(slug="other"))
    bring(house, "ann", "bob")
    house.sign_up("cec@example.org")
    for tag, name in (("x", "ann"), ('x"y', "bob")):
        program.patch(f"/subscribers/{house.person(f'{name}@example.org').id}", 200, tags=[tag, "both"])
    assert program.emails(state="pending") == ["cec@example.org"]
    assert program.emails(course="small") == ["ann@example.org", "bob@example.org"]
    assert program.emails(course="other") == program.emails(course="nowhere") == []
    assert program.emails(tag="both") == ["ann@example.org", "bob@example.org"]
    assert program.emails(tag="x") == ["ann@example.org"]
    assert program.emails(tag='x"y') == ["bob@example.org"]
    assert program.emails(tag="X") == program.emails(tag="y") == program.emails(tag="bot") == []
    assert program.emails(email="BOB@example.org") == ["bob@example.org"]
    assert program.emails(email="nobody@example.org") == []


def test_a_filter_is_looked_for_as_it_is_written(house: House, program: Program) -> None:
    (ann,) = bring(house, "ann")
    for said in ("' OR 1=1 --", "%", "_", "*", '"', "\\", "x' UNION SELECT 1", "$[0]", "{}", '"]', 'x" OR "1'):
        program.patch(f"/subscribers/{ann.id}", 200, tags=["x"])
        assert program.emails(tag=said) == []
        program.patch(f"/subscribers/{ann.id}", 200, tags=[said])
        assert program.emails(tag=said) == ["ann@example.org"]
        problem(program.ask.get("/subscribers", params={"course": said}), 422, "invalid")
        problem(program.ask.get("/enrolments", params={"subscriber": said}), 422, "invalid")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("limit=1.5", "limit"),
        ("limit=1&limit=2", "limit"), ("cursor=-1", "cursor"), ("cursor=99999999999999999999", "cursor"),
        ("cursor=%D9%A3", "cursor"), ("state=dead", "state"), ("stat=left", "stat"), ("email=x", "email"),
        ("tag=", "tag"), ("tag=a%00b", "tag"), ("course=%00", "course"),
    ],
)  # fmt: skip
def test_a_parameter_that_is_not_understood_is_refused(quick: Program, query: str, name: str) -> None:
    said = problem(quick.ask.get(f"/subscribers?{query}"), 422, "invalid")
    assert {one["parameter"] for one in said["errors"]} == {name}


def test_an_address_that_none_can_have_is_refused_as_a_filter(quick: Program) -> None:
    said = problem(quick.ask.get("/subscribers?email=x@localhost"), 422, "unusable")
    assert said["errors"][0]["parameter"] == "email"


@pytest.mark.parametrize("which", ["0", "999", "x", "-1", "1.0", "9" * 30, "%00", "9007199254740992", "٣"])
def test_nobody_is_found_by_a_number_that_nobody_has(quick: Program, which: str) -> None:
    for path in ("/subscribers", "/enrolments"):
        problem(quick.ask.get(f"{path}/{which}"), 404, "not-found")


def test_who_is_suppressed_is_told_to_keys_that_may_know_it_alone(house: House, program: Program, door: Door) -> None:
    silence(house, "dead")
    bring(house, "gone")
    leaving.leave_person(house.db, house.person("gone@example.org").id, now=NOW)
    assert [one["state"] for one in program.get("/subscribers")["data"]] == ["suppressed", "left"]
    assert program.emails(state="suppressed") == ["dead@example.org"]
    with Program(door, USUAL, name="curious") as curious:
        dead, gone = curious.get("/subscribers")["data"]
        alike = {"id": 0, "email": "", "created_at": "", "confirmed_at": ""}
        assert {**dead, **alike} == {**gone, **alike}
        assert dead["state"] == "left"
        assert curious.emails(state="left") == ["dead@example.org", "gone@example.org"]
        problem(curious.ask.get("/subscribers?state=suppressed"), 403, "scope-missing")
        assert [curious.get(f"/subscribers/{one['id']}") for one in (dead, gone)] == [dead, gone]
        changed = [curious.patch(f"/subscribers/{one['id']}", 200, name="") for one in (dead, gone)]
        assert changed == [dead, gone]
        places = curious.get("/enrolments")["data"]
        assert [place["state"] for place in places] == ["stopped", "stopped"]
        body = {"course": "small"}
        refusals = [curious.post("/enrolments", 409, subscriber=one["id"], **body) for one in (dead, gone)]
        assert refusals[0] == refusals[1]
        assert [curious.patch(f"/subscribers/{one['id']}", 200, state="left") for one in (dead, gone)] == [dead, gone]
    assert house.person("dead@example.org").state is SubscriberState.SUPPRESSED


# Changing people


def test_a_change_is_written_and_what_is_not_named_stays(house: House, program: Program) -> None:
    (ann,) = bring(house, "ann")
    path = f"/subscribers/{ann.id}"
    program.patch(path, 200, name="Ann", attributes={"city": "Leeds", "shoe": "39"}, tags=["x", "y"], language="de-AT")
    said = program.patch(path, 200, attributes={"shoe": None, "hat": "7"}, tags=[])
    assert said == program.get(path)
    assert (said["name"], said["language"], said["tags"]) == ("Ann", "de-AT", [])
    assert said["attributes"] == {"city": "Leeds", "hat": "7"}


def test_another_clock_or_rhythm_plans_the_next_lesson_anew(house: House, program: Program) -> None:
    (ann,) = bring(house, "ann")
    path = f"/subscribers/{ann.id}"
    assert house.place("ann@example.org").next_due_at == EIGHT
    program.patch(path, 200, name="Ann")
    assert house.place("ann@example.org").next_due_at == EIGHT
    said = program.patch(path, 200, send_at="21:30", days=["wed", "tue"], timezone="Europe/Paris")
    assert (said["send_at"], said["days"]) == ("21:30", ["tue", "wed"])
    assert house.place("ann@example.org").next_due_at == NOW + DAY + timedelta(hours=13, minutes=30)
    assert program.patch(path, 200, send_at=None, days=None)["days"] is None
    assert house.place("ann@example.org").next_due_at == NOW


@pytest.mark.parametrize(
    "body",
    [{}, {"send_at": "24:00"}, {"send_at": "7:00"}, {"days": []}, {"days": ["mon", "mon"]}, {"days": ["Mon"]},
     {"name": None}, {"timezone": ""}, {"email": EMAIL}, {"tags": [""]}, {"tags": ["x" * 65]}, {"state": "active"},
     {"state": None},
     {"attributes": {"x": 5}}, {"attributes": {"x" * 65: "y"}}, {"attributes": []}, {"id": 5}, [], "x", 5],
)  # fmt: skip
def test_a_change_that_is_none_is_refused(quick: Program, body: object) -> None:
    before = quick.get("/subscribers/1")
    said = problem(quick.ask.patch("/subscribers/1", json=body), 422, "invalid")
    assert said["errors"]
    assert quick.get("/subscribers/1") == before


def test_attributes_do_not_grow_without_end(sqlite_door: Door) -> None:
    (ann,) = bring(sqlite_door.house, "ann")
    with Program(sqlite_door) as program:
        path = f"/subscribers/{ann.id}"
        program.patch(path, 200, attributes={f"a{number}": "" for number in range(50)})
        said = program.patch(path, 422, attributes={"one": "more"})
        assert said["detail"] == "There would be more than 50 attributes; take some away."
        program.patch(path, 200, attributes={"one": "more", "a0": None})


def test_a_change_to_what_has_changed_meanwhile_is_refused(house: House, program: Program) -> None:
    (ann,) = bring(house, "ann")
    place = house.place("ann@example.org")
    for path, one, two in (
        (f"/subscribers/{ann.id}", {"name": "A"}, {"name": "B"}),
        (f"/enrolments/{place.id}", {"pace": "weekly"}, {"pace": "daily"}),
    ):
        seen = program.ask.get(path)
        tag = seen.headers["etag"]
        assert program.ask.get(path, headers={"if-none-match": tag}).status_code == 304
        changed = program.ask.patch(path, json=one, headers={"if-match": tag})
        assert (changed.status_code, changed.headers["etag"]) == (200, program.ask.get(path).headers["etag"])
        problem(program.ask.patch(path, json=two, headers={"if-match": tag}), 412, "changed-meanwhile")
        assert program.ask.get(path).json() == changed.json()
        for fresh in ("*", f'"x", {changed.headers["etag"]}', f"W/{changed.headers['etag']}"):
            assert program.ask.patch(path, json=one, headers={"if-match": fresh}).status_code == 200


def test_who_is_unsubscribed_gets_nothing_more(house: House, program: Program) -> None:
    (ann,) = bring(house, "ann")
    path = f"/subscribers/{ann.id}"
    said = program.patch(path, 200, state="left", name="Ann")
    assert (said["state"], said["name"], said["left_at"]) == ("left", "Ann", "2026-03-02T07:00:00Z")
    assert program.patch(path, 200, state="left") == said
    assert house.place("ann@example.org").state is EnrolmentState.STOPPED
    house.tick(EIGHT)
    assert house.courier.sent == []


def test_of_who_is_erased_nothing_is_kept(house: House, program: Program) -> None:
    body = {"email": "ann@example.org", "form": "newsletter", "proof": "They said so at the fair."}
    program.post("/subscribers", 201, key="import", **body)
    ann, bob = bring(house, "ann", "bob")
    house.tick(EIGHT)
    program.post("/events", 202, subscriber=ann.id, name="looked", data={"at": "it"})
    assert program.ask.delete(f"/subscribers/{ann.id}").status_code == 204
    problem(program.ask.delete(f"/subscribers/{ann.id}"), 404, "not-found")
    assert program.emails() == ["bob@example.org"]
    assert {one["subscriber"] for one in program.get("/enrolments")["data"]} == {bob.id}
    with house.db.read() as tx:
        assert events.of(tx, ann.id) == []
        assert "ann@" not in str(tx.execute(select(api_answer)).all())


# Places in courses


def test_a_confirmed_person_is_put_on_a_course_once(house: House, program: Program) -> None:
    house.publish(small_course(slug="other"))
    (ann,) = bring(house, "ann")
    made = program.ask.post("/enrolments", json={"email": "ann@example.org", "course": "other"})
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/enrolments/{made.json()['id']}"
    assert program.post("/enrolments", 200, subscriber=ann.id, course="other") == made.json()
    assert [one["course"] for one in program.get("/enrolments", subscriber=ann.id)["data"]] == ["small", "other"]
    assert program.get("/enrolments", course="other", state="active")["data"] == [made.json()]
    assert program.get("/enrolments", course="nowhere")["data"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "nobody@example.org", "course": "small"}, "#/email"),
        ({"subscriber": 999, "course": "small"}, "#/subscriber"),
        ({"email": "ann@example.org", "course": "nowhere"}, "#/course"),
    ],
)
def test_nobody_is_put_on_no_course(quick: Program, body: dict[str, object], pointer: str) -> None:
    said = problem(quick.ask.post("/enrolments", json=body), 422, "unusable")
    assert said["errors"][0]["pointer"] == pointer


def test_who_has_not_confirmed_is_put_on_no_course(sqlite_door: Door) -> None:
    sqlite_door.house.sign_up(EMAIL)
    with Program(sqlite_door) as program:
        problem(program.ask.post("/enrolments", json={"email": EMAIL, "course": "small"}), 409, "conflict")


def test_lessons_are_paused_paced_and_go_on(house: House, program: Program, door: Door) -> None:
    bring(house, "ann")
    house.tick(EIGHT)
    door.now = EIGHT + timedelta(minutes=1)
    path = f"/enrolments/{house.place('ann@example.org').id}"
    said = program.patch(path, 200, paused_until="2026-03-10", pace="weekly")
    assert (said["paused_until"], said["pace"]) == ("2026-03-10T00:00:00Z", "weekly")
    assert (said["lessons_done"], said["next_due_at"]) == (1, "2026-03-10T08:00:00Z")
    said = program.patch(path, 200, paused_until=None, pace=None)
    assert (said["paused_until"], said["pace"], said["next_due_at"]) == (None, None, "2026-03-03T08:00:00Z")
    assert program.patch(path, 200, paused_until=None) == said


@pytest.mark.parametrize(
    ("day", "kind"),
    [("2026-03-02", "unusable"), ("2030-01-01", "unusable"), ("2026-02-30", "invalid"), ("soon", "invalid")],
)
def test_a_pause_ends_within_a_year(quick: Program, day: str, kind: str) -> None:
    said = problem(quick.ask.patch("/enrolments/1", json={"paused_until": day, "pace": "weekly"}), 422, kind)
    assert said["errors"][0]["pointer"] == "#/paused_until"
    assert quick.get("/enrolments/1")["pace"] is None


def test_a_course_that_is_stopped_sends_nothing_more_and_can_be_taken_up_again(house: House, program: Program) -> None:
    (ann,) = bring(house, "ann")
    path = f"/enrolments/{house.place('ann@example.org').id}"
    assert program.ask.delete(path).status_code == program.ask.delete(path).status_code == 204
    house.tick(EIGHT)
    assert house.courier.sent == []
    problem(program.ask.patch(path, json={"pace": "weekly"}), 409, "conflict")
    problem(program.ask.patch(path, json={"paused_until": None}), 409, "conflict")
    assert program.post("/enrolments", 201, subscriber=ann.id, course="small")["state"] == "active"
    house.tick(EIGHT)
    assert house.subjects("ann@example.org") == ["Subject 1"]


def test_a_course_that_is_finished_stays_so(house: House, program: Program) -> None:
    house.publish(small_course(1))
    (ann,) = bring(house, "ann")
    house.tick(EIGHT)
    path = f"/enrolments/{house.place('ann@example.org').id}"
    problem(program.ask.patch(path, json={"pace": "weekly"}), 409, "conflict")
    assert program.ask.delete(path).status_code == 204
    assert program.post("/enrolments", 200, subscriber=ann.id, course="small")["state"] == "finished"
    said = program.get(path)
    assert (said["lessons_done"], said["finished_at"]) == (1, "2026-03-02T08:00:00Z")


# Events


def test_who_has_bought_gets_no_more_of_the_course_that_sells(house: House, program: Program) -> None:
    house.publish(small_course(exit_on=("bought", "refunded")))
    house.publish(small_course(slug="other"))
    ann, _ = bring(house, "ann", "bob")
    program.post("/enrolments", 201, subscriber=ann.id, course="other")
    data = {"sku": "A1", "price": 19.5, "lines": [{"n": 1, "é": None}]}
    assert program.post("/events", 202, email="ann@example.org", name="bought", data=data) == {"status": "taken"}
    places = {one["course"]: one["state"] for one in program.get("/enrolments", subscriber=ann.id)["data"]}
    assert places == {"small": "stopped", "other": "active"}
    with house.db.read() as tx:
        (event,) = events.of(tx, ann.id)
    assert (event.name, event.happened_at) == ("bought", NOW)
    assert event.payload == '{"sku": "A1", "price": 19.5, "lines": [{"n": 1, "\\u00e9": null}]}'
    house.tick(EIGHT)
    assert house.subjects("ann@example.org") == ["Subject 1"]
    assert house.subjects("bob@example.org") == ["Subject 1"]


def test_a_lesson_that_waits_to_be_tried_again_is_cancelled_with_its_course(house: House, program: Program) -> None:
    house.publish(small_course(exit_on=("bought",)))
    (ann,) = bring(house, "ann")
    house.courier.answers = [(Stage.RCPT, Deferred(reply="421 busy"))]
    house.tick(EIGHT)
    assert house.states("ann@example.org") == [DeliveryState.DEFERRED]
    program.post("/events", 202, subscriber=ann.id, name="bought")
    assert house.states("ann@example.org") == [DeliveryState.SKIPPED]
    (row,) = house.ledger("ann@example.org")
    assert row.reply == 'The site told us "bought", with which the course ends.'
    house.tick(EIGHT + DAY)
    assert house.subjects("ann@example.org") == []


def test_an_event_that_ends_nothing_is_kept_all_the_same(house: House, program: Program) -> None:
    (ann,) = bring(house, "ann")
    program.post("/events", 202, subscriber=ann.id, name="looked")
    assert house.place("ann@example.org").state is EnrolmentState.ACTIVE
    with house.db.read() as tx:
        assert [event.payload for event in events.of(tx, ann.id)] == ["{}"]


def test_an_event_about_an_address_that_we_do_not_know_is_answered_alike_and_not_kept(
    house: House, program: Program
) -> None:
    bring(house, "ann")
    known = program.ask.post("/events", json={"email": "ann@example.org", "name": "bought"})
    unknown = program.ask.post("/events", json={"email": "nobody@example.org", "name": "bought"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert program.emails() == ["ann@example.org"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "bought"}, "#"),
        ({"name": "bought", "email": EMAIL, "subscriber": 1}, "#"),
        ({"name": "lesson.sent", "email": EMAIL}, "#/name"),
        ({"name": "", "email": EMAIL}, "#/name"),
        ({"name": "bought\n", "email": EMAIL}, "#/name"),
        ({"name": "bought", "email": EMAIL, "data": [1]}, "#/data"),
        ({"name": "bought", "subscriber": "1"}, "#/subscriber"),
        ({"name": "bought", "subscriber": True}, "#/subscriber"),
    ],
)
def test_an_event_is_about_one_person_and_has_a_name_of_the_sites_own(
    quick: Program, body: dict[str, object], pointer: str
) -> None:
    said = problem(quick.ask.post("/events", json=body), 422, "invalid")
    assert [one["pointer"] for one in said["errors"]] == [pointer]


def test_an_event_does_not_carry_a_book(quick: Program) -> None:
    quick.post("/events", 202, subscriber=1, name="read", data={"x": "y" * 16_000})
    said = problem(
        quick.ask.post("/events", json={"subscriber": 1, "name": "read", "data": {"x": "é" * 10_000}}),
        422, "unusable",
    )  # fmt: skip
    assert said["errors"] == [{"pointer": "#/data", "detail": "This is more than 16 KB; say less."}]


# Forms and courses


def test_a_form_tells_what_it_takes_to_show_it(sqlite_door: Door) -> None:
    with Program(sqlite_door) as program:
        (form,) = program.get("/forms")["data"]
        assert program.get("/forms/newsletter") == form
        problem(program.ask.get("/forms/another"), 404, "not-found")
    assert (form["key"], form["course"], form["opt_in"]) == ("newsletter", "small", "double")
    assert (form["consent"], form["consent_version"]) == (FORM.consent, FORM.wording_version)
    posted = {field["name"]: "" for field in form["fields"]} | {"email": EMAIL}
    answer = sqlite_door.ask.post(urlsplit(form["action"]).path, data=posted)
    assert answer.status_code == 200
    assert sqlite_door.house.person(EMAIL).state is SubscriberState.PENDING


def test_the_published_courses_are_told_with_their_lessons(house: House, program: Program) -> None:
    house.publish(small_course(2, exit_on=("bought",)))
    (course,) = program.get("/courses")["data"]
    assert program.get("/courses/small") == course
    assert (course["slug"], course["exit_on"], course["revision"]) == ("small", ["bought"], 2)
    assert [one["subject"] for one in course["lessons"]] == ["Subject 1", "Subject 2"]
    problem(program.ask.get("/courses/nowhere"), 404, "not-found")


def test_when_a_key_was_used_is_noted_once_a_minute_and_in_nobodys_way(house: House, door: Door) -> None:
    def used() -> object:
        (key,) = keys.listed(house.db)
        return key.used_at

    with Program(door) as program:
        assert used() is None
        program.get("/forms")
        wait_until(lambda: used() == NOW)
        door.now = NOW + timedelta(seconds=59)
        program.get("/forms")
        program.get("/forms")
        assert used() == NOW
        door.now = NOW + timedelta(seconds=60)
        program.get("/forms")
        wait_until(lambda: used() == door.now)


def test_one_key_alone_spends_its_quota_and_is_told_so(house: House) -> None:
    with (
        Door(house, api_per_minute=3).open() as door,
        Program(door) as one,
        Program(door, name="another") as other,
    ):
        answers = [one.ask.get("/forms") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit"] for answer in answers] == [
            '"key";r=2;t=20', '"key";r=1;t=40', '"key";r=0;t=60', '"key";r=0;t=60',
        ]  # fmt: skip
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"key";q=3;w=60'}
        problem(answers[3], 429, "too-many")
        assert answers[3].headers["retry-after"] == "20"
        assert other.ask.get("/forms").status_code == 200
        door.now += timedelta(seconds=20)
        assert one.ask.get("/forms").status_code == 200
        refused = one.ask.get("/courses/nowhere")
        assert (refused.status_code, refused.headers["ratelimit"]) == (429, '"key";r=0;t=60')


def test_a_replaced_form_is_the_one_that_counts(house: House) -> None:
    form = replace(FORM, lists=(("more", "other"),))
    house.publish(small_course())
    house.publish(small_course(slug="other"))
    with Door(house, forms={"newsletter": form}).open() as door, Program(door) as program:
        body = {"form": "newsletter", "proof": "They said so at the fair."}
        program.post("/subscribers", 201, email=EMAIL, course="other", **body)
        (place,) = program.get("/enrolments")["data"]
        assert place["course"] == "other"


def test_scopes_are_what_a_key_is_good_for(sqlite_door: Door) -> None:
    with Program(sqlite_door, [Scope.WRITE_SUBSCRIBERS], name="sign-ups") as program:
        program.post("/subscribers", 202, email=EMAIL, form="newsletter")
        body = {"email": EMAIL, "form": "newsletter", "proof": "They said so at the fair."}
        answer = program.ask.post("/subscribers", json=body)
        said = problem(answer, 403, "scope-missing")
        assert said["detail"] == 'This needs a key with the scope "subscribers:import".'
        challenge = 'Bearer realm="sequencer", error="insufficient_scope", scope="subscribers:import"'
        assert answer.headers["www-authenticate"] == challenge
        problem(program.ask.get("/subscribers"), 403, "scope-missing")
    assert sqlite_door.house.person(EMAIL).state is SubscriberState.PENDING


# Complaints and bounces


def test_a_complaint_that_a_relay_told_the_site_ends_all_mail_and_is_taken_once(house: House, program: Program) -> None:
    bring(house, "ann")
    body = {"email": "ann@example.org", "reason": "complaint", "detail": "abuse"}
    assert program.post("/suppressions", 200, key="feedback-1", **body) == {"status": "suppressed"}
    again = program.ask.post("/suppressions", json=body, headers={"idempotency-key": "feedback-1"})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert program.post("/suppressions", 200, email="ann@example.org", reason="bounce") == {"status": "suppressed"}
    assert house.person("ann@example.org").state is SubscriberState.SUPPRESSED
    assert house.place("ann@example.org").state is EnrolmentState.STOPPED
    with house.db.read() as tx:
        found = subscribers.suppression_of(tx, address.parse("ann@example.org"))
    assert found is not None
    assert (found.reason, found.detail) == (SuppressionReason.COMPLAINT, "abuse")
    house.tick(EIGHT)
    assert house.ledger("ann@example.org") == []


def test_the_answer_to_a_complaint_does_not_tell_whom_we_know(house: House, program: Program) -> None:
    silence(house, "suppressed")
    bring(house, "active")
    answers = [
        program.ask.post("/suppressions", json={"email": f"{name}@example.org", "reason": "complaint"})
        for name in ("active", "suppressed", "new")
    ]
    assert {(one.status_code, one.text) for one in answers} == {(200, '{"status":"suppressed"}')}


def test_an_address_that_nobody_can_have_and_a_reason_of_our_own_are_refused(quick: Program) -> None:
    said = problem(quick.ask.post("/suppressions", json={"email": "x@localhost", "reason": "bounce"}), 422, "unusable")
    assert [one["pointer"] for one in said["errors"]] == ["#/email"]
    said = problem(quick.ask.post("/suppressions", json={"email": EMAIL, "reason": "disowned"}), 422, "invalid")
    assert [one["pointer"] for one in said["errors"]] == ["#/reason"]


def test_a_key_that_only_reads_suppressions_adds_none(quiet_door: Door) -> None:
    with Program(quiet_door, [Scope.READ_SUPPRESSIONS, Scope.WRITE_SUBSCRIBERS], name="reader") as reader:
        problem(reader.ask.post("/suppressions", json={"email": EMAIL, "reason": "manual"}), 403, "scope-missing")
