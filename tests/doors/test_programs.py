"""What becomes of sign-ups that other programs post: form builders, automations, and a script of ours?"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest
import signing
from door import Door
from house import FORM, NOW, House, small_course
from signing import CODED

from sequencer.core.model import Consent
from sequencer.flows import report
from sequencer.forms import Form, Signature
from sequencer.message import address
from sequencer.store.database import Database
from sequencer.web import programs
from sequencer.web.answers import ACCEPTED

EMAIL = "reader@example.org"
SECRET = "swordfish-swordfish"
RECORDED = Path(__file__).parent.parent / "data" / "webhooks"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0"
ROOT = Path(__file__).parent.parent.parent


def secret_of(signature: Signature | None) -> str:
    return CODED if signature in (Signature.STANDARD, Signature.SVIX) else SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request that a program made."""

    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, name: str) -> "Recorded":
        """The one that is kept under this name."""
        head, _, body = (RECORDED / f"{name}.http").read_bytes().partition(b"\n\n")
        return cls(headers=dict(line.split(": ", 1) for line in head.decode().splitlines()), body=body)

    def saying(self, body: bytes) -> "Recorded":
        """The same with another body."""
        return replace(self, body=body)

    def told(self, **changes: object) -> "Recorded":
        """The same with another word at the top of its JSON."""
        return self.saying(json.dumps({**json.loads(self.body), **changes}).encode())


def form_of(signature: Signature | None, **changes: object) -> Form:
    secrets = (secret_of(signature),) if signature else ()
    return replace(FORM, signature=signature, secrets=secrets, **changes)  # type: ignore[arg-type]


@contextmanager
def opened(db: Database, form: Form, **settings: object) -> Iterator[Door]:
    house = House(db)
    house.publish(small_course())
    with Door(house, forms=MappingProxyType({form.key: form}), **settings).open() as door:
        yield door


def post(door: Door, sent: Recorded, *, secret: str = "", delivery: str = signing.UUID) -> httpx.Response:
    """What the program does, with the signature of the door's form."""
    (form,) = door.settings.forms.values()
    headers = dict(sent.headers)
    given = secret or secret_of(form.signature)
    if form.signature:
        headers |= signing.signed(form.signature, given, sent.body, door.now, delivery=delivery)
    query = {"secret": given} if form.signature is Signature.URL else {}
    return door.ask.post(f"/f/{form.key}", content=sent.body, headers=headers, params=query)


def consents(door: Door, email: str = EMAIL) -> Sequence[Consent]:
    return report.why(door.house.db, address.parse(email), now=door.now).consents


def people(door: Door) -> list[str]:
    return [person.address.normalized for person in report.people(door.house.db)]


