"""What does POST /f/{form} make of whatever the web sends it?"""

import socket
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

import httpx
import pytest
from door import THANKS, Door, Page
from house import DAY, EIGHT, NOW, House, small_course

from sequencer.core.model import Blame, Consent, Rejected, Stage, SubscriberState
from sequencer.flows import report
from sequencer.message import address
from sequencer.store.database import Database
from sequencer.web.answers import ACCEPTED

EMAIL = "reader@example.org"
JSON = {"content-type": "application/json"}
FORM_KIND = "application/x-www-form-urlencoded"


def consents(door: Door, email: str = EMAIL) -> list[Consent]:
    return list(report.why(door.house.db, address.parse(email), now=door.now).consents)


def people(door: Door) -> list[str]:
    return [person.address.normalized for person in report.people(door.house.db)]


def said(answer: httpx.Response) -> str:
    """The sentence of a refusal, for a program or for a person."""
    if answer.headers["content-type"] == "application/json":
        assert answer.json()["ok"] is False
        return str(answer.json()["error"])
    page = Page(answer.text)
    alerts = [tag for tag in page.all("p") if "alert" in tag.get("class", "") or "lede" in tag.get("class", "")]
    assert alerts
    return " ".join(page.text("p"))


# What works


def test_a_browsers_form_is_taken_and_answered_with_a_page(door: Door) -> None:
    answer = door.sign_up(
        {"email": EMAIL, "name": "Rea Der", "timezone": "Asia/Kolkata"}, referer="https://a.example/x"
    )
    assert answer.status_code == 200
    assert Page(answer.text).text("h1") == ["Look in your inbox"]
    (consent,) = consents(door)
    assert (consent.name, consent.timezone, consent.ip) == ("Rea Der", "Asia/Kolkata", "127.0.0.1")
    assert (consent.form, consent.source_url, consent.asked_at) == ("newsletter", "https://a.example/x", NOW)


def test_a_multipart_form_is_taken(door: Door) -> None:
    parts = {"email": (None, EMAIL), "name": (None, "Zoë"), "timezone": (None, "Europe/London")}
    assert door.ask.post("/f/newsletter", files=parts).status_code == 200
    assert [consent.name for consent in consents(door)] == ["Zoë"]


def test_a_json_object_is_taken_and_answered_in_json(door: Door) -> None:
    answer = door.ask.post("/f/newsletter", json={"email": EMAIL, "name": "Zoë", "timezone": None, "tags": [1, 2]})
    assert (answer.status_code, answer.json()) == (200, ACCEPTED)
    assert [consent.name for consent in consents(door)] == ["Zoë"]


def test_a_script_that_sends_a_form_and_wants_json_gets_json(sqlite_door: Door) -> None:
    assert sqlite_door.sign_up({"email": EMAIL}, accept="application/json").json() == ACCEPTED


def test_a_browser_that_sends_json_and_wants_a_page_gets_a_page(sqlite_door: Door) -> None:
    answer = sqlite_door.ask.post("/f/newsletter", json={"email": EMAIL}, headers={"accept": "text/html,*/*"})
    assert Page(answer.text).text("h1") == ["Look in your inbox"]


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8"])
def test_the_kind_of_a_body_is_read_whatever_its_case_and_parameters(sqlite_door: Door, kind: str) -> None:
    answer = sqlite_door.ask.post("/f/newsletter", content=b'{"email":"a@example.org"}', headers={"content-type": kind})
    assert answer.json() == ACCEPTED


def test_a_sign_up_is_followed_by_one_mail_without_the_visitors_words(door: Door) -> None:
    refused = door.sign_up({"email": EMAIL, "name": "BUY NOW https://evil.example"})
    assert refused.status_code == 400
    door.sign_up({"email": EMAIL, "name": "BUY NOW", "town": "evil.example"})
    door.house.tick(NOW)
    (parcel,) = door.house.courier.sent
    assert parcel.recipient == EMAIL
    assert b"evil" not in parcel.content
    assert b"BUY" not in parcel.content


