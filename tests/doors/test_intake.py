"""Does the door read whatever comes, lead nobody astray, and tell the verdict what it has to know?"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest
from door import THANKS, Door, Page
from house import FORM, NOW, SECRET, House, small_course
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequencer.core import tokens
from sequencer.core.model import Consent
from sequencer.errors import BadRequest
from sequencer.flows import report
from sequencer.forms import Form, OptIn
from sequencer.message import address
from sequencer.store.database import Database, connect
from sequencer.web import bodies, intake, presets
from sequencer.web.intake import Intake, Visit
from sequencer.web.shapes import Preset

EMAIL = "rea@example.org"
SITE = "https://www.example.org"
FORM_KIND = "application/x-www-form-urlencoded"
NAVIGATION = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def visit(**changes: object) -> Visit:
    usual: dict[str, object] = {"now": NOW, "secret": SECRET, "base_url": "https://mail.example.org", "ip": "192.0.2.1"}
    return Visit(**{**usual, **changes})  # type: ignore[arg-type]


def parsed(fields: str, form: Form = FORM, **changes: object) -> Intake:
    """What is made of a body."""
    pairs = bodies.urlencoded(fields.encode())
    return intake.parse(pairs, form, visit(**changes), presets.of(pairs))


def consents(door: Door) -> list[Consent]:
    return list(report.why(door.house.db, address.parse(EMAIL), now=NOW).consents)


def people(door: Door) -> list[str]:
    return [person.address.normalized for person in report.people(door.house.db)]


def opened(db: Database, **changes: object) -> Door:
    house = House(db)
    house.publish(small_course())
    return Door(house, forms={"newsletter": replace(FORM, next=(THANKS,), **changes)})  # type: ignore[arg-type]


# Which field is which


@pytest.mark.parametrize(
    "fields",
    [
        "email=rea@example.org",
        "Email=rea@example.org",
        "E-MAIL=rea@example.org",
        "mail=rea@example.org",
        "email=&EMAIL=rea@example.org",
        "email=rea@example.org&email=other@example.org",
        "email_address=rea@example.org&mail=other@example.org",
        "subscriber[email]=rea@example.org",
        "MERGE0=rea@example.org&MERGE1=Rea",
        "your-email=rea@example.org",
        "fields[email][value]=rea@example.org",
        "anything=rea@example.org",
        "wpforms[fields][1]=rea@example.org&wpforms[fields][0]=Rea @ home",
        "q1=rea@example.org&next=https://a@b.example/&_token=x@example.org",
    ],
)
def test_the_address_is_found_whatever_its_field_is_called(fields: str) -> None:
    assert parsed(fields).request.address.normalized == EMAIL


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "name=Rea",
        "email=",
        "email=&friend=rea@example.org",
        "email_address_check=rea@example.org",
        "b_1f_2e=a@b.org",
        "&".join(f"q{n}=@" for n in range(9)) + "&a=a@b.org&b=c@",
    ],
)
def test_no_other_field_stands_in_for_an_address_that_was_left_out(fields: str) -> None:
    with pytest.raises(BadRequest, match="Please give your e-mail address"):
        parsed(fields)


def test_the_trap_of_one_provider_is_not_the_address_of_another() -> None:
    assert not parsed("email_address=rea@example.org").is_bot
    assert parsed("EMAIL=rea@example.org&email_address_check=x").is_bot
    assert not parsed("email=rea@example.org&email_address_check=").is_bot
    assert not parsed("email=rea@example.org&email_address_checked=yes").is_bot


def test_a_field_that_is_a_trap_in_one_form_may_be_a_question_in_another() -> None:
    assert parsed("email=rea@example.org&website=x").is_bot
    kit = parsed("email_address=rea@example.org&website=https://rea.example")
    assert (kit.is_bot, dict(kit.request.attributes)) == (False, {"website": "https://rea.example"})
    assert not parsed("email=rea@example.org&nonce=0d1f").is_bot
    assert parsed("email=rea@example.org&l=1&nonce=0d1f").is_bot
    assert parsed("email=rea@example.org&fax=1", replace(FORM, honeypots=("fax",))).is_bot


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("name=Rea", "Rea"),
        ("first_name=Rea&last_name=Der", "Rea Der"),
        ("LNAME=Der", "Der"),
        ("FNAME=Rea&name=Rea+D.", "Rea D."),
        ("name=&name=Rea", "Rea"),
        ("fields[first_name]=Rea&fields[last_name]=Der", "Rea Der"),
        ("metadata__first-name=Rea", "Rea"),
        ("metadata[name]=Rea", "Rea"),
        ("fields[name][value]=Rea", "Rea"),
        ("your-name=Rea", "Rea"),
        ("firstName=Rea", "Rea"),
        ("nn=Rea&ns=Der", "Rea Der"),
    ],
)
def test_the_name_is_found_in_one_piece_or_in_two(fields: str, name: str) -> None:
    assert parsed(f"email=rea@example.org&{fields}").request.name == name


def test_what_else_a_form_asks_is_kept_as_far_as_there_is_room() -> None:
    many = urlencode({f"q{number}": "x" * 900 for number in range(40)})
    kept = dict(parsed(f"email=rea@example.org&{'k' * 65}=1&tab%09=1&{many}").request.attributes)
    assert list(kept) == [f"q{number}" for number in range(30)]
    assert set(kept.values()) == {"x" * 500}


def test_what_is_technique_or_secret_is_not_kept() -> None:
    technique = (
        "_wpnonce=1&csrf_token=1&authenticity_token=1&g-recaptcha-response=1&h-captcha-response=1&api_key=1&password=1&"
        "cf-turnstile-response=1&altcha=1&submit=Go&ipaddress=1.2.3.4&next=/&redirect_to=/&_t=1&sure=1&confirm=rea@example.org"
    )
    assert parsed(f"email=rea@example.org&{technique}").request.attributes == ()


def test_no_word_that_is_kept_holds_a_line_break_or_a_control_character() -> None:
    request = parsed(
        "email=rea@example.org&town=Bath%0D%0ABcc:+x%00&tag=a%0Ab&utm_source=x%1By&source_url=https://a.example/%0A%0Db"
    ).request
    assert request.attributes == (("town", "Bath Bcc: x"),)
    assert request.tags == ("a b",)
    assert request.utm == (("utm_source", "x y"),)
    assert request.source_url == "https://a.example/ b"


def test_a_campaign_is_read_from_the_form_or_else_from_its_page() -> None:
    page = f"{SITE}/a?utm_source=feed&utm_medium=rss&x=1#utm_term=no"
    assert parsed("email=rea@example.org", referer=page).request.utm == (("utm_medium", "rss"), ("utm_source", "feed"))
    told = parsed("email=rea@example.org&UTM_Source=ad&ref=rea", referer=page).request.utm
    assert told == (("ref", "rea"), ("utm_medium", "rss"), ("utm_source", "ad"))


@pytest.mark.parametrize(
    ("fields", "accepted", "language"),
    [
        ("", "de-AT,de;q=0.9", "de-AT"),
        ("locale=fr_CA", "de", "fr-CA"),
        ("language=", "*", ""),
        ("lang=<script>", "nonsense nonsense", ""),
    ],
)
def test_the_language_is_the_forms_or_the_browsers(fields: str, accepted: str, language: str) -> None:
    assert parsed(f"email=rea@example.org&{fields}", language=accepted).request.language == language


def test_lists_lead_to_the_first_course_that_is_known_and_are_kept_as_tags() -> None:
    form = replace(FORM, lists=(("essays", "other"), ("letters", "third")))
    came = parsed("email=rea@example.org&tag=unknown&l=letters&list=essays&tags[]=essays", form)
    assert (came.course, came.request.tags) == ("third", ("unknown", "letters", "essays"))
    assert came.lead(form).course == "third"
    assert parsed("email=rea@example.org&tag=unknown", form).course == "small"


# How bodies are written


def test_old_pages_that_are_not_in_utf_8_are_read_rightly() -> None:
    def name(raw: bytes, kind: str = FORM_KIND) -> str:
        return dict(asyncio.run(bodies.parse(raw, kind)).fields())["name"]

    assert name("name=Zoë".encode()) == name(b"name=Zo%C3%AB") == "Zoë"
    assert name(b"name=Zo%EB") == name("name=Zoë".encode("latin-1")) == "Zoë"
    assert name(b"name=%C6%F0", f"{FORM_KIND}; charset=koi8-r") == "фП"
    assert name(b"name=%93x%94", f"{FORM_KIND}; charset=nonsense") == "“x”"
    assert name(b"name=%81", f"{FORM_KIND}; charset=utf-8") == "�"
    assert name(b"name=x", f'{FORM_KIND}; boundary=1; charset="hex"') == "x"


def test_json_is_laid_flat_as_forms_name_their_fields() -> None:
    document = {
        "email": EMAIL,
        "fields": {"name": "Rea", "age": 41, "vip": True, "gone": None},
        "tags": ["a", "b"],
        "custom_fields": [{"name": "Town", "value": "Bath"}],
        "newsletters": [{"name": "Weekly"}],
        "deep": {"1": {"2": {"3": {"4": {"5": {"6": {"7": {"8": {"9": "lost"}}}}}}}}},
    }
    fields = asyncio.run(bodies.parse(json.dumps(document).encode(), "application/json")).fields()
    assert fields == (
        ("email", EMAIL),
        ("fields[name]", "Rea"),
        ("fields[age]", "41"),
        ("fields[vip]", "true"),
        ("tags", "a"),
        ("tags", "b"),
        ("custom_fields[Town]", "Bath"),
        ("newsletters[0][name]", "Weekly"),
    )


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/plain;charset=UTF-8", "application/json", "application/vnd.api+json"]
)
def test_json_is_read_under_each_name_that_scripts_give_it(sqlite_door: Door, kind: str) -> None:
    body = json.dumps({"email": EMAIL}).encode()
    answer = sqlite_door.ask.post(
        "/f/newsletter", content=body, headers={"content-type": kind, "sec-fetch-mode": "no-cors"}
    )
    assert (answer.status_code, answer.json()["ok"]) == (200, True)


def test_an_empty_file_field_is_no_file(sqlite_door: Door) -> None:
    parts = {"email": (None, EMAIL), "cv": ("", b"")}
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n'
        for name, extra, value in (
            ("email", "", EMAIL),
            ("cv", '; filename=""\r\nContent-Type: application/octet-stream', ""),
        )
    )
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert parts
    assert sqlite_door.ask.post("/f/newsletter", content=f"{body}--b--\r\n", headers=kind).status_code == 200


NAMES = st.sampled_from(
    [
        "email",
        "EMAIL",
        "fields[email]",
        "name",
        "FNAME",
        "tag",
        "l",
        "next",
        "utm_source",
        "timezone",
        "_t",
        "_shape",
        "sure",
        "altcha",
        "website",
        "boolean",
        "callback",
        "c",
        "source_url",
        "metadata__x",
        "locale",
        "integrityToken",
        "field_0",
        "ne",
    ]
) | st.text(max_size=20)
TEXTS = st.text(max_size=60) | st.sampled_from(
    [EMAIL, "true", "sendy", "a@b@c", "x" * 400, "\ud800", "\x00", "\r\nBcc: x"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
KINDS = st.sampled_from(
    [FORM_KIND, f"{FORM_KIND}; charset=utf-16", "application/json", "text/plain", "multipart/form-data; boundary=b",
     "multipart/form-data; boundary=b; charset=utf-7", "multipart/form-data", "nonsense", ""]
)  # fmt: skip


def _written(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join(
        f"{quote(key, errors='surrogatepass')}={quote(value, errors='surrogatepass')}" for key, value in pairs
    ).encode()


def _parts(pairs: list[tuple[str, str]]) -> bytes:
    found = (f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in pairs)
    return ("".join(found) + "--b--").encode(errors="surrogatepass")


PAIRS = st.lists(st.tuples(NAMES, TEXTS), max_size=8)
BODIES = (
    st.binary(max_size=300)
    | PAIRS.map(_written)
    | PAIRS.map(_parts)
    | DOCUMENTS.map(lambda document: json.dumps(document).encode())
    | st.dictionaries(NAMES, DOCUMENTS, max_size=6).map(lambda document: json.dumps(document).encode())
)


def understood(raw: bytes, kind: str, row: Preset) -> Intake | str:
    """What is made of a body, or the sentence that refuses it; no other error is one."""
    try:
        pairs = asyncio.run(bodies.parse(raw, kind)).fields()
        return intake.parse(pairs, FORM, visit(), row)
    except BadRequest as error:
        return str(error)


@settings(max_examples=400, deadline=None)
@given(BODIES, KINDS, st.sampled_from([row.name for row in presets.ALL]))
def test_whatever_a_body_holds_it_is_read_or_refused_in_a_sentence(raw: bytes, kind: str, row: str) -> None:
    came = understood(raw, kind, presets.named(row) or presets.PLAIN)
    if isinstance(came, str):
        assert re.fullmatch(r"[A-Z].*[.]", came, re.DOTALL)
        return
    request = came.request
    for text in (
        request.name,
        request.source_url,
        *request.tags,
        *(part for pair in request.attributes for part in pair),
    ):
        text.encode()
        assert "\x00" not in text
    assert came.next == ""


@pytest.fixture(scope="module")
def flooded_door(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door for requests that nobody counts."""
    folder = tmp_path_factory.mktemp("flooded")
    (folder / "flooded.db").write_bytes(sqlite_template.read_bytes())
    db = connect("sqlite:///flooded.db", root=folder)
    with opened(db).open() as door:
        yield door
    db.close()


