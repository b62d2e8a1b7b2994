"""What do `sequencer form add`, `list`, `show` and `test` say and do?"""

import json
import re
import sqlite3
import tomllib
from pathlib import Path

import pytest
from door import Door, Page
from installation import SETTINGS, Run, sentence

from sequencer.web import presets, snippets

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
FORMS = Path(__file__).resolve().parent.parent / "data" / "forms"
ADD = ("form", "add", "essays", "--course", "small", "--consent", 'Yes, "please".')


def settings_file(folder: Path) -> Path:
    return folder / "sequencer.toml"


def forms(folder: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomllib.loads(settings_file(folder).read_text(encoding="utf-8"))["forms"]
    return found


# add


def test_a_form_is_added_behind_what_stands_there_which_stays_as_it_is(run: Run, folder: Path) -> None:
    result = run(*ADD)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Added [forms.essays] to sequencer.toml" in result.stdout
    text = settings_file(folder).read_text(encoding="utf-8")
    assert text.startswith(SETTINGS)
    assert forms(folder)["essays"] == {"course": "small", "consent": 'Yes, "please".'}
    assert "essays" in run("form", "list").stdout


def test_all_that_there_is_to_say_of_a_form_can_be_said(run: Run, folder: Path) -> None:
    site = "https://www.example.org"
    more = (
        "--next",
        f"{site}/a",
        "--next",
        f"{site}/b",
        "--thanks",
        f"{site}/c",
        "--list",
        "a=b=small",
        "--origin",
        site,
    )
    last = ("--embed", site, "--honeypot", "fax", "--challenge", "always", "--single-because", "They had signed in.")
    assert run(*ADD, *more, *last).exit_code == 0
    assert forms(folder)["essays"] == {
        "course": "small",
        "consent": 'Yes, "please".',
        "next": [f"{site}/a", f"{site}/b"],
        "thanks": f"{site}/c",
        "lists": {"a=b": "small"},
        "origins": [site],
        "embed": [site],
        "honeypots": ["fax"],
        "challenge": "always",
        "opt_in": "single",
        "single_because": "They had signed in.",
    }
    (one,) = [one for one in json.loads(run("form", "list", "--json").stdout) if one["form"] == "essays"]
    assert (one["opt_in"], one["url"]) == ("single", "https://mail.example.org/f/essays")


def test_what_is_not_said_is_asked_for(folder: Path) -> None:
    from click.testing import CliRunner

    from sequencer.cli import main

    result = CliRunner().invoke(main, ["form", "add", "essays"], input="nonsense\nsmall\n\n")
    assert result.exit_code == 0
    assert forms(folder)["essays"] == {
        "course": "small",
        "consent": "I would like to receive this course by e-mail.",
    }


@pytest.mark.parametrize(
    "before",
    [
        SETTINGS.replace("\n", "\r\n").encode(),
        SETTINGS.rstrip("\n").encode() + b" # the end",
        b"\xef\xbb\xbf" + SETTINGS.encode(),
        SETTINGS.encode() + b'[forms."other"]\ncourse = "small"\n\n\n# a last word\n',
    ],
    ids=["windows", "no last line break", "byte order mark", "comments"],
)
def test_however_the_file_is_written_its_bytes_stay(run: Run, folder: Path, before: bytes) -> None:
    settings_file(folder).write_bytes(before)
    assert run(*ADD).exit_code == 0
    after = settings_file(folder).read_bytes()
    assert after.startswith(before)
    assert (b"\r\n" in after) == (b"\r\n" in before)
    assert b"\n" not in after.replace(b"\r\n", b"") or b"\r\n" not in before
    assert set(tomllib.loads(after.decode("utf-8-sig"))["forms"]) >= {"newsletter", "essays"}


def test_the_form_that_is_there_without_being_written_down_does_not_vanish(run: Run, folder: Path) -> None:
    head = SETTINGS.partition("[forms")[0]
    settings_file(folder).write_text(head, encoding="utf-8")
    (folder / "lessons" / "small").rename(folder / "lessons" / "why-men-pull-away")
    assert run("form", "add", "essays", "--course", "why-men-pull-away", "--consent", "Yes.").exit_code == 0
    assert list(forms(folder)) == ["newsletter", "essays"]
    settings_file(folder).write_text(head, encoding="utf-8")
    assert run("form", "add", "newsletter", "--course", "why-men-pull-away", "--consent", "Yes.").exit_code == 0
    assert forms(folder) == {"newsletter": {"course": "why-men-pull-away", "consent": "Yes."}}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("newsletter", "--course", "small", "--consent", "x"), 1, 'it has a form "newsletter" already'),
        (("essays", "--course", "nonsense", "--consent", "x"), 2, 'there is no course "nonsense"; there is small.'),
        (("essays", "--course", "small", "--consent", "x", "--list", "a=nope"), 2, 'there is no course "nope"'),
        (("essays", "--course", "small", "--consent", "x", "--list", "a"), 2, '"a" is not a tag and a course'),
        (("Essays", "--course", "small", "--consent", "x"), 1, "a form key of small letters"),
        (("a]b", "--course", "small", "--consent", "x"), 1, "cannot take the form"),
        (("x]\n[evil", "--course", "small", "--consent", "x"), 1, "cannot take the form"),
        (("essays", "--course", "small", "--consent", "x", "--origin", "example.org"), 1, "a list of sites like"),
        (("essays", "--course", "small", "--consent", "\x7f"), 1, "cannot take the form"),
    ],
)
def test_a_form_that_cannot_be_is_refused_and_the_file_stays(
    run: Run, folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in sentence(run("form", "add", *words), code)
    assert settings_file(folder).read_text(encoding="utf-8") == SETTINGS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[forms", "is not valid TOML"),
        (
            SETTINGS.replace('[forms.newsletter]\ncourse = "small"\n', 'forms = { a = { course = "small" } }\n'),
            "cannot take",
        ),
        ('[forms.newsletter]\nconsent = "x"\n', 'course = "a-course"'),
    ],
)
def test_a_file_that_is_broken_or_closed_is_not_written_to(run: Run, folder: Path, text: str, said: str) -> None:
    settings_file(folder).write_text(text, encoding="utf-8")
    assert said in sentence(run(*ADD), 1)
    assert settings_file(folder).read_text(encoding="utf-8") == text