@pytest.mark.parametrize(
    "name",
    [
        "Anna\N{NO-BREAK SPACE}Maria",
        "علی\N{ZERO WIDTH NON-JOINER}رضا",
        "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
        "O'Hara & Sons",
        "x" * 200,
    ],
)
def test_names_of_real_people_are_taken(door: Door, name: str) -> None:
    assert door.sign_up({"email": EMAIL, "name": name}).status_code == 200
    assert [consent.name for consent in consents(door)] == [name.replace("\N{NO-BREAK SPACE}", " ")]


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "../../etc/passwd", "localtime", "UTC\x00", "\x1b[31m", "x" * 5000, "<script>", "Europe"]
)
def test_an_unknown_zone_is_noted_and_the_default_taken(door: Door, zone: str) -> None:
    assert door.sign_up({"email": EMAIL, "timezone": zone}).status_code == 200
    (consent,) = consents(door)
    assert consent.timezone == ""
    assert "which is not known" in consent.note
    assert consent.note.isprintable()
    assert door.house.person(EMAIL).timezone == "Europe/London"


def test_a_zone_in_json_that_no_database_could_store_is_noted(door: Door) -> None:
    body = b'{"email": "reader@example.org", "timezone": "\\u0007\\u0000"}'
    assert door.ask.post("/f/newsletter", content=body, headers=JSON).status_code == 200
    assert [consent.note for consent in consents(door)] == ['The form sent the time zone "??", which is not known.']


# The same answer for all


def _joined(door: Door) -> None:
    door.house.join(EMAIL)


def _left(door: Door) -> None:
    door.house.join(EMAIL)
    door.house.tick(EIGHT)
    door.house.leave(EMAIL)


def _suppressed(door: Door) -> None:
    door.house.join(EMAIL)
    door.house.courier.answers = [(Stage.RCPT, Rejected(reply="550 5.1.1 unknown", blame=Blame.ADDRESS))]
    door.house.tick(EIGHT)
    assert door.house.person(EMAIL).state is SubscriberState.SUPPRESSED


def _disowned(door: Door) -> None:
    door.house.sign_up(EMAIL)
    door.house.tick(NOW)
    door.house.refuse(EMAIL)


def _reminded(door: Door) -> None:
    door.house.sign_up(EMAIL, NOW - 3 * DAY)
    door.house.tick(NOW - 3 * DAY)
    assert door.house.tidy(NOW).reminded == 1


@pytest.mark.parametrize("kind", ["page", "json", "next"])
@pytest.mark.parametrize(
    "before",
    [lambda door: door.house.sign_up(EMAIL), _joined, _left, _suppressed, _disowned, _reminded],
    ids=["pending", "active", "left", "suppressed", "disowned", "reminded"],
)
def test_known_and_unknown_addresses_get_the_same_answer_to_the_byte(door: Door, before: object, kind: str) -> None:
    assert callable(before)
    before(door)
    door.now = NOW + DAY
    headers = {"accept": "application/json" if kind == "json" else "text/html"}
    fields = {"next": THANKS} if kind == "next" else {}
    answers = [
        door.sign_up({"email": email, **fields, **more}, **headers)
        for email, more in ((EMAIL, {}), ("nobody@example.org", {}), ("robot@example.org", {"website": "x"}))
    ]
    seen = [
        (answer.status_code, answer.content, [h for h in answer.headers.multi_items() if h[0] != "date"])
        for answer in answers
    ]
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == (303 if kind == "next" else 200)


def test_who_fills_in_the_trap_is_remembered_nowhere(door: Door) -> None:
    door.sign_up({"email": EMAIL, "website": "https://spam.example"})
    assert people(door) == []


# Where to next


def test_a_listed_page_is_gone_on_to(sqlite_door: Door) -> None:
    answer = sqlite_door.sign_up({"email": EMAIL, "next": THANKS})
    assert (answer.status_code, answer.headers["location"]) == (303, THANKS)


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        THANKS + "&x",
        THANKS + " ",
        THANKS.upper(),
        THANKS.replace("https", "http"),
        "https://www.example.org@evil.example/thank-you?from=form",
        "",
    ],
)
def test_a_page_that_is_not_listed_letter_by_letter_is_not_gone_on_to(sqlite_door: Door, onward: str) -> None:
    answer = sqlite_door.sign_up({"email": EMAIL, "next": onward})
    assert answer.status_code == 200
    assert "location" not in answer.headers