PATHS = ("/f/newsletter", "/subscribe", "/f/newsletter/subscribe/post-json", "/members/api/send-magic-link/", "/v1/x")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES, KINDS, st.sampled_from(PATHS), st.sampled_from(["*/*", "text/html", "application/json", ""]), PAIRS)
def test_no_request_whatsoever_is_our_fault(
    flooded_door: Door, raw: bytes, kind: str, path: str, accept: str, asked: list[tuple[str, str]]
) -> None:
    headers = {"content-type": kind, "accept": accept}
    target = f"{path}?{_written(asked).decode()}"
    for method, body in (("POST", raw), ("GET", b""), ("OPTIONS", b""), ("HEAD", b"")):
        answer = flooded_door.ask.request(method, target, content=body, headers=headers)
        assert answer.status_code < 500, (method, target, raw)
        assert "Traceback" not in answer.text


# What the verdict has to know


def test_how_long_the_visitor_took_is_known_of_our_own_page_alone() -> None:
    shown = tokens.stamp(SECRET, now=NOW - timedelta(seconds=1.5))
    assert parsed(f"email=rea@example.org&_t={shown}").filled_in == timedelta(seconds=1.5)
    for mark in ("", "nonsense", "é", shown[:-1], tokens.seal(SECRET, tokens.Purpose.LEAVE, 1), "x" * 3000):
        assert parsed(f"email=rea@example.org&_t={quote(mark)}").filled_in is None