def refusal(answer: httpx.Response, status: int) -> str:
    """The one sentence of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["ok"] is False
    sentence = str(answer.json()["error"])
    assert sentence.endswith((".", "?"))
    return sentence


# What each program says: by which row it is read, how it signs, and what becomes of it.
TOPICS = ("topics", "Soil, Seeds")
BALCONY = ("garden", "A balcony")
SPRING, ADS = ("utm_campaign", "spring"), ("utm_source", "ads")
SAID: Mapping[str, tuple[str, Signature, Mapping[str, object]]] = {
    "typeform": (
        "typeform",
        Signature.TYPEFORM,
        {
            "name": "Zoë",
            "utm": (SPRING, ("utm_source", "newsletter")),
            "attributes": (
                ("Which day suits you?", "Monday"),
                ("Topics", "Soil, Seeds, Bees"),
                ("How much do you know already?", "5"),
                ("You may write to me", "true"),
                ("plan", "pro"),
            ),
        },
    ),
    "tally": (
        "tally",
        Signature.TALLY,
        {
            "name": "Rea Der",
            "utm": (SPRING,),
            "attributes": (
                ("Day", "Monday"),
                ("Garden", "A balcony"),
                ("Topics", "Soil, Seeds"),
                ("Topics (Soil)", "true"),
                ("Topics (Bees)", "false"),
            ),
        },
    ),
    "webflow": (
        "webflow",
        Signature.WEBFLOW,
        {
            "name": "Rea Der",
            "source_url": "https://www.example.org/course",
            "utm": (ADS,),
            "tags": ("gardeners",),
            "attributes": (("Message 2", "Howdy"),),
        },
    ),
    "framer": (
        "framer",
        Signature.FRAMER,
        {"name": "Rea Der", "utm": (ADS,), "attributes": (("About You", "A gardener"), ("Newsletter", "true"))},
    ),
    "netlify": (
        "netlify",
        Signature.NETLIFY,
        {
            "name": "Rea Der",
            "ip": "203.0.113.163",
            "user_agent": AGENT,
            "source_url": "https://www.example.org/?utm_source=ads",
            "utm": (ADS,),
            "attributes": (("comments", "Default value"),),
        },
    ),
    "netlify-function": (
        "netlify-function",
        Signature.HEADER,
        {
            "name": "Rea Der",
            "ip": "203.0.113.163",
            "user_agent": AGENT,
            "source_url": "https://www.example.org/?utm_source=ads",
            "utm": (ADS,),
            "attributes": (("comments", "Default value"),),
        },
    ),
    "elementor": (
        "elementor",
        Signature.URL,
        {
            "name": "Rea Der",
            "ip": "203.0.113.7",
            "user_agent": AGENT,
            "source_url": "https://www.example.org/course/",
            "utm": (ADS,),
            "attributes": (("Phone", "(85) 98769-6383"), TOPICS),
        },
    ),
    "elementor-flat": (
        "elementor-flat",
        Signature.URL,
        {
            "name": "Rea Der",
            "ip": "2001:db8:640d:dcfe:84ca:21b9:8a2a:f21b",
            "user_agent": AGENT,
            "source_url": "https://www.example.org/contact/",
            "attributes": (("Phone", "1234567890"), ("Message", "test")),
        },
    ),
    "elementor-fields": (
        "elementor-fields",
        Signature.URL,
        {"name": "Rea Der", "attributes": (("Garden", "A balcony"),)},
    ),
    "gravity-forms": (
        "gravity-forms",
        Signature.HEADER,
        {
            "name": "Rea Der",
            "ip": "203.0.113.7",
            "user_agent": AGENT,
            "source_url": "https://www.example.org/course/",
            "attributes": (("3", "A balcony"), ("4.1", "Soil"), ("4.3", "Bees")),
        },
    ),
    "contact-form-7": (
        "contact-form-7",
        Signature.HEADER,
        {
            "name": "Rea Der",
            "ip": "203.0.113.7",
            "user_agent": AGENT,
            "source_url": "https://www.example.org/course/",
            "language": "de-DE",
            "attributes": (("your-subject", "The course"), ("your-message", "Please"), TOPICS),
        },
    ),
    "wpforms": (
        "wpforms",
        Signature.WPFORMS,
        {
            "name": "Rea Der",
            "ip": "203.0.113.7",
            "source_url": "https://www.example.org/course/",
            "attributes": (
                ("garden", "A balcony||A field"),
                ("since[value]", "2026-03-01"),
                ("since[unix]", "1772323200"),
            ),
        },
    ),
    "google-forms": (
        "google-forms",
        Signature.STANDARD,
        {"name": "Rea Der", "attributes": (("Topics", "Soil, Seeds"),)},
    ),
    "buttondown": (
        "buttondown",
        Signature.BUTTONDOWN,
        {
            "name": "Rea Der",
            "ip": "203.0.113.7",
            "source_url": "https://www.example.org/course",
            "utm": (ADS,),
            "tags": ("gardeners",),
            "attributes": (BALCONY,),
        },
    ),
    "zapier": (
        "program",
        Signature.HEADER,
        {
            "name": "Rea Der",
            "ip": "203.0.113.7",
            "source_url": "https://www.example.org/course",
            "attributes": (BALCONY,),
        },
    ),
    "make": ("program", Signature.URL, {"name": "Rea Der", "timezone": "Asia/Kolkata", "attributes": (TOPICS,)}),
    "formspark": ("program", Signature.URL, {"name": "Rea Der", "attributes": (("message", "Please"),)}),
    "carrd": (
        "program",
        Signature.URL,
        {"name": "Rea Der", "source_url": "https://gardeners.carrd.co/", "attributes": (BALCONY,)},
    ),
}
QUIET: Mapping[str, object] = {
    "ip": "",
    "user_agent": "",
    "source_url": "",
    "language": "",
    "timezone": "",
    "utm": (),
    "attributes": (),
    "tags": (),
}


def test_every_recorded_request_has_its_expectation_and_every_row_a_request() -> None:
    assert {path.stem for path in RECORDED.glob("*.http")} == set(SAID)
    assert {row for row, _, _ in SAID.values()} == set(programs.BY_NAME)


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_a_program_says_of_a_visitor_is_taken(db: Database, name: str) -> None:
    row, signature, said = SAID[name]
    with opened(db, form_of(signature)) as door:
        answer = post(door, Recorded.of(name))
        assert (answer.status_code, answer.json()) == (200, ACCEPTED)
        (consent,) = consents(door)
        assert people(door) == [EMAIL]
        expected = {**QUIET, **said, "shape": row, "form": "newsletter", "asked_at": NOW}
        assert {key: getattr(consent, key) for key in expected} == expected
        door.house.tick(NOW)
        assert [parcel.recipient for parcel in door.house.courier.sent] == [EMAIL]


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_program_hears_the_same_when_it_repeats_itself_and_is_never_led_elsewhere(
    sqlite_db: Database, name: str
) -> None:
    # The form would lead a visitor to a page; programs take a redirect for a failure.
    with opened(sqlite_db, form_of(SAID[name][1], thanks="https://www.example.org/thanks")) as door:
        answers = [post(door, Recorded.of(name)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.content for answer in answers}) == 1
        assert all("location" not in answer.headers for answer in answers)
        assert len(consents(door)) == 1


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_another_secret_signed_is_refused_with_a_sentence_and_leaves_no_trace(
    sqlite_db: Database, name: str
) -> None:
    wrong = "whsec_bm90IHRoZSByaWdodCBvbmUgYXQgYWxs" if SAID[name][1] is Signature.STANDARD else "another secret"
    with opened(sqlite_db, form_of(SAID[name][1])) as door:
        assert "secret" in refusal(post(door, Recorded.of(name), secret=wrong), 401)
        unsigned = door.ask.post("/f/newsletter", content=Recorded.of(name).body, headers=Recorded.of(name).headers)
        refusal(unsigned, 401)
        assert people(door) == []


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
    with opened(sqlite_db, form_of(SAID[name][1])) as door:
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
        with opened(sqlite_db, form_of(SAID[name][1])) as door:
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
        said = SAID[name][2]
        assert (consent.name, consent.shape) == (said["name"], name)
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
