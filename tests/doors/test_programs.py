"""What do other programs say of who signed up: form builders, automations, and a script of ours?"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import recorded
from door import Door
from house import NOW, House, small_course
from recorded import EMAIL, Recorded, consents, form_of, opened, people, post, refusal

from sequencer.forms import Signature
from sequencer.store.database import Database, connect
from sequencer.web import programs
from sequencer.web.answers import ACCEPTED

GUIDE = Path(__file__).parent.parent.parent / "docs" / "forms.md"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0"

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
    assert {path.stem for path in recorded.FOLDER.glob("*.http")} == set(SAID)
    assert {row for row, _, _ in SAID.values()} == set(programs.BY_NAME)


def test_the_guide_says_of_each_program_how_it_signs() -> None:
    lines = [line.split(" | ") for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = {cells[0].removeprefix("| "): cells[1] for cells in lines if len(cells) == 3}
    assert all(f"`{row.signature}`" in rows[row.title] for row in programs.ROWS)


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_a_program_says_of_a_visitor_is_taken_and_once_only(db: Database, name: str) -> None:
    row, signature, said = SAID[name]
    # The form would lead a visitor to a page; programs take a redirect for a failure.
    with opened(db, form_of(signature, thanks="https://www.example.org/thanks")) as door:
        answers = [post(door, Recorded.of(name)) for _ in range(3)]
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, ACCEPTED)] * 3
        (consent,) = consents(door)
        assert people(door) == [EMAIL]
        expected = {**QUIET, **said, "shape": row, "form": "newsletter", "asked_at": NOW}
        assert {key: getattr(consent, key) for key in expected} == expected
        door.house.tick(NOW)
        assert [parcel.recipient for parcel in door.house.courier.sent] == [EMAIL]


@pytest.fixture(scope="module")
def strict_door(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door with a form for each recorded request, for what must change nothing."""
    folder = tmp_path_factory.mktemp("strict")
    shutil.copy(sqlite_template, folder / "strict.db")
    db = connect("sqlite:///strict.db", root=folder)
    forms = {name: form_of(signature, key=name) for name, (_, signature, _) in SAID.items()}
    house = House(db)
    house.publish(small_course())
    with Door(house, forms=MappingProxyType(forms)).open() as door:
        yield door
    db.close()


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_another_secret_signed_is_refused_with_a_sentence_and_leaves_no_trace(
    strict_door: Door, name: str
) -> None:
    sent = Recorded.of(name)
    wrong = "whsec_bm90IHRoZSByaWdodCBvbmUgYXQgYWxs" if SAID[name][1] is Signature.STANDARD else "another secret"
    assert "secret" in refusal(post(strict_door, sent, key=name, secret=wrong), 401)
    refusal(strict_door.ask.post(f"/f/{name}", content=sent.body, headers=sent.headers), 401)
    assert people(strict_door) == []