def test_our_own_page_says_when_it_was_shown_and_its_form_is_taken(sqlite_door: Door) -> None:
    page = Page(sqlite_door.ask.get("/f/newsletter").text)
    fields = {tag["name"]: tag.get("value", "") for tag in page.all("input")}
    assert set(fields) == {"email", "name", "website", "_t"}
    sqlite_door.now = NOW + timedelta(seconds=30)
    assert sqlite_door.sign_up({**fields, "email": EMAIL}, **NAVIGATION).status_code == 200
    assert [consent.attributes for consent in consents(sqlite_door)] == [()]


@pytest.mark.parametrize(
    ("changes", "foreign"),
    [
        ({}, False),
        ({"origin": SITE}, False),
        ({"origin": "HTTPS://WWW.EXAMPLE.ORG"}, False),
        ({"origin": "https://mail.example.org"}, False),
        ({"origin": "null"}, False),
        ({"origin": "null", "referer": f"{SITE}/a"}, False),
        ({"referer": "https://evil.example/www.example.org"}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "http://www.example.org"}, True),
        ({"origin": "https://www.example.org.evil.example"}, True),
        ({"origin": "https://www.example.org@evil.example"}, True),
        ({"origin": "https://www.example.org:8443"}, True),
        ({"origin": "nonsense"}, False),
    ],
)
def test_a_page_that_is_none_of_the_forms_is_noticed(changes: dict[str, str], *, foreign: bool) -> None:
    form = replace(FORM, origins=(SITE,))
    assert parsed("email=rea@example.org", form, **changes).is_foreign is foreign
    assert parsed("email=rea@example.org", FORM, **changes).is_foreign is False


