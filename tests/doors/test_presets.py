"""Is each form that there is in the wild understood, and answered as its own script expects it?"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from door import THANKS, Door, Page
from house import FORM, NOW, House, small_course

from sequencer.core.keys import Scope
from sequencer.core.model import Consent
from sequencer.flows import keys, report
from sequencer.message import address
from sequencer.store.database import Database
from sequencer.web import presets
from sequencer.web.answers import ACCEPTED
from sequencer.web.presets import LOOK

FORMS = Path(__file__).resolve().parent.parent / "data" / "forms"
EMAIL = "rea@example.org"
SITE = "https://www.example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request as a browser sent it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def read(cls, name: str) -> "Recorded":
        """The request in tests/data/forms."""
        head, _, body = (FORMS / f"{name}.http").read_text(encoding="utf-8").partition("\n\n")
        (method, target, _), *lines = (line.split(" ", 2) for line in head.splitlines())
        headers = {key.rstrip(":"): " ".join(rest) for key, *rest in lines}
        body = body.replace("\n", "\r\n") if "multipart" in headers.get("Content-Type", "") else body.rstrip("\n")
        return cls(method=method, target=target, headers=headers, body=body.encode())

    def send(self, door: Door, **changes: str) -> httpx.Response:
        """Send it to this door."""
        headers = {**self.headers, **changes}
        return door.ask.request(self.method, self.target, headers=headers, content=self.body)

    def altered(self, old: str, new: str) -> "Recorded":
        """The same with other words in it, in the body or in the address."""
        assert old in self.body.decode() or old in self.target
        body = self.body.decode().replace(old, new).encode()
        return replace(self, target=self.target.replace(old, new), body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What is understood of a request: `answer` is "page", "thanks", or what a script reads."""

    preset: str
    answer: object
    name: str = ""
    timezone: str = ""
    language: str = "en-GB"
    source_url: str = f"{SITE}/"
    utm: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    status: int = 200


def jsonp(callback: str, says: Mapping[str, object]) -> str:
    return f"/**/{callback}({json.dumps(says)});"


