"""Do visitors read German and French where a course speaks it, and English to the last byte where it does not?"""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from house import small_course
from visits import VISITS

from sequencer.content import catalogues, messages, words
from sequencer.content.digest import SAMPLE_DIGEST
from sequencer.content.files import shipped
from sequencer.content.render import LETTERS, Person, compile_lesson, compile_letter, sample_person
from sequencer.content.templates import Templates
from sequencer.core.model import CatchUp, Gap
from sequencer.errors import BadContent

TEMPLATES = Templates()
TONGUES = ("de", "fr")
EIGHT = datetime(2026, 3, 2, 8, tzinfo=ZoneInfo("Europe/Berlin"))
_LETTERS = re.compile(r"[^\W\d_]{2}")


class Read(HTMLParser):
    """What a person sees or hears of a page: each stretch of words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: set[str] = set()
        self.deaf = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.deaf += tag in ("style", "script", "select")
        self.said |= {str(value) for name, value in attrs if name in ("aria-label", "data-done", "data-failed")}

    def handle_endtag(self, tag: str) -> None:
        self.deaf -= tag in ("style", "script", "select")

    def handle_data(self, data: str) -> None:
        said = " ".join(data.split())
        if not self.deaf and _LETTERS.search(said):
            self.said.add(said)


def same_in(language: str) -> set[str]:
    """Words that are rightly the same in both languages."""
    return {
        message.id
        for message in words.read(shipped("templates") / "locale" / f"{language}.po", language)
        if isinstance(message.id, str) and message.id == message.string
    }


def page(name: str, values: dict[str, object], lang: str) -> str:
    return TEMPLATES.page(name, {**values, "brand": "B", "lang": lang, "layout": "web/base.html"})


# catalogues


@pytest.mark.parametrize("language", TONGUES)
def test_a_shipped_catalogue_says_everything_with_the_same_values(language: str) -> None:
    path = shipped("templates") / "locale" / f"{language}.po"
    assert list(messages.problems(words.read(path, language))) == []


@pytest.mark.parametrize("language", TONGUES)
def test_a_shipped_catalogue_is_as_make_words_leaves_it(tmp_path: Path, language: str) -> None:
    path = shipped("templates") / "locale" / f"{language}.po"
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    assert catalogues.update(copy) == f"{path.name}: all is translated.\n"
    assert copy.read_bytes() == path.read_bytes()


def test_french_is_typeset_as_in_france_and_german_as_in_germany() -> None:
    french, german = (words.read(shipped("templates") / "locale" / f"{one}.po", one) for one in ("fr", "de"))
    said = " ".join(str(message.string) for message in french if message.id)
    assert not re.search(r" [;:!?»]|« |[^\s\u202f]»|“|\w[!?]", re.sub(r"\\u202f", "\u202f", said))
    assert "'" not in " ".join(message.string for message in french if message.id and isinstance(message.string, str))
    assert not [one for one in german if one.id and re.search(r"[«»”]|\S\s[;:!?]", str(one.string))]


def test_what_is_new_is_left_to_translate_and_what_nobody_says_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "nl.po"
    path.write_text(
        'msgid ""\nmsgstr "Language: nl\\n"\n\nmsgid "Save"\nmsgstr "Bewaren"\n\nmsgid "Gone"\nmsgstr "Weg"\n'
    )
    left = re.fullmatch(r"nl\.po: (\d+) messages are left to translate\.\n", catalogues.update(path))
    assert left
    catalogue = words.read(path, "nl")
    assert int(left[1]) == len(messages.template()) - 1
    assert catalogue.get("Save").string == "Bewaren"  # type: ignore[union-attr]
    assert catalogue.get("Gone") is None


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('msgid "Hour"\nmsgstr ""', "Hour: this message is not translated."),
        ('#, fuzzy\nmsgid "Hour"\nmsgstr "Uhr"', "Hour: this message is not translated."),
        ('msgid "Error %(status)s"\nmsgstr "Fehler"', 'Error %(status)s: the values of "Fehler" differ.'),
        ('msgid "Nobody says this"\nmsgstr "Niemand"', "Nobody says this: nothing says this any more."),
    ],
)
def test_what_is_wrong_with_a_catalogue_is_found(tmp_path: Path, entry: str, problem: str) -> None:
    path = tmp_path / "de.po"
    path.write_text(f'msgid ""\nmsgstr "Language: de\\n"\n\n{entry}\n')
    found = list(messages.problems(words.read(path, "de")))
    assert problem in found
    assert "Save: this message is missing." in found


def test_the_command_says_what_is_left() -> None:
    done = subprocess.run([sys.executable, "-m", "sequencer.cli.words"], capture_output=True, text=True, check=True)
    assert done.stdout == "de.po: all is translated.\nfr.po: all is translated.\n"


# pages


def test_every_page_for_visitors_is_looked_at_here() -> None:
    there = {path.name for path in (shipped("templates") / "web").glob("*.html")}
    assert {name for name, _ in VISITS} == {name for name in there if not name.startswith("_")} - {"base.html"}


@pytest.mark.parametrize("language", TONGUES)
@pytest.mark.parametrize(("name", "values"), VISITS)
def test_no_english_is_left_on_a_page(name: str, values: dict[str, object], language: str) -> None:
    english, other = (Read(page(name, values, lang)).said for lang in ("en", language))
    assert english & other <= same_in(language) | {"a@b.c", "a@b.d", "https://x"}


@pytest.mark.parametrize(
    ("language", "days", "sentence"),
    [
        ("de", 1, "funktioniert 1 Tag lang."),
        ("de", 2, "funktioniert 2 Tage lang."),
        ("fr", 1, "pendant 1 jour."),
        ("fr", 2, "pendant 2 jours."),
    ],
)
def test_numbers_have_their_plural(language: str, days: int, sentence: str) -> None:
    for is_newsletter in (False, True):
        shown = {"title": "T", "is_newsletter": is_newsletter, "confirm_within": days}
        assert sentence in page("sent.html", shown, language)


@pytest.mark.parametrize("tag", ["de-AT", "DE", "de_CH"])
def test_a_country_speaks_the_language(tag: str) -> None:
    assert TEMPLATES.words(tag).language == "de"


@pytest.mark.parametrize("tag", ["", "en-GB", "tlh", "../de", "de/../fr"])
def test_where_there_is_no_catalogue_it_is_english(tag: str) -> None:
    assert TEMPLATES.words(tag).language == "en"


def test_a_page_in_hebrew_runs_from_right_to_left_in_english_words() -> None:
    shown = page("confirm.html", {"course": {"title": "T", "subtitle": "", "is_newsletter": False}}, "he")
    assert '<html lang="he" dir="rtl">' in shown
    assert "Yes, send me the course" in shown


def test_values_are_escaped_within_translated_sentences() -> None:
    shown = page("meant.html", {"typed": "<b>%(x)s", "suggestion": "&", "action": "/", "kept": ()}, "de")
    assert "<strong>&lt;b&gt;%(x)s</strong>" in shown


# mails


@pytest.mark.parametrize("language", TONGUES)
@pytest.mark.parametrize("letter", LETTERS)
def test_no_english_is_left_in_a_letter(letter: str, language: str) -> None:
    person = Person(name="", address="", links=LETTERS[letter])
    course = small_course(title="T", brand="B")
    english, other = (
        compile_letter(replace(course, language=lang), letter, templates=TEMPLATES, postal_address="1", days=7).fill(
            person
        )
        for lang in ("en", language)
    )
    assert Read(english.html).said & Read(other.html).said <= {*LETTERS[letter].values(), "B"}
    assert set(english.text.split("\n")) & set(other.text.split("\n")) <= {
        *LETTERS[letter].values(),
        "B",
        "1",
        "",
        "-- ",
    }
    assert english.subject != other.subject


@pytest.mark.parametrize("language", TONGUES)
@pytest.mark.parametrize("step", [0, 2])
def test_no_english_is_left_around_a_lesson(step: int, language: str) -> None:
    body = "\n".join(f":::{kind}\na1\n:::\n" for kind in ("exercise", "question", "tip", "note", "warning", "tomorrow"))
    course = small_course(title="T", brand="B", author="", catch_up=CatchUp.DIGEST)
    course = replace(course, lessons=tuple(replace(one, body=body) for one in course.lessons))
    person = replace(sample_person(), digest=SAMPLE_DIGEST)
    english, other = (
        compile_lesson(replace(course, language=lang), step, templates=TEMPLATES, postal_address="1").fill(person)
        for lang in ("en", language)
    )
    mine = {f"Subject {step + 1}", f"Preheader {step + 1}", f"Theme {step + 1}", SAMPLE_DIGEST.lessons[0].title}
    assert Read(english.html).said & Read(other.html).said <= mine | same_in(language)
    lines = {line for line in english.text.split("\n") if _LETTERS.search(line)} & set(other.text.split("\n"))
    assert not [line for line in lines if "https://" not in line and line.strip() not in mine and line[:2] != "- "]


def test_a_lesson_in_hebrew_runs_from_right_to_left() -> None:
    mail = compile_lesson(small_course(language="he"), 0, templates=TEMPLATES, postal_address="1").fill(sample_person())
    assert 'lang="he" dir="rtl"' in mail.html
    assert "Next lesson now" in mail.html


# sentences and dates


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Monday 2 March 2026 at 08:00 (Europe/Berlin)"),
        ("de", "Montag, 2. März 2026 um 08:00 (Europe/Berlin)"),
        ("fr", "lundi 2 mars 2026 à 08:00 (Europe/Berlin)"),
        ("he", "Monday 2 March 2026 at 08:00 (Europe/Berlin)"),
    ],
)
def test_a_time_is_said_as_people_say_it(language: str, said: str) -> None:
    assert TEMPLATES.words(language).time(EIGHT) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Mon 2 March, 08:00", "Monday 2 March 2026", "Sunday", "1 day", "36 hours")),
        ("de", ("Mo., 2. März, 08:00", "Montag, 2. März 2026", "Sonntag", "1 Tag", "36 Stunden")),
        ("fr", ("lun. 2 mars, 08:00", "lundi 2 mars 2026", "dimanche", "1 jour", "36 heures")),
    ],
)
def test_days_and_gaps_are_said_in_the_language(language: str, said: tuple[str, ...]) -> None:
    speech = TEMPLATES.words(language)
    gaps = (speech.gap(Gap(days=1)), speech.gap(Gap(hours=36)))
    assert (speech.short(EIGHT), speech.day(date(2026, 3, 2)), speech.weekday(6), *gaps) == said


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Please give your e-mail address.", "Bitte geben Sie Ihre E-Mail-Adresse an."),
        ("This link has expired. Please sign up again and use the new link.", "Dieser Link ist abgelaufen."),
        (
            "This link is not complete or not one of ours. Please copy it whole from the e-mail.",
            "Dieser Link ist nicht",
        ),
        ("There were too many sign-ups lately; please try again in an hour.", "In letzter Zeit gab es zu viele"),
        ("Your name is longer than 80 characters; please shorten it.", "Ihr Name ist länger als 80 Zeichen;"),
        (
            "This e-mail address cannot be used. An email address must have an @-sign.",
            "Diese E-Mail-Adresse kann nicht verwendet werden. In einer E-Mail-Adresse muss ein @ stehen.",
        ),
        ("This could be taken back for 7 days only. Please write to us.", "Das konnte nur 7 Tage lang"),
        ("There is no such page here.", "Diese Seite gibt es hier nicht."),
    ],
)
def test_what_went_wrong_is_said_again_in_german(english: str, german: str) -> None:
    assert TEMPLATES.words("de").again(english).startswith(german)


def test_what_nobody_translated_is_said_in_english() -> None:
    assert TEMPLATES.words("de").again("The body is not valid JSON.") == "The body is not valid JSON."
    assert TEMPLATES.words("en").again("The body is not valid JSON.") == "The body is not valid JSON."


# one's own words


def test_a_catalogue_of_ones_own_adds_a_language_and_changes_words(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "de.po").write_text('msgid "Save"\nmsgstr "Sichern"\n')
    (tmp_path / "locale" / "nl.po").write_text('msgid "Save"\nmsgstr "Bewaren"\n')
    (tmp_path / "locale" / "pt_BR.po").write_text('msgid "Save"\nmsgstr "Salvar"\n')
    (tmp_path / "locale" / "en.po").write_text('msgid "Save"\nmsgstr "Keep"\n')
    own = Templates(tmp_path)
    said = {tag: own.words(tag).say("Save") for tag in ("de-DE", "nl", "pt-BR", "en-GB", "pt", "fr")}
    assert said == {
        "de-DE": "Sichern",
        "nl": "Bewaren",
        "pt-BR": "Salvar",
        "en-GB": "Keep",
        "pt": "Keep",
        "fr": "Enregistrer",
    }
    assert own.words("de").say("Hour") == "Uhrzeit"
    assert own.words("en").time(EIGHT) == "Monday 2 March 2026 at 08:00 (Europe/Berlin)"


@pytest.mark.parametrize(("name", "text"), [("de.po", "this is none"), ("xx_YY_zz9.po", 'msgid "a"\nmsgstr "b"\n')])
def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / name).write_text(text)
    with pytest.raises(BadContent, match=re.escape(f"{name}: this catalogue cannot be read: ")):
        Templates(tmp_path).words(name.removesuffix(".po"))


def test_the_shipped_catalogues_hold_no_names_and_no_dates() -> None:
    for path in (shipped("templates") / "locale").glob("*.po"):
        head = path.read_text(encoding="utf-8").partition("#:")[0]
        assert not re.search("EMAIL|Date|Team|Generated", head)