def test_who_is_sure_says_so_with_the_very_address() -> None:
    assert parsed("email=rea@example.org&sure=Rea@Example.org").sure
    assert not parsed("email=rea@example.org&sure=yes").sure
    assert not parsed("email=rea@example.org").sure
    assert parsed("email=rea@example.org", is_program=True).sure


# Who may read the answer


def test_only_pages_that_the_form_names_may_read_the_answer_but_all_may_send(sqlite_db: Database) -> None:
    with opened(sqlite_db, origins=(SITE,)).open() as door:
        ours = door.ask.post("/f/newsletter", json={"email": EMAIL}, headers={"origin": SITE})
        assert (ours.headers["access-control-allow-origin"], ours.headers["vary"]) == (SITE, "Origin")
        for origin in ("https://evil.example", "null", ""):
            theirs = door.ask.post("/f/newsletter", json={"email": EMAIL}, headers={"origin": origin})
            assert theirs.status_code in (200, 403)
            assert "access-control-allow-origin" not in theirs.headers
            assert theirs.headers["vary"] == "Origin"


def test_no_answer_invites_cookies_and_each_refusal_may_be_read_too(quiet_door: Door) -> None:
    for body in ({"email": EMAIL[:3]}, {"email": ""}, []):
        answer = quiet_door.ask.post("/f/newsletter", json=body, headers={"origin": SITE})
        assert answer.status_code == 400
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "set-cookie" not in answer.headers