SUPERSET = dict(ACCEPTED)
MAILCHIMP = {**SUPERSET, "msg": LOOK}
CASES = {
    "mailchimp": Says(
        preset="mailchimp", name="Rea Der", attributes={"MMERGE3": "Bath"}, tags=("2", "4539232"), answer="page"
    ),
    "mailchimp-get": Says(preset="mailchimp", language="es", answer="page"),
    "mailchimp-jsonp": Says(preset="mailchimp", name="Rea Der", answer=jsonp("jQuery19006_1672", MAILCHIMP)),
    "kit": Says(
        preset="kit",
        name="Rea",
        attributes={"company": "Example & Sons"},
        tags=("1735622", "1735623"),
        answer={**SUPERSET, "status": "success", "consent": {"enabled": False}},
    ),
    "mailerlite": Says(
        preset="mailerlite",
        name="Rea",
        attributes={"phone": "+44 1225"},
        tags=("60530131913934027",),
        answer=jsonp("jQuery1830_1672", SUPERSET),
    ),
    "mailerlite-no-cors": Says(preset="mailerlite", answer=SUPERSET),
    "buttondown": Says(
        preset="buttondown", name="Rea", attributes={"topics": "love, work"}, tags=("footer",), answer="page"
    ),
    "substack": Says(
        preset="substack",
        source_url=f"{SITE}/essays/two?utm_campaign=spring",
        utm={"utm_campaign": "spring", "referral_code": "r4tz", "source": "cover_page"},
        answer="page",
    ),
    "substack-json": Says(preset="substack", source_url=f"{SITE}/essays/two", utm={"source": "hero"}, answer=SUPERSET),
    "revue": Says(preset="revue", name="Rea Der", answer="page"),
    "sendy": Says(
        preset="sendy",
        name="Rea",
        attributes={"Birthday": "29 February", "gdpr": "on"},
        tags=("763Y892CXaDw",),
        answer="page",
    ),
    "sendy-boolean": Says(preset="sendy", name="Rea", source_url=f"{SITE}/a", tags=("763Y892CXaDw",), answer="1"),
    "brevo": Says(
        preset="brevo", name="Réa", language="fr", attributes={"OPT_IN": "1"}, answer={**SUPERSET, "message": LOOK}
    ),
    "loops": Says(preset="loops", name="Rea", tags=("Waitlist", "cm2ccf528010n0ll77ael39hn"), answer=SUPERSET),
    "emailoctopus": Says(preset="emailoctopus", attributes={"field_1": "Rea"}, answer=SUPERSET),
    "ghost": Says(preset="ghost", name="Rea", tags=("essays", "Weekly"), answer=SUPERSET, status=201),
    "listmonk": Says(
        preset="listmonk",
        name="Rea",
        tags=("dc032645-9dee-4d94-bf0d-b95745c01b1e", "0a1b2c3d-9dee-4d94-bf0d-b95745c01b1e"),
        answer="page",
    ),
    "listmonk-api": Says(
        preset="listmonk-api", name="rea", tags=("358c1300-1d81-4b19-8677-d8b403bde192",), answer=SUPERSET
    ),
    "jetpack": Says(preset="jetpack", source_url=f"{SITE}/about/", utm={"source": f"{SITE}/about/"}, answer="page"),
    "jetpack-block": Says(
        preset="jetpack", language="en-US", source_url=f"{SITE}/about/", utm={"source": f"{SITE}/about/"}, answer="page"
    ),
    "wordpress-newsletter": Says(
        preset="wordpress-newsletter",
        name="Rea",
        language="de",
        attributes={"np1": "Bath"},
        tags=("2",),
        answer="page",
    ),
    "wordpress-newsletter-ajax": Says(preset="wordpress-newsletter", name="Rea", language="de", answer=LOOK),
    "netlify": Says(preset="netlify", name="Rea", attributes={"role": "leader, follower"}, answer="page"),
    "formspree": Says(preset="formspree", attributes={"message": "Hello"}, answer="thanks"),
    "formspree-json": Says(preset="formspree", attributes={"message": "Hello"}, answer=SUPERSET),
    "beehiiv-form": Says(preset="beehiiv-form", utm={"ref": "footer"}, answer="page"),
    "beehiiv-link": Says(preset="beehiiv-link", answer="thanks"),
    "plain": Says(preset="plain", name="Zoë", timezone="Asia/Kolkata", attributes={"shoe size": "41"}, answer="thanks"),
}
CROSS_ORIGIN = [name for name in CASES if Recorded.read(name).headers.get("Sec-Fetch-Mode") == "cors"]


def consents(door: Door) -> list[Consent]:
    return list(report.why(door.house.db, address.parse(EMAIL), now=NOW).consents)


def people(door: Door) -> list[str]:
    return [person.address.normalized for person in report.people(door.house.db)]


# What each form says, and what it hears


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_request_is_understood_whole(door: Door, name: str) -> None:
    says = CASES[name]
    Recorded.read(name).send(door)
    (consent,) = consents(door)
    assert (consent.shape, consent.name, consent.timezone) == (says.preset, says.name, says.timezone)
    assert (consent.language, consent.source_url) == (says.language, says.source_url)
    assert dict(consent.utm) == says.utm
    assert dict(consent.attributes) == says.attributes
    assert consent.tags == says.tags
    assert "Firefox" in consent.user_agent


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_request_is_answered_as_its_script_expects_it(sqlite_door: Door, name: str) -> None:
    says, answer = CASES[name], Recorded.read(name).send(sqlite_door)
    match says.answer:
        case "page":
            assert answer.status_code == 200
            assert Page(answer.text).text("h1") == ["Look in your inbox"]
        case "thanks":
            assert (answer.status_code, answer.headers["location"]) == (303, THANKS)
        case str() as words:
            assert (answer.status_code, answer.text) == (200, words)
            assert answer.headers["content-type"].startswith("application/javascript" if "(" in words else "text/plain")
        case _:
            assert (answer.status_code, answer.json()) == (says.status, says.answer)


