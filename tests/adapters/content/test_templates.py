"""Are templates found, the author's own before ours, and is a broken one named?"""

from pathlib import Path

import pytest

from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.errors import BadContent, NotFound

MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>[[ word ]]</mj-text></mj-column></mj-section></mj-body></mjml>"


def own(folder: Path, **files: str) -> Templates:
    """Templates of one's own; a file's name has "_" for the slash and "0" for the dot."""
    for name, content in files.items():
        path = folder / name.replace("_", "/", 1).replace("0", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return Templates(folder)


def test_a_template_of_ones_own_goes_before_the_shipped_one(tmp_path: Path) -> None:
    templates = own(tmp_path, mail_lesson0txt="Mine: [[ word ]]")
    assert templates.mail_text("lesson.txt", {"word": "yes"}) == "Mine: yes"


def test_what_ones_own_folder_lacks_is_taken_from_the_shipped_ones(tmp_path: Path) -> None:
    assert own(tmp_path).asset("site.css") == (shipped("templates") / "web/site.css").read_bytes()


def test_a_stylesheet_of_ones_own_goes_before_the_shipped_one(tmp_path: Path) -> None:
    assert own(tmp_path, web_site0css="body {}").asset("site.css") == b"body {}"


@pytest.mark.parametrize("name", ["nothing.css", "base.html", "", "../web/base.html"])
def test_only_stylesheets_are_handed_out(name: str) -> None:
    with pytest.raises(NotFound):
        Templates().asset(name)


def test_values_are_escaped_in_html_and_plain_in_text(tmp_path: Path) -> None:
    templates = own(tmp_path, mail_a0mjml=MJML, mail_a0txt="[[ word ]]", web_a0html="{{ word }}")
    word = '<b>"R&D"</b>'
    assert "&lt;b&gt;&#34;R&amp;D&#34;&lt;/b&gt;" in templates.mail_html("a.mjml", {"word": word})
    assert templates.mail_text("a.txt", {"word": word}) == word
    assert templates.page("a.html", {"word": word}) == "&lt;b&gt;&#34;R&amp;D&#34;&lt;/b&gt;"


def test_the_persons_marks_are_still_open_after_the_first_filling(tmp_path: Path) -> None:
    templates = own(tmp_path, mail_a0mjml=MJML.replace("[[ word ]]", "{% if x %}{{ x }}{% endif %}"))
    assert "{% if x %}{{ x }}{% endif %}" in templates.mail_html("a.mjml", {})


@pytest.mark.parametrize(
    ("mjml", "sentence"),
    [
        ("<mjml><mj-body><mj-section></mj-body></mjml>", "templates/mail/a.mjml: this is not valid MJML: "),
        ("<mjml><mj-body>a < b</mj-body></mjml>", "templates/mail/a.mjml: this is not valid MJML: "),
        ("words alone", "templates/mail/a.mjml: this is not valid MJML: "),
        ("", "templates/mail/a.mjml: this is not valid MJML: "),
        ("<mjml>\n[% if %]\n</mjml>", "templates/mail/a.mjml:2: "),
        ("<mjml>\n\n[[ word | shuot ]]</mjml>", "templates/mail/a.mjml:3: No filter named 'shuot'."),
        ("<mjml>[[ wrod ]]</mjml>", "templates/mail/a.mjml: 'wrod' is undefined."),
        ("<mjml>[[ word + 1 ]]</mjml>", "templates/mail/a.mjml: can only concatenate str"),
        ("[% include 'mail/none.mjml' %]", "templates/mail/none.mjml: there is no such template."),
    ],
)
def test_a_broken_mail_template_is_named(tmp_path: Path, mjml: str, sentence: str) -> None:
    with pytest.raises(BadContent) as caught:
        own(tmp_path, mail_a0mjml=mjml).mail_html("a.mjml", {"word": "yes"})
    assert str(caught.value).startswith(sentence)


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(BadContent, match=r"^templates/mail/none.mjml: there is no such template.$"):
        Templates().mail_html("none.mjml", {})


def test_a_mistake_in_a_part_is_told_of_that_part(tmp_path: Path) -> None:
    templates = own(tmp_path, mail_a0mjml="[% include 'mail/b.mjml' %]", mail_b0mjml="\n[% endif %]")
    with pytest.raises(BadContent, match=r"^templates/mail/b.mjml:2: "):
        templates.mail_html("a.mjml", {})


def test_a_preheader_is_hidden_but_not_as_white_on_white(tmp_path: Path) -> None:
    mail = MJML.replace("<mj-body>", "<mj-head><mj-preview>First words.</mj-preview></mj-head><mj-body>")
    html = own(tmp_path, mail_lesson0mjml=mail).mail_html("lesson.mjml", {"word": "yes"})
    style, _, words = html.partition("<body")[2].partition('<div style="')[2].partition('">')
    assert words.startswith("First words.</div>")
    assert "display:none" in style
    assert "color:" not in style