def test_what_a_browser_asks_to_send_is_allowed_unless_it_is_no_list_of_headers(quiet_door: Door) -> None:
    for asked, allowed in (
        ("X-Requested-With, content-type", "X-Requested-With, content-type"),
        ("a:b", "content-type"),
    ):
        answer = quiet_door.ask.request("OPTIONS", "/f/newsletter", headers={"access-control-request-headers": asked})
        assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (204, allowed)
    assert quiet_door.ask.request("OPTIONS", "/f/nonsense").status_code == 404


# Forms that are sent with GET


def test_a_form_by_get_waits_for_its_mail_like_any_other(sqlite_door: Door) -> None:
    answer = sqlite_door.ask.get(f"/f/newsletter?email={EMAIL}", headers=NAVIGATION)
    assert Page(answer.text).text("h1") == ["Look in your inbox"]
    assert [consent.confirmed_at for consent in consents(sqlite_door)] == [None]


@pytest.mark.parametrize("why", ["single", "prefetch"])
def test_where_an_address_alone_must_not_act_there_is_one_button(sqlite_db: Database, why: str) -> None:
    single = {"opt_in": OptIn.SINGLE, "single_because": "They had signed in."}
    with opened(sqlite_db, **(single if why == "single" else {})).open() as door:
        headers = {**NAVIGATION, **({"sec-purpose": "prefetch;prerender"} if why == "prefetch" else {})}
        answer = door.ask.get(f"/f/newsletter?EMAIL={EMAIL}&FNAME=Rea&u=1", headers=headers)
        page = Page(answer.text)
        assert (answer.status_code, people(door)) == (200, [])
        assert page.text("button") == ["Sign up"]
        fields = {tag["name"]: tag["value"] for tag in page.all("input")}
        assert door.sign_up(fields, **NAVIGATION).status_code == 200
        assert [consent.name for consent in consents(door)] == ["Rea"]
        script = door.ask.get("/f/newsletter?email=b@example.org&callback=cb", headers=headers)
        assert '"ok": false' in script.text
        assert people(door) == [EMAIL]


def test_to_look_at_the_page_or_to_ask_for_its_head_signs_nobody_up(quiet_door: Door) -> None:
    assert "Send me the course" in quiet_door.ask.get("/f/newsletter?utm_source=x", headers=NAVIGATION).text
    assert quiet_door.ask.head(f"/f/newsletter?email={EMAIL}").status_code == 200
    assert people(quiet_door) == []