# What is refused: always a sentence, never 500, for people and for programs

_BOUNDARY = "multipart/form-data; boundary=b"


def _part(head: str, body: bytes) -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"


WRONG = {
    "no address": (FORM_KIND, b"name=x", 400, "Please give your e-mail address."),
    "empty body": (FORM_KIND, b"", 400, "Please give your e-mail address."),
    "blank address": (FORM_KIND, b"email=+%20", 400, "Please give your e-mail address."),
    "no at": (FORM_KIND, b"email=reader", 400, "cannot be used"),
    "no domain": (FORM_KIND, b"email=reader@", 400, "cannot be used"),
    "no dot": (FORM_KIND, b"email=reader@localhost", 400, "cannot be used"),
    "two addresses": (FORM_KIND, b"email=a@example.org,b@example.org", 400, "cannot be used"),
    "named address": (FORM_KIND, b"email=Ann+%3Ca@example.org%3E", 400, "cannot be used"),
    "long address": (FORM_KIND, b"email=" + b"a" * 400 + b"@example.org", 400, "not an e-mail address"),
    "header in address": (FORM_KIND, b"email=a@example.org%0D%0ABcc:b@example.org", 400, "not an e-mail address"),
    "lf in address": (FORM_KIND, b"email=a%0A@example.org", 400, "not an e-mail address"),
    "null in address": (FORM_KIND, b"email=a%00@example.org", 400, "not an e-mail address"),
    "header in name": (FORM_KIND, b"email=a@example.org&name=A%0D%0ABcc:b@example.org", 400, "line break"),
    "cr in name": (FORM_KIND, b"email=a@example.org&name=A%0DB", 400, "line break"),
    "lf in name": (FORM_KIND, b"email=a@example.org&name=A%0AB", 400, "line break"),
    "raw lf in name": (FORM_KIND, b"email=a@example.org&name=A\r\nBcc: b", 400, "line break"),
    "line separator in name": (FORM_KIND, "email=a@example.org&name=A\u2028B".encode(), 400, "line break"),
    "bidi override in name": (FORM_KIND, b"email=a@example.org&name=A%E2%80%AEB", 400, "control character"),
    "escape in name": (FORM_KIND, b"email=a@example.org&name=A%1B[31m", 400, "control character"),
    "null in name": (FORM_KIND, b"email=a@example.org&name=A%00B", 400, "control character"),
    "long name": (FORM_KIND, b"email=a@example.org&name=" + b"x" * 5000, 400, "longer than 200 characters"),
    "many fields": (FORM_KIND, b"&".join(b"f%d=1" % n for n in range(201)), 400, "Too many fields"),
    "broken json": (JSON["content-type"], b'{"email": "a@example.org"', 400, "not valid JSON"),
    "empty json": (JSON["content-type"], b"", 400, "not valid JSON"),
    "json list": (JSON["content-type"], b'["a@example.org"]', 400, "must be a JSON object"),
    "json text": (JSON["content-type"], b'"a@example.org"', 400, "must be a JSON object"),
    "json null": (JSON["content-type"], b"null", 400, "must be a JSON object"),
    "json number": (JSON["content-type"], b"5", 400, "must be a JSON object"),
    "json huge number": (JSON["content-type"], b"9" * 5000, 400, "not valid JSON"),
    "number as address": (JSON["content-type"], b'{"email": 5}', 400, "cannot be used"),
    "object as address": (JSON["content-type"], b'{"email": {"a": "b"}}', 400, "Please give your e-mail address."),
    "many leaves": (JSON["content-type"], b'{"email": "a@example.org", "a": [' + b"1," * 300 + b"1]}", 400, "Too many"),
    "deep json": (JSON["content-type"], b"[" * 60_000, 400, "not valid JSON"),
    "latin-1 json": (JSON["content-type"], '{"email": "é@example.org"}'.encode("latin-1"), 400, "not valid JSON"),
    "surrogate name": (JSON["content-type"], b'{"email":"a@example.org","name":"\\ud800"}', 400, "are no text"),
    "surrogate address": (JSON["content-type"], b'{"email":"\\ud800@example.org"}', 400, "are no text"),
    "crlf in json name": (JSON["content-type"], b'{"email":"a@example.org","name":"A\\r\\nB: c"}', 400, "line break"),
    "plain text": ("text/plain", b"email=a@example.org", 415, "This form must be sent as"),
    "xml": ("application/xml", b"<a/>", 415, "This form must be sent as"),
    "no kind": ("", b"email=a@example.org", 415, "This form must be sent as"),
    "nonsense kind": ("\\", b"email=a@example.org", 415, "This form must be sent as"),
    "no boundary": ("multipart/form-data", b"--b--", 400, "The form cannot be read. Missing boundary"),
    "broken multipart": (_BOUNDARY, b"nonsense", 400, "The form cannot be read."),
    "nameless part": (_BOUNDARY, _part("x=y", b"1") + b"--b--", 400, "The form cannot be read."),
    "file part": (
        _BOUNDARY,
        _part('name="email"', b"a@example.org") + _part('name="cv"; filename="cv.txt"', b"me") + b"--b--",
        400,
        "This form takes no files",
    ),
    "file as address": (
        _BOUNDARY,
        _part('name="email"; filename="e"', b"a@example.org") + _part('name="email"', b"a@example.org") + b"--b--",
        400,
        "This form takes no files",
    ),
    "many parts": (
        _BOUNDARY,
        b"".join(_part(f'name="f{n}"', b"1") for n in range(201)) + b"--b--",
        400,
        "Too many fields",
    ),
    "many files": (
        _BOUNDARY,
        b"".join(_part(f'name="f{n}"; filename="f"', b"1") for n in range(201)) + b"--b--",
        400,
        "Too many files",
    ),
    "header in multipart name": (
        _BOUNDARY,
        _part('name="email"', b"a@example.org") + _part('name="name"', b"A\r\nBcc: b@example.org") + b"--b--",
        400,
        "line break",
    ),
    "charset that cannot decode": (
        _BOUNDARY + "; charset=undefined",
        _part('name="email"', b"a@example.org") + b"--b--",
        400,
        "The form cannot be read. Its charset",
    ),
    "unknown charset": (_BOUNDARY + "; charset=nonsense", _part('name="email"', b"\xff") + b"--b--", 400, "cannot be"),
    "announced too large": (FORM_KIND, b"x" * 1_000_000, 413, "at most 64 KB"),
    "too large json": (JSON["content-type"], b"[" + b"1," * 500_000 + b"1]", 413, "at most 64 KB"),
    "too large multipart": (_BOUNDARY, _part('name="email"', b"x" * 1_000_000) + b"--b--", 413, "at most 64 KB"),
}


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_refused_in_a_sentence(quiet_door: Door, case: str, accept: str) -> None:
    kind, body, status, sentence = WRONG[case]
    headers = {"accept": accept, **({"content-type": kind} if kind else {})}
    answer = quiet_door.ask.post("/f/newsletter", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(accept)
    assert sentence in said(answer)
    assert people(quiet_door) == []


@pytest.mark.parametrize("case", ["header in name", "null in name", "surrogate name", "long name", "null in address"])
def test_what_cannot_be_used_is_refused_before_either_database_sees_it(door: Door, case: str) -> None:
    kind, body, status, _ = WRONG[case]
    assert door.ask.post("/f/newsletter", content=body, headers={"content-type": kind}).status_code == status
    assert people(door) == []


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_body_that_comes_in_chunks_is_measured_as_it_comes(quiet_door: Door, accept: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1000

    headers = {"content-type": FORM_KIND, "accept": accept}
    answer = quiet_door.ask.post("/f/newsletter", content=chunks(), headers=headers)
    assert answer.status_code == 413
    assert "at most 64 KB" in said(answer)


def test_a_body_that_announces_less_than_it_brings_is_measured_as_it_comes(quiet_door: Door) -> None:
    size = b"%X\r\n" % 60_000
    head = (
        f"POST /f/newsletter HTTP/1.1\r\nHost: {quiet_door.host}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    with talking(quiet_door) as wire:
        wire.sendall(head + (size + b"x" * 60_000 + b"\r\n") * 2 + b"0\r\n\r\n")
        assert wire.recv(64).split()[1] in (b"400", b"413")
    assert people(quiet_door) == []


def test_sixty_four_kilobytes_are_taken_and_one_byte_more_is_not(sqlite_door: Door) -> None:
    start = b"email=a@example.org&x="
    for length, status in ((64 * 1024, 200), (64 * 1024 + 1, 413)):
        body = start + b"x" * (length - len(start))
        assert (
            sqlite_door.ask.post("/f/newsletter", content=body, headers={"content-type": FORM_KIND}).status_code
            == status
        )


def test_who_hangs_up_while_they_speak_leaves_no_trace_and_no_error(
    quiet_door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    head = f"POST /f/newsletter HTTP/1.1\r\nHost: {quiet_door.host}\r\nContent-Type: application/json\r\n"
    with talking(quiet_door) as wire:
        wire.sendall(head.encode() + b"Content-Length: 500\r\n\r\n{")
    assert quiet_door.ask.get("/healthz").status_code == 200
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("key", ["nonsense", "Newsletter", "%00", "..%2fnewsletter", "x" * 3000])
def test_an_unknown_form_is_not_found(quiet_door: Door, key: str, accept: str) -> None:
    for answer in (
        quiet_door.ask.post(f"/f/{key}", data={"email": EMAIL}, headers={"accept": accept}),
        quiet_door.ask.get(f"/f/{key}", headers={"accept": accept}),
    ):
        assert answer.status_code == 404
        assert said(answer)


def test_a_mistyped_address_comes_back_in_the_form_with_what_was_typed(quiet_door: Door) -> None:
    answer = quiet_door.sign_up({"email": 'x"><script>', "name": "Rea"})
    page = Page(answer.text)
    assert answer.status_code == 400
    fields = {tag.get("name", ""): tag.get("value", "") for tag in page.all("input")}
    assert fields.pop("_t")
    assert fields == {"email": 'x"><script>', "name": "Rea", "website": ""}
    assert page.all("script") == []


# Who asked


@pytest.mark.parametrize(
    ("trusted", "lines", "expected"),
    [
        ((), ["203.0.113.9"], "127.0.0.1"),
        (("10.0.0.0/8",), ["203.0.113.9"], "127.0.0.1"),
        (("127.0.0.1",), [], "127.0.0.1"),
        (("127.0.0.1",), ["203.0.113.9"], "203.0.113.9"),
        (("127.0.0.1",), ["2001:db8::9"], "2001:db8::9"),
        (("127.0.0.1",), ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (("127.0.0.0/8", "10.0.0.0/8"), ["6.6.6.6, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        # HAProxy adds a line of its own below the one that the visitor made up.
        (("127.0.0.1",), ["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
        (("127.0.0.1",), ["6.6.6.6, <script>"], "127.0.0.1"),
        # Azure's gateway writes a port behind the address; others write IPv4 as IPv6, or name a zone.
        (("127.0.0.1",), ["203.0.113.9:4711"], "203.0.113.9"),
        (("127.0.0.1",), ["::ffff:203.0.113.9"], "203.0.113.9"),
        (("127.0.0.1",), ["[2001:db8::9%eth0]:4711"], "2001:db8::9"),
        (("127.0.0.1",), [",,"], "127.0.0.1"),
    ],
)
def test_a_forwarded_address_is_believed_only_from_a_trusted_proxy(
    sqlite_db: Database, trusted: tuple[str, ...], lines: list[str], expected: str
) -> None:
    house = House(sqlite_db)
    house.publish(small_course())
    with Door(house, trusted_proxies=tuple(ip_network(name) for name in trusted)).open() as door:
        headers = [("x-forwarded-for", line) for line in lines]
        door.ask.post("/f/newsletter", data={"email": EMAIL}, headers=headers)
        assert [consent.ip for consent in consents(door)] == [expected]


def test_an_unpublished_course_is_an_apology_and_not_a_traceback(sqlite_db: Database) -> None:
    with Door(House(sqlite_db)).open() as door:
        answer = door.ask.post("/f/newsletter", json={"email": EMAIL})
    assert answer.status_code == 500
    assert answer.json() == {
        "ok": False,
        "error": "Something is wrong on our side. Please try again in a little while.",
    }


def talking(door: Door) -> socket.socket:
    """A bare connection to the door."""
    where = urlsplit(str(door.ask.base_url))
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=10)