TRAPS = {
    "mailchimp": "b_1c2b4aea3ee3178c45e4f94ec_332a4aac61",
    "mailchimp-get": "b_500cf43f0dc12ed6d83d39375_29e4bc9e01",
    "mailchimp-jsonp": "b_1c2b4aea3ee3178c45e4f94ec_332a4aac61",
    "sendy": "hp",
    "sendy-boolean": "hp",
    "brevo": "email_address_check",
    "emailoctopus": "hpc4b27b6e-eb38-11e9-be00-06b4694bee2a",
    "listmonk": "nonce",
    "netlify": "bot-field",
    "formspree": "_gotcha",
    "formspree-json": "_gotcha",
    "plain": "website",
}


@pytest.mark.parametrize(("name", "trap"), TRAPS.items())
def test_a_robot_in_the_trap_hears_what_everybody_hears_and_is_remembered_nowhere(
    sqlite_door: Door, name: str, trap: str
) -> None:
    recorded = Recorded.read(name)
    for empty, full in ((f"{trap}=", "x"), (f'"{trap}":"', "x"), (f'"{trap}"\r\n\r\n', "x")):
        if empty in recorded.target + recorded.body.decode():
            filled = recorded.altered(empty, empty + full)
    robot = filled.send(sqlite_door)
    assert people(sqlite_door) == []
    person = recorded.send(sqlite_door)
    assert people(sqlite_door) == [EMAIL]
    assert (robot.status_code, robot.content) == (person.status_code, person.content)
    assert robot.headers.get("location") == person.headers.get("location")


def test_each_row_has_its_form_and_a_request_on_record() -> None:
    rows = {row.name for row in presets.ALL}
    assert {path.stem for path in FORMS.glob("*.html")} == rows
    assert {says.preset for says in CASES.values()} | {"beehiiv"} == rows
    assert {path.stem for path in FORMS.glob("*.http")} == {*CASES, "beehiiv"}


class _Fields(HTMLParser):
    """The names of the fields of a form, and where it posts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember it."""
        if tag in ("input", "select", "textarea", "button"):
            self.names |= {value for name, value in attrs if name == "name" and value}


# What a script of the provider's or the site's adds to the fields of the form.
ADDED = {
    "mailchimp-get": {"b_500cf43f0dc12ed6d83d39375_29e4bc9e01"},
    "kit": {"token", "user", "referrer"},
    "mailerlite": {"callback", "ajax", "guid"},
    "sendy-boolean": {"boolean", "ipaddress", "referrer"},
}


FROM_FORMS = [name for name in CASES if name != "beehiiv-link" and "{" not in Recorded.read(name).body.decode()]


@pytest.mark.parametrize("name", FROM_FORMS)
def test_a_request_holds_the_fields_of_its_form(name: str) -> None:
    recorded = Recorded.read(name)
    html = (FORMS / f"{CASES[name].preset}.html").read_text(encoding="utf-8")
    body = recorded.body.decode()
    query = urlsplit(recorded.target).query if recorded.method == "GET" else ""
    sent = {*re.findall(r'; name="([^"]+)"', body), *parse_qsl_names(query or body)}
    known = {"u", "id", "f_id", "c", "_", *ADDED.get(name, set())}
    assert sent - known - _Fields(html).names == set()


def parse_qsl_names(text: str) -> set[str]:
    return set() if "form-data" in text else {name for name, _ in parse_qsl(text, keep_blank_values=True)}


# What is wrong is said in the script's own words