@pytest.mark.parametrize("callback", ["alert(1)//", "<script>", "a b", "1a", "a" * 65, "", "a\u2028b", "é"])
def test_only_the_name_of_a_function_is_called(quiet_door: Door, callback: str) -> None:
    answer = quiet_door.ask.get("/f/newsletter", params={"callback": callback, "email": "nonsense"}, headers=NAVIGATION)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")


def test_a_called_function_gets_json_that_a_browser_takes_for_nothing_else(quiet_door: Door) -> None:
    answer = quiet_door.ask.get("/f/newsletter", params={"c": "$.cb_1", "email": "</script>"})
    assert answer.headers["content-type"] == "application/javascript"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.startswith("/**/$.cb_1({")
    assert "<" not in answer.text


# Where to next

ASTRAY = [
    "https://evil.example/",
    "//evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "https:evil.example",
    "https://www.example.org@evil.example/thank-you?from=form",
    "https%3A%2F%2Fevil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    THANKS + "&x",
    THANKS + "\r\nSet-Cookie: a=b",
    THANKS.upper(),
    " " + THANKS,
]
REDIRECTS = ("next", "redirect", "redirect_to", "redirect_url", "_next", "thankyou_url", "NEXT")


@pytest.mark.parametrize("onward", ASTRAY)
def test_nobody_is_led_astray_by_any_field(flooded_door: Door, onward: str) -> None:
    for field in REDIRECTS:
        for answer in (
            flooded_door.sign_up({"email": EMAIL, field: onward}, **NAVIGATION),
            flooded_door.ask.get("/v1/newsletter", params={"email": EMAIL, field: onward}, headers=NAVIGATION),
        ):
            assert answer.status_code < 500
            assert "location" not in answer.headers
            assert "set-cookie" not in answer.headers
        script = flooded_door.sign_up({"email_address": EMAIL, field: onward}, accept="application/json")
        assert "redirect_url" not in script.json()


@pytest.mark.parametrize("field", REDIRECTS)
def test_each_redirect_field_leads_to_a_page_of_the_list(sqlite_door: Door, field: str) -> None:
    assert sqlite_door.sign_up({"email": EMAIL, field: THANKS}, **NAVIGATION).headers["location"] == THANKS
    script = sqlite_door.sign_up({"email_address": EMAIL, field: THANKS}, accept="application/json")
    assert script.json()["redirect_url"] == THANKS


def test_a_redirect_field_of_one_provider_is_followed_in_its_own_forms_alone(quiet_door: Door) -> None:
    assert quiet_door.sign_up({"ne": EMAIL, "ncu": THANKS}, **NAVIGATION).headers["location"] == THANKS
    assert "location" not in quiet_door.sign_up({"email": EMAIL, "ncu": THANKS}, **NAVIGATION).headers
    for onward in ASTRAY:
        assert "location" not in quiet_door.sign_up({"ne": EMAIL, "ncu": onward}, **NAVIGATION).headers


def test_who_names_no_page_is_led_to_that_of_the_form(sqlite_db: Database) -> None:
    with opened(sqlite_db, thanks=f"{SITE}/thanks").open() as door:
        for onward, where in ((THANKS, THANKS), ("https://evil.example", f"{SITE}/thanks"), ("", f"{SITE}/thanks")):
            answer = door.sign_up({"email": EMAIL, "next": onward}, **NAVIGATION)
            assert (answer.status_code, answer.headers["location"]) == (303, where)


# When the door asks back


def asked(door: Door, **headers: str) -> httpx.Response:
    return door.sign_up({"email": "rea@gmali.com", "tag": "essays", "name": "Rea"}, **headers)


def test_a_likely_slip_is_asked_about_and_either_answer_is_taken(sqlite_db: Database) -> None:
    with opened(sqlite_db, lists=(("essays", "small"),)).open() as door:
        answer = asked(door, **NAVIGATION)
        page = Page(answer.text)
        assert page.text("button") == ["Yes, use rea@gmail.com", "No, rea@gmali.com is right"]
        assert people(door) == []
        forms = re.findall(r"<form.*?</form>", answer.text, re.DOTALL)
        for form, email in zip(forms, ("rea@gmail.com", "rea@gmali.com"), strict=True):
            fields = {tag["name"]: tag["value"] for tag in Page(unescape(form)).all("input")}
            assert fields["tag"] == "essays"
            assert Page(door.sign_up(fields, **NAVIGATION).text).text("h1") == ["Look in your inbox"]
            assert email in people(door)