def test_without_a_settings_file_there_is_nothing_to_add_to(run: Run, folder: Path) -> None:
    settings_file(folder).unlink()
    assert sentence(run(*ADD), 1) == 'There is no sequencer.toml; "sequencer init" writes one.'


# show


def test_what_is_shown_to_paste_is_taken_by_the_door(run: Run, sqlite_door: Door) -> None:
    shown = run("form", "show", "newsletter").stdout
    found = re.findall(r"<form.*?</form>", shown, re.DOTALL)
    assert len(found) == 2
    for text in found:
        page = Page(text)
        assert page.all("form") == [{"method": "post", "action": "https://mail.example.org/f/newsletter"}]
        fields = {tag["name"]: tag.get("value", "") for tag in page.all("input")}
        assert sqlite_door.sign_up({**fields, "email": "a@example.org"}).status_code == 200
    assert ("timezone" in found[0], "timezone" in found[1]) == (False, True)
    assert shown.count("<script>") == 1
    assert Page(re.findall(r"<iframe.*</iframe>", shown)[0]).all("iframe")[0]["src"].endswith("/f/newsletter/embed")
    assert 'embed = ["https://www.example.org"]' in shown


def test_words_of_consent_are_shown_as_text(run: Run) -> None:
    run("form", "add", "essays", "--course", "small", "--consent", "<b>Love & peace</b>")
    assert "&lt;b&gt;Love &amp; peace&lt;/b&gt;" in run("form", "show", "essays").stdout


@pytest.mark.parametrize("row", presets.ROWS, ids=lambda row: row.name)
def test_the_line_to_change_is_shown_for_each_provider(run: Run, row: presets.Preset) -> None:
    shown = run("form", "show", "newsletter", "--provider", row.name).stdout
    assert row.find in shown
    assert "https://mail.example.org/f/newsletter" in shown
    assert "URL" not in shown
    assert shown.strip() in run("form", "show", "newsletter").stdout


def test_what_to_find_stands_in_the_form_that_is_on_record() -> None:
    for row in presets.ROWS:
        parts = [re.escape(part) for part in re.split(r"…|sendy\.example\.org|listmonk\.example\.org", row.find)]
        if row.name not in ("ghost", "jetpack"):
            html = (FORMS / f"{row.name}.html").read_text(encoding="utf-8").replace("&amp;", "&")
            assert re.search("[^\\s]*".join(parts), html), row.name


def test_a_form_that_is_not_there_is_not_shown(run: Run) -> None:
    assert (
        sentence(run("form", "show", "nonsense"), 2)
        == 'Invalid value: there is no form "nonsense"; there is newsletter.'
    )


