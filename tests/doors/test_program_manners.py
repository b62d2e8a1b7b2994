"""How are other programs treated: who is believed, what is taken once, what is refused, and in which words?"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
import signing
from door import Door
from house import NOW, House, small_course
from installation import Run
from recorded import EMAIL, NO_CAPS, SECRET, Recorded, consents, form_of, opened, people, post, refusal
from signing import CODED

from sequencer.forms import Signature
from sequencer.store.database import Database
from sequencer.web.answers import ACCEPTED

# The way in which each of these signs, or is told from others.
SIGNS: Mapping[str, Signature] = {
    "typeform": Signature.TYPEFORM,
    "tally": Signature.TALLY,
    "webflow": Signature.WEBFLOW,
    "buttondown": Signature.BUTTONDOWN,
    "zapier": Signature.HEADER,
    "carrd": Signature.URL,
    "elementor-fields": Signature.URL,
}


def test_of_two_secrets_either_is_good(sqlite_db: Database) -> None:
    form = replace(form_of(Signature.TALLY), secrets=("the new one", SECRET))
    with opened(sqlite_db, form) as door:
        for secret in form.secrets:
            assert post(door, Recorded.of("tally"), secret=secret).status_code == 200
        refusal(post(door, Recorded.of("tally"), secret="a third"), 401)


def test_what_was_signed_ten_minutes_ago_is_refused(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(Signature.WEBFLOW)) as door:
        sent = Recorded.of("webflow")
        headers = {**sent.headers, **signing.signed(Signature.WEBFLOW, SECRET, sent.body, NOW - timedelta(minutes=10))}
        answer = door.ask.post("/f/newsletter", content=sent.body, headers=headers)
        assert refusal(answer, 401).startswith("This was not signed within 5 minutes of now")
        assert people(door) == []


# What is no sign-up


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("typeform", {"event_type": "form_response_partial"}),
        ("tally", {"eventType": "FORM_OPENED"}),
        ("webflow", {"triggerType": "site_publish"}),
        ("buttondown", {"event_type": "subscriber.unsubscribed"}),
    ],
)
def test_other_events_are_heard_and_left_alone(sqlite_db: Database, name: str, change: Mapping[str, str]) -> None:
    with opened(sqlite_db, form_of(SIGNS[name])) as door:
        answer = post(door, Recorded.of(name).told(**change))
        assert (answer.status_code, answer.json()) == (200, {"ok": True, "status": "ignored"})
        assert people(door) == []


def test_who_left_the_address_blank_is_left_alone(sqlite_db: Database) -> None:
    blank: list[tuple[str, Recorded]] = []
    typeform = json.loads(Recorded.of("typeform").body)
    typeform["form_response"]["answers"] = [
        one for one in typeform["form_response"]["answers"] if one["type"] != "email"
    ]
    blank.append(("typeform", Recorded.of("typeform").saying(json.dumps(typeform).encode())))
    tally = json.loads(Recorded.of("tally").body)
    tally["data"]["fields"][3]["value"] = None
    blank.append(("tally", Recorded.of("tally").saying(json.dumps(tally).encode())))
    blank.append(("zapier", Recorded.of("zapier").told(email="")))
    blank.append(("carrd", Recorded.of("carrd").saying(b"name=Rea&email=")))
    for name, sent in blank:
        with opened(sqlite_db, form_of(SIGNS[name])) as door:
            answer = post(door, sent)
            assert (answer.status_code, answer.json()) == (200, {"ok": True, "status": "ignored"}), name
            assert people(door) == []


def test_a_message_in_which_nothing_is_an_address_is_refused_so_that_somebody_notices(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(Signature.BUTTONDOWN)) as door:
        bare = Recorded.of("buttondown").told(data={"subscriber": "ac79483b-cd28-49c1-982e-8a88e846d7e7"})
        assert refusal(post(door, bare), 400).startswith("Nothing here is plainly the visitor's e-mail address")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"null", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"", "application/json", 400),
        (b"", "application/x-www-form-urlencoded", 400),
        (b'{"email": "nobody"}', "application/json", 400),
        (b'{"email": "a@example.org", "name": "A\\r\\nB"}', "application/json", 400),
        (b'{"email": "\\ud800@example.org"}', "application/json", 400),
        (b'{"fields": {"email": {"value": ["x"]}}}', "application/json", 400),
        (
            b'{"event_id":1,"event_type":"form_response","form_response":{"form_id":[],"answers":[1,{"type":{}}],"hidden":7}}',
            "",
            400,
        ),
        (b'{"eventType": "FORM_RESPONSE", "data": {"fields": {"a": 1}}}', "application/json", 400),
        (b'{"triggerType": {}, "payload": {"data": []}}', "application/json", 200),
        (b"form[id]=x&fields=1&fields[email][value]=a@example.org&fields[a[b]]=1&meta[", "form", 400),
        (b"<a/>", "application/xml", 415),
        (b'{"email": "a@example.org", "x": "' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
)
def test_what_makes_no_sense_is_refused_in_json_and_never_breaks(
    sqlite_db: Database, body: bytes, kind: str, status: int
) -> None:
    kind = {"": "application/json", "form": "application/x-www-form-urlencoded"}.get(kind, kind)
    with opened(sqlite_db, form_of(Signature.HEADER)) as door:
        answer = post(door, Recorded(headers={"content-type": kind, "accept": "text/html"}, body=body))
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert people(door) == []


def _deep(levels: int) -> object:
    value: object = "x"
    for _ in range(levels):
        value = {"value": [value]}
    return value


ODD: Sequence[object] = (
    "half a pair \ud800",
    "a null \x00",
    "a\r\nbreak",
    10**4000,
    float("inf"),
    _deep(400),
    {f"k{number}": "x" for number in range(150)},
    ["x"] * 1000,
)


def _with(name: str, odd: object) -> bytes:
    """What was recorded, with an odd answer and an odd name of the delivery."""
    document = json.loads(Recorded.of(name).body)
    document |= {"eventId": str(odd)[:50], "event_id": str(odd)[:50], "id": str(odd)[:50], "odd": odd}
    if name == "typeform":
        document["form_response"]["answers"][2]["choice"] = odd
    elif name == "tally":
        document["data"]["fields"][4]["value"] = [odd]
    elif name == "webflow":
        document["payload"] |= {"id": str(odd)[:50], "data": {**document["payload"]["data"], "odd": odd}}
    elif name == "elementor-fields":
        document["fields"]["field_4c63868"]["value"] = odd
    return json.dumps(document).encode()


@pytest.mark.parametrize("name", ["typeform", "tally", "webflow", "elementor-fields"])
def test_odd_answers_do_not_keep_a_sign_up_out(db: Database, name: str) -> None:
    with opened(db, form_of(SIGNS[name]), signup_caps=NO_CAPS) as door:
        for number, odd in enumerate(ODD):
            body = _with(name, odd).replace(b"reader@", b"reader-%d@" % number)
            assert post(door, Recorded.of(name).saying(body)).json() == ACCEPTED
            assert len(people(door)) == number + 1


def test_odd_answers_beside_all_others_are_taken_or_refused(db: Database) -> None:
    with opened(db, form_of(Signature.HEADER), signup_caps=NO_CAPS) as door:
        for number, odd in enumerate(ODD):
            body = _with("zapier", odd).replace(b"reader@", b"reader-%d@" % number)
            assert post(door, Recorded.of("zapier").saying(body)).status_code in (200, 400)


def test_a_trap_that_was_touched_is_answered_like_any_other_sign_up(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(Signature.URL, honeypots=("fax",))) as door:
        for trap in ("_gotcha", "fax"):
            answer = post(door, Recorded.of("formspark").told(**{trap: "x"}))
            assert (answer.status_code, answer.json()) == (200, ACCEPTED)
        assert people(door) == []


def test_a_question_that_is_called_like_a_trap_of_plain_forms_is_none(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(Signature.HEADER)) as door:
        post(door, Recorded.of("zapier").told(website="https://gardeners.example"))
        (consent,) = consents(door)
        assert ("website", "https://gardeners.example") in consent.attributes


# Who the visitor is


def test_programs_that_name_no_visitor_are_not_counted_as_one(sqlite_db: Database) -> None:
    caps = MappingProxyType({"ip": 1, "network": 1, "address": 5, "domain": 200, "form": 2000, "all": 5000})
    with opened(sqlite_db, form_of(Signature.HEADER), signup_caps=caps) as door:
        for number in range(20):
            answer = post(door, Recorded.of("formspark").told(email=f"reader-{number}@example.org"))
            assert (answer.status_code, answer.json()) == (200, ACCEPTED)
        assert len(people(door)) == 20
        assert {consent.ip for consent in consents(door, "reader-0@example.org")} == {""}


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 2001:DB8::1 ", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("::ffff:10.0.0.1", ""),
        ("192.168.1.7", ""),
        ("fe80::1", ""),
        ("0.0.0.0", ""),
        ("203.0.113.7, 198.51.100.1", ""),
        ("localhost", ""),
        (7, ""),
        ({"x": "203.0.113.7"}, ""),
        (None, ""),
    ],
)
def test_only_an_address_that_can_be_a_visitors_is_one(sqlite_db: Database, named: object, kept: str) -> None:
    with opened(sqlite_db, form_of(Signature.HEADER)) as door:
        assert post(door, Recorded.of("zapier").told(ip=named)).status_code == 200
        assert [consent.ip for consent in consents(door)] == [kept]


def test_a_program_is_not_asked_what_the_visitor_may_have_meant(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(Signature.HEADER)) as door:
        assert post(door, Recorded.of("zapier").told(email="rea@gmal.com")).json() == ACCEPTED
        assert people(door) == ["rea@gmal.com"]


def test_a_browser_is_never_sent_to_work_for_a_program(sqlite_db: Database) -> None:
    form = form_of(Signature.HEADER, challenge="always")
    with opened(sqlite_db, form) as door:
        assert post(door, Recorded.of("zapier")).json() == ACCEPTED
        assert people(door) == [EMAIL]


def test_a_tag_leads_to_the_course_that_the_form_names_for_it(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course(slug="other", title="Another Course"))
    with opened(sqlite_db, form_of(Signature.WEBFLOW, lists=(("gardeners", "other"),))) as door:
        post(door, Recorded.of("webflow"))
        door.house.tick(NOW)
        assert b"Another Course" in door.house.courier.sent[0].content


# Once only


def test_a_delivery_is_taken_once_though_its_words_have_changed(db: Database) -> None:
    with opened(db, form_of(Signature.STANDARD)) as door:
        body = b'{"email": "%s"}'
        kind = {"content-type": "application/json"}
        for email in (b"a@example.org", b"b@example.org"):
            answer = post(door, Recorded(headers=kind, body=body % email), delivery="msg_1")
            assert (answer.status_code, answer.json()) == (200, ACCEPTED)
        assert people(door) == ["a@example.org"]
        post(door, Recorded(headers=kind, body=body % b"b@example.org"), delivery="msg_2")
        assert sorted(people(door)) == ["a@example.org", "b@example.org"]


def test_one_delivery_to_two_forms_is_two(sqlite_db: Database) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    one = form_of(Signature.TALLY)
    forms = {"newsletter": one, "second": replace(one, key="second")}
    with Door(house, forms=MappingProxyType(forms)).open() as door:
        sent = Recorded.of("tally")
        for number, key in enumerate(forms):
            changed = sent.saying(sent.body.replace(b"reader@", b"reader-%d@" % number))
            headers = {**changed.headers, **signing.signed(Signature.TALLY, SECRET, changed.body, NOW)}
            assert door.ask.post(f"/f/{key}", content=changed.body, headers=headers).status_code == 200
        assert sorted(people(door)) == ["reader-0@example.org", "reader-1@example.org"]


def test_a_delivery_that_came_to_nothing_is_taken_when_it_comes_again(db: Database) -> None:
    """The delivery is used up in the transaction that writes the sign-up: what breaks in between uses up nothing."""
    house = House(db)
    with Door(house, forms=MappingProxyType({"newsletter": form_of(Signature.TALLY)})).open() as door:
        assert post(door, Recorded.of("tally")).status_code == 500  # its course is not published
        assert people(door) == []
        house.publish(small_course())
        assert post(door, Recorded.of("tally")).json() == ACCEPTED
        assert people(door) == [EMAIL]


def test_a_delivery_that_comes_many_times_at_one_moment_is_taken_once(db: Database) -> None:
    with opened(db, form_of(Signature.STANDARD)) as door:
        answers: list[int] = []
        start = threading.Barrier(6)

        def deliver(number: int) -> None:
            sent = Recorded(headers={"content-type": "application/json"}, body=b'{"email": "r%d@example.org"}' % number)
            headers = {**sent.headers, **signing.signed(Signature.STANDARD, CODED, sent.body, NOW, delivery="msg_1")}
            start.wait()
            answers.append(door.ask.post("/f/newsletter", content=sent.body, headers=headers).status_code)

        threads = [threading.Thread(target=deliver, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 6
        assert len(people(door)) == 1


# Without a signature


@pytest.mark.parametrize("name", ["typeform", "tally", "webflow", "netlify", "elementor", "google-forms", "buttondown"])
def test_an_open_form_knows_a_program_by_its_message_and_counts_it_as_a_visitor(sqlite_db: Database, name: str) -> None:
    with opened(sqlite_db, form_of(None, thanks="https://www.example.org/thanks")) as door:
        answer = post(door, Recorded.of(name))
        assert (answer.status_code, answer.json()) == (200, ACCEPTED)
        (consent,) = consents(door)
        assert (consent.name, consent.shape) == ("Zoë" if name == "typeform" else "Rea Der", name)
        # Nobody vouches for what it says of the visitor.
        assert consent.ip == "127.0.0.1"


def test_an_unsigned_message_uses_up_no_delivery(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(None)) as door:
        sent = Recorded.of("tally")
        post(door, sent.saying(sent.body.replace(b"reader@", b"somebody@")))
        post(door, sent)
        assert sorted(people(door)) == [EMAIL, "somebody@example.org"]


def test_an_unsigned_message_cannot_do_the_work_of_a_browser(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(None, challenge="always")) as door:
        assert "sign what it sends" in refusal(post(door, Recorded.of("tally")), 403)
        assert people(door) == []


def test_an_unsigned_message_with_a_mistyped_address_is_told(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(None)) as door:
        sent = Recorded.of("tally")
        answer = post(door, sent.saying(sent.body.replace(b"reader@example.org", b"rea@gmal.com")))
        assert refusal(answer, 400) == "Did you mean rea@gmail.com?"


def test_an_unsigned_message_that_cannot_be_used_is_refused_in_json(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(None)) as door:
        sent = Recorded.of("elementor")
        answer = post(door, sent.saying(sent.body.replace(b"reader%40example.org", b"reader%40localhost")))
        assert "cannot be used" in refusal(answer, 400)


# The form itself


def test_a_form_for_programs_has_no_page_and_is_not_listed(sqlite_db: Database) -> None:
    with opened(sqlite_db, form_of(Signature.TALLY)) as door:
        for query in ("", "?email=reader@example.org", "?EMAIL=reader@example.org&c=call"):
            assert door.ask.get(f"/f/newsletter{query}").status_code == 404
        assert "/f/newsletter" not in door.ask.get("/").text
        assert people(door) == []


def test_a_large_message_is_taken_from_a_program_and_from_nobody_else(sqlite_db: Database) -> None:
    sent = Recorded.of("typeform")
    large = sent.told(padding=["x" * 1000] * 200)
    assert 200_000 < len(large.body) < 256 * 1024
    with opened(sqlite_db, form_of(Signature.TYPEFORM)) as door:
        assert post(door, large).json() == ACCEPTED
    with opened(sqlite_db, form_of(None)) as door:
        assert post(door, large).status_code == 413


@pytest.mark.parametrize(
    ("signature", "address", "words"),
    [
        ("url", "https://mail.example.org/f/newsletter?secret=SECRET", "Elementor Pro"),
        ("header", "x-sequencer-secret: SECRET", "Gravity Forms"),
        ("tally", "https://mail.example.org/f/newsletter", "Tally"),
        ("stripe", "https://mail.example.org/f/newsletter", "see the guide"),
    ],
)
def test_a_form_for_programs_is_shown_by_its_address_and_without_its_secret(
    run: Run, folder: Path, signature: str, address: str, words: str
) -> None:
    with (folder / "sequencer.toml").open("a", encoding="utf-8") as file:
        file.write(f'signature = "{signature}"\nsecrets = ["{SECRET}"]\n')
    result = run("form", "show", "newsletter")
    assert result.exit_code == 0
    assert address in result.stdout.splitlines()
    assert words in result.stdout
    assert "<form" not in result.stdout
    assert SECRET not in result.stdout