def test_a_script_is_told_of_the_slip(quiet_door: Door) -> None:
    before = people(quiet_door)
    answer = asked(quiet_door, accept="application/json")
    assert answer.status_code == 400
    assert answer.json()["suggestion"] == "rea@gmail.com"
    assert answer.json()["error"] == "Did you mean rea@gmail.com?"
    script = quiet_door.ask.get("/f/newsletter?email=rea@gmali.com&callback=cb")
    assert "Did you mean rea@gmail.com?" in script.text
    words = quiet_door.ask.post("/subscribe", data={"email": "rea@gmali.com", "boolean": "true"})
    assert words.text == "Invalid email address."
    assert people(quiet_door) == before


def test_a_browser_that_has_to_work_first_keeps_all_that_was_said(sqlite_db: Database) -> None:
    from sequencer.forms import Challenge

    with opened(sqlite_db, challenge=Challenge.ALWAYS).open() as door:
        answer = door.ask.post(
            "/f/newsletter/subscription/form",
            data={"email": EMAIL, "l": "1"},
            headers={**NAVIGATION, "referer": f"{SITE}/a"},
        )
        fields = {tag["name"]: tag["value"] for tag in Page(answer.text).all("input")}
        assert fields == {"email": EMAIL, "l": "1", "_shape": "listmonk", "current_url": f"{SITE}/a", "altcha": ""}
        script = door.ask.post("/f/newsletter", json={"email": EMAIL})
        assert script.status_code == 403
        assert "https://mail.example.org/f/newsletter" in script.json()["error"]
        assert people(door) == []


def test_nobody_passes_for_a_program_with_a_key_by_saying_so(sqlite_db: Database) -> None:
    from sequencer.forms import Challenge

    with opened(sqlite_db, challenge=Challenge.ALWAYS).open() as door:
        answer = door.sign_up({"email": EMAIL, "_shape": "beehiiv"}, accept="application/json")
        assert answer.status_code == 403
        assert people(door) == []
    assert parsed("email=rea@example.org&_shape=listmonk").shape == "listmonk"
    assert parsed("email=rea@example.org&_shape=beehiiv").shape == "plain"


def test_a_form_that_was_refused_comes_back_with_all_that_was_said(quiet_door: Door) -> None:
    mark = tokens.stamp(SECRET, now=NOW - timedelta(minutes=1))
    data = {"EMAIL": "rea", "FNAME": "Rea", "tags": "7", "MMERGE3": "Bath", "password": "secret", "_t": mark}
    answer = quiet_door.sign_up(data, **NAVIGATION)
    fields = {tag["name"]: tag.get("value", "") for tag in Page(answer.text).all("input")}
    assert answer.status_code == 400
    assert fields.pop("_t") == mark
    assert fields == {"email": "rea", "name": "Rea", "tags": "7", "MMERGE3": "Bath", "website": ""}
    assert "secret" not in answer.text


def test_a_form_for_programs_has_no_page(sqlite_db: Database) -> None:
    from sequencer.forms import Signature

    with opened(sqlite_db, signature=Signature.GITHUB, secrets=("s" * 32,)).open() as door:
        for answer in (door.ask.get("/f/newsletter"), door.ask.get(f"/f/newsletter?email={EMAIL}")):
            assert answer.status_code == 404
        assert door.ask.post("/f/newsletter", json={"email": EMAIL}).status_code == 401
        assert people(door) == []


def test_a_full_door_says_when_to_come_again(sqlite_db: Database) -> None:
    with opened(sqlite_db).open() as door:
        caps = {**door.settings.signup_caps, "address": 1}
    with Door(door.house, signup_caps=caps).open() as door:
        answers = [door.sign_up({"email": EMAIL}, accept="application/json") for _ in range(12)]
    assert answers[0].status_code == 200
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "3600")
    assert answers[-1].headers["access-control-allow-origin"] == "*"