SENTENCE = "This e-mail address cannot be used. An email address must have an @-sign."
REFUSED = {
    "mailchimp-jsonp": ("rea%40example.org", {"result": "error", "msg": SENTENCE}),
    "kit": (EMAIL, {"status": "failed", "errors": {"fields": ["email_address"], "messages": [SENTENCE]}}),
    "mailerlite": ("rea%40example.org", {"success": False, "errors": {"fields": {"email": [SENTENCE]}}}),
    "brevo": (EMAIL, {"success": False, "message": SENTENCE, "errors": {"EMAIL": SENTENCE}}),
    "loops": ("rea%40example.org", {"message": SENTENCE}),
    "ghost": (EMAIL, {"errors": [{"type": "BadRequestError", "message": SENTENCE}]}),
    "listmonk-api": (EMAIL, {"message": SENTENCE}),
    "formspree-json": (EMAIL, {"ok": False, "error": SENTENCE, "errors": [{"field": "email", "message": SENTENCE}]}),
    "substack-json": (EMAIL, {"ok": False, "error": SENTENCE}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_script_reads_what_is_wrong_where_it_looks_for_it(quiet_door: Door, name: str) -> None:
    typed, expected = REFUSED[name]
    answer = Recorded.read(name).altered(typed, "rea").send(quiet_door)
    wrapped = re.fullmatch(r"/\*\*/(\w+)\((.*)\);", answer.text)
    assert answer.status_code == (200 if wrapped else 400)
    says = json.loads(wrapped[2] if wrapped else answer.text)
    assert {key: says[key] for key in expected} == expected
    assert says["ok"] is False
    assert people(quiet_door) == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [("rea", "Invalid email address."), ("", "Some fields are missing."), ("+", "Some fields are missing.")],
)
def test_sendys_own_words_say_what_is_wrong(quiet_door: Door, typed: str, words: str) -> None:
    answer = Recorded.read("sendy-boolean").altered("rea%40example.org", typed).send(quiet_door)
    assert (answer.status_code, answer.text) == (200, words)


def test_what_a_wordpress_page_puts_into_itself_holds_no_markup(quiet_door: Door) -> None:
    answer = Recorded.read("wordpress-newsletter-ajax").altered(EMAIL, "<img src=x>@example.org").send(quiet_door)
    assert answer.status_code == 200
    assert "<" not in answer.text
    assert "cannot be used" in answer.text


def test_an_address_among_numbered_fields_is_found_wherever_it_stands(sqlite_door: Door) -> None:
    recorded = Recorded.read("emailoctopus").altered(
        "field_0=rea%40example.org&field_1=Rea", "field_0=Rea&field_1=rea%40example.org"
    )
    assert recorded.send(sqlite_door).status_code == 200
    assert people(sqlite_door) == [EMAIL]


def test_two_addresses_among_numbered_fields_are_a_riddle(quiet_door: Door) -> None:
    recorded = Recorded.read("emailoctopus").altered("field_1=Rea", "field_1=der%40example.org")
    answer = recorded.send(quiet_door)
    assert (answer.status_code, answer.json()["error"]) == (400, "Please give your e-mail address.")


# Ghost asks for a token first


def test_ghosts_two_steps_work_below_the_form_and_at_the_root(sqlite_door: Door) -> None:
    for below in ("/f/newsletter", ""):
        token = sqlite_door.ask.get(f"{below}/members/api/integrity-token/", headers={"origin": SITE})
        assert token.status_code == 200
        assert token.headers["access-control-allow-origin"] == "*"
        assert re.fullmatch(r"[\w-]{20,64}", token.text)
        recorded = Recorded.read("ghost").altered("TOKEN", token.text)
        answer = replace(recorded, target=f"{below}/members/api/send-magic-link/").send(sqlite_door)
        assert answer.status_code == 201
    assert people(sqlite_door) == [EMAIL]


def test_who_wants_to_sign_in_at_ghost_is_not_signed_up(quiet_door: Door) -> None:
    answer = Recorded.read("ghost").altered('"subscribe"', '"signin"').send(quiet_door)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith("There is nothing to sign in to")
    assert people(quiet_door) == []


# beehiiv's programs need a key


def beehiiv(door: Door, key: str, **changes: str) -> httpx.Response:
    return Recorded.read("beehiiv").send(door, Authorization=f"Bearer {key}", **changes)


def test_beehiivs_api_takes_a_sign_up_from_who_has_a_key(door: Door) -> None:
    key = keys.new(door.house.db, "site", [Scope.WRITE_SUBSCRIBERS], now=NOW)
    answer = beehiiv(door, key)
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert re.fullmatch(r"sub_[0-9a-f-]{36}", data.pop("id"))
    assert data == {"email": EMAIL, "status": "pending", "created": int(NOW.timestamp())}
    (consent,) = consents(door)
    assert (consent.shape, consent.name, consent.ip, consent.user_agent) == ("beehiiv", "Rea", "", "")
    assert dict(consent.attributes) == {"Town": "Bath"}
    assert dict(consent.utm) == {"utm_source": "site", "utm_medium": "organic"}
    assert (consent.source_url, consent.confirmed_at) == (f"{SITE}/", None)
    assert beehiiv(door, key).json() == answer.json()


def test_beehiivs_api_takes_nothing_without_a_key_that_is_good_for_it(door: Door) -> None:
    wrong = keys.new(door.house.db, "reader", [Scope.READ_SUBSCRIBERS], now=NOW)
    gone = keys.new(door.house.db, "gone", [Scope.WRITE_SUBSCRIBERS], now=NOW)
    keys.revoke(door.house.db, "gone", now=NOW)
    for key in (wrong, gone, "-", "nonsense", "sq_" + "x" * 43):
        answer = beehiiv(door, key)
        assert answer.status_code == 401
        assert "needs a key" in answer.json()["errors"][0]["message"]
    assert people(door) == []


# Scripts of other origins


@pytest.mark.parametrize("name", CROSS_ORIGIN)
def test_a_page_of_another_origin_may_ask_first_and_read_the_answer(sqlite_door: Door, name: str) -> None:
    recorded = Recorded.read(name)
    asked = {
        "origin": SITE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    leave = sqlite_door.ask.request("OPTIONS", recorded.target, headers=asked)
    assert leave.status_code == 204
    assert leave.headers["access-control-allow-origin"] == "*"
    assert leave.headers["access-control-allow-headers"] == "content-type"
    assert "POST" in leave.headers["access-control-allow-methods"]
    assert recorded.send(sqlite_door).headers["access-control-allow-origin"] == "*"


# The lists of a listmonk form, and forms that are called by another name


def two_courses(db: Database) -> Door:
    house = House(db)
    house.publish(small_course())
    house.publish(small_course(slug="other", title="Another Course"))
    lists = (("358c1300-1d81-4b19-8677-d8b403bde192", "other"), ("dc032645", "small"))
    forms = {"first": replace(FORM, key="first"), "second": replace(FORM, key="second", lists=lists)}
    return Door(house, forms=forms)


def test_a_list_leads_to_its_course_and_to_the_form_that_knows_it(db: Database) -> None:
    with two_courses(db).open() as door:
        assert Recorded.read("listmonk-api").send(door).status_code == 200
        (consent,) = consents(door)
        assert consent.form == "second"
        door.house.tick(NOW)
        (parcel,) = door.house.courier.sent
        assert b"Another Course" in parcel.content


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/api/public/subscription?form=first", "first"),
        ("/f/first/api/public/subscription", "first"),
        ("/subscribe?list=second", "second"),
        ("/subscribe?list=nonsense", "first"),
        ("/v1/second?email=rea@example.org", "second"),
        ("/v1/89554d0d?email=rea@example.org", "first"),
    ],
)
def test_the_form_is_found_by_its_name_or_is_the_first(sqlite_db: Database, target: str, key: str) -> None:
    with two_courses(sqlite_db).open() as door:
        if "email" in target:
            door.ask.get(target)
        else:
            door.ask.post(target, data={"email": EMAIL})
        assert [consent.form for consent in consents(door)] == [key]


def test_a_listmonk_form_learns_which_lists_there_are(sqlite_db: Database) -> None:
    with two_courses(sqlite_db).open() as door:
        assert door.ask.get("/f/second/api/public/lists").json() == [
            {"uuid": "358c1300-1d81-4b19-8677-d8b403bde192", "name": "Another Course"},
            {"uuid": "dc032645", "name": "A Small Course"},
        ]
        assert door.ask.get("/api/public/lists").json() == [{"uuid": "first", "name": "A Small Course"}]