# test


def tried(run: Run, *words: str) -> dict[str, object]:
    result = run("form", "test", "newsletter", "--json", *words)
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.fixture
def published(run: Run, folder: Path) -> Path:
    assert run("course", "apply", "small").exit_code == 0
    return folder


@pytest.mark.parametrize("row", presets.ALL, ids=lambda row: row.name)
def test_a_sample_of_each_provider_is_understood(run: Run, published: Path, row: presets.Preset) -> None:
    assert published
    found = tried(run, "--as", row.name)
    assert (found["provider"], found["email"]) == (row.name, "alex@example.org")
    assert found["verdict"] == "a mail asks alex@example.org to confirm"
    assert found["browser"] == 'sees the page "Look in your inbox"'
    assert str(found["script"]).startswith(("200 ", "201 "))
    if row.signs:
        assert tried(run, "--data", row.sample)["provider"] == row.name


def test_a_recorded_body_is_tried_from_a_file_whatever_its_kind(run: Run, published: Path) -> None:
    for name, provider in (("kit", "kit"), ("ghost", "ghost"), ("netlify", "netlify")):
        body = (FORMS / f"{name}.http").read_text(encoding="utf-8").partition("\n\n")[2]
        path = published / "body"
        path.write_text(body.replace("\n", "\r\n") if name == "kit" else body.strip(), encoding="utf-8", newline="")
        found = tried(run, str(path))
        assert (found["provider"], found["email"], found["name"]) == (provider, "rea@example.org", "Rea")


@pytest.mark.parametrize(
    ("data", "verdict", "browser"),
    [
        ("email=a@example.org&website=x", "nothing happens, as a field for robots is filled in", "Look in your inbox"),
        ("email=a@gmali.com", "the visitor is asked whether they meant a@gmail.com", "a page that asks"),
        ("email=a@example.org&name=http://x.example", "it is refused: Your name looks like", "above our form"),
    ],
)
def test_each_verdict_is_told(run: Run, published: Path, data: str, verdict: str, browser: str) -> None:
    assert published
    found = tried(run, "--data", data)
    assert verdict in str(found["verdict"])
    assert browser in str(found["browser"])
    shown = run("form", "test", "newsletter", "--data", data).stdout
    assert verdict in shown
    assert shown.endswith("Nothing was sent, counted or written.\n")


def test_a_form_that_asks_for_work_says_so(run: Run, published: Path) -> None:
    with settings_file(published).open("a", encoding="utf-8") as file:
        file.write('challenge = "always"\nnext = ["https://www.example.org/thanks"]\n')
    found = tried(run)
    assert found["verdict"] == "the browser has to do some work first, as the form asks for it"
    assert str(found["script"]).startswith("403 ")


def test_where_the_form_leads_and_what_it_does_not_keep_is_told(run: Run, published: Path) -> None:
    with settings_file(published).open("a", encoding="utf-8") as file:
        file.write('next = ["https://www.example.org/thanks"]\n')
    found = tried(run, "--data", "email=a@example.org&next=https://www.example.org/thanks&_token=1&Town=Bath&tag=x")
    assert found["browser"] == "is led to https://www.example.org/thanks"
    assert (found["not_kept"], found["attributes"], found["tags"]) == (["_token"], {"Town": "Bath"}, ["x"])
    shown = run("form", "test", "newsletter", "--data", "email=a@example.org&Town=Bath&utm_source=x").stdout
    assert 'also kept  Town="Bath"' in shown
    assert 'campaign   utm_source="x"' in shown


def test_what_the_visitor_would_be_told_is_told(run: Run, published: Path) -> None:
    assert published
    said = sentence(run("form", "test", "newsletter", "--data", "email=rea"), 1)
    assert said.startswith("The visitor would be told: This e-mail address cannot be used.")
    assert sentence(run("form", "test", "newsletter", "sequencer.toml", "--data", "a=b"), 2) == (
        "give a file or --data, not both."
    )


def test_a_trial_changes_nothing(run: Run, published: Path) -> None:
    def rows() -> list[str]:
        with sqlite3.connect(published / "test.db") as db:
            return [line for line in db.iterdump() if "INSERT" in line]

    before = rows()
    for row in presets.ALL:
        tried(run, "--as", row.name)
    assert rows() == before


# The document


def test_the_table_of_providers_is_printed_from_the_rows() -> None:
    page = (DOCS / "forms.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- providers -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
    assert found is not None
    assert found[1] == snippets.table(presets.ROWS)
