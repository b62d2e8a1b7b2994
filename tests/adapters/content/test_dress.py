"""Does each thing that Markdown can say become HTML that mail programs stand, and plain text that says the same?"""

from dataclasses import replace
from pathlib import Path

import pytest
from house import small_course, small_lesson

from sequencer.content import markdown, themes
from sequencer.content.markdown import Address
from sequencer.content.render import Mail, compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.errors import BadContent

STYLES = themes.styles(Templates().theme("paper"), start="left")


def mail(body: str, **course: object) -> Mail:
    made = replace(small_course(**course), lessons=(small_lesson(1, body=body), small_lesson(2)))
    return compile_lesson(made, 0, templates=Templates(), postal_address="1 Street").fill(sample_person())


def html(source: str) -> str:
    (block,) = markdown.blocks(source, STYLES)
    return block.html


def text(source: str) -> str:
    (block,) = markdown.blocks(source)
    return block.text


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        ("> a\n", "blockquote"),
        ("| a |\n|---|\n| b |\n", "table"),
        ("| a |\n|---|\n| b |\n", "td"),
        ("a\n\n---\n", "hr"),
        ("```\na\n```\n", "pre"),
        ("    a\n", "pre"),
        ("`a`\n", "code"),
    ],
)
def test_what_a_stylesheet_would_say_stands_on_the_tag(source: str, tag: str) -> None:
    assert f'<{tag} style="{STYLES[tag]}"' in html(source)


def test_a_column_keeps_the_side_that_its_author_chose() -> None:
    cell = html("| a |\n|--:|\n| b |\n").partition("<td")[2].partition(">")[0]
    assert cell.endswith(';text-align:right"')


def test_an_image_alone_is_as_wide_as_the_words_and_its_title_is_its_caption() -> None:
    source = '![a < b](https://example.org/a.png "One & two")\n'
    assert 'alt="a &lt; b" width="544" style="display:block;' in html(source)
    assert ">One &amp; two</span></p>" in html(source)
    assert "title=" not in html(source)
    assert text(source) == "[a < b]\nOne & two"


def test_an_image_among_words_stays_among_them() -> None:
    assert 'style="max-width:100%;height:auto;border:0"' in html("see ![it](https://example.org/a.png) here\n")
    assert "width=" not in html("see ![it](https://example.org/a.png) here\n")


def test_a_checklist_shows_boxes_in_place_of_bullets() -> None:
    source = "- [ ] open *this*\n- [x] done\n- [X] done too\n- plain [ ] not\n"
    assert [line.partition(">")[2] for line in html(source).split("\n")[1:5]] == [
        "☐ open <em>this</em></li>",
        "☑ done</li>",
        "☑ done too</li>",
        "plain [ ] not</li>",
    ]
    assert html(source).count("list-style:none") == 3
    assert text(source) == "- [ ] open _this_\n- [x] done\n- [X] done too\n- plain [ ] not"


def test_code_is_shown_as_it_was_written() -> None:
    assert "<code>if a &lt; b:\n    &quot;c&quot;\n</code></pre>" in html('```python\nif a < b:\n    "c"\n```\n')


@pytest.mark.parametrize("kind", ["tip", "note", "warning"])
def test_a_callout_has_its_name_or_its_own_title(kind: str) -> None:
    bare, titled = mail(f"::: {kind}\nWords.\n:::\n"), mail(f"::: {kind} Look *out*\nWords.\n:::\n")
    assert f">{kind.capitalize()}</div>" in bare.html
    assert ">Look *out*</div>" in titled.html
    assert f"{kind.capitalize()}:\n\n    Words." in bare.text
    assert f"{kind.capitalize()}: Look *out*\n\n    Words." in titled.text


def test_progress_is_where_the_lesson_stands_in_the_course() -> None:
    shown = mail("You are at {{ course.progress }}.\n")
    assert "You are at 1 of 2." in shown.text
    assert "You are at 1 of 2." in shown.html


def test_an_arabic_quotation_has_its_line_on_the_right() -> None:
    assert "border-right:3px" in mail("> a\n", language="ar").html


def test_links_and_images_are_told_with_their_lines() -> None:
    source = "[a *b*](https://example.org)\nthen ![c](d.png)\n\n- <https://example.org/x>\n"
    assert markdown.addresses(source, 7) == (
        Address(is_image=False, to="https://example.org", words="a b", line=7),
        Address(is_image=True, to="d.png", words="c", line=8),
        Address(is_image=False, to="https://example.org/x", words="https://example.org/x", line=10),
    )


# Themes.


def theme_file(folder: Path, *changes: tuple[str, str], name: str = "mine") -> Templates:
    """A folder of one's own with a theme like paper but for the changes."""
    (folder / "themes").mkdir()
    words = Templates().themes()["paper"].read_text(encoding="utf-8")
    for old, new in changes:
        assert old in words
        words = words.replace(old, new)
    (folder / "themes" / f"{name}.toml").write_text(words, encoding="utf-8")
    return Templates(folder)


def test_a_theme_of_ones_own_colours_the_shipped_templates(tmp_path: Path) -> None:
    templates = theme_file(tmp_path, ("#24478f", "#7a0000"))
    course = replace(small_course(), theme="mine")
    html = compile_lesson(course, 0, templates=templates, postal_address="1 Street").fill(sample_person()).html
    assert "#7a0000" in html
    assert "#24478f" not in html


def test_ones_own_theme_goes_before_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    assert theme_file(tmp_path, ("#24478f", "#7a0000"), name="paper").theme("paper").light["accent"] == "#7a0000"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[fonts]", "[fonts", "this is not valid TOML"),
        ('soft = "#566176"', 'sofd = "#566176"', "[light] knows these keys: paper, ink, soft,"),
        ('soft = "#566176"', 'soft = "grey"', '"soft" in [light] is \'grey\'; write "#1b2433".'),
        ('title = "36px"', 'title = "36px;}"', '"title" in [sizes] is \'36px;}\'; write a text like "18px".'),
        ('title = "36px"', "title = 36", '"title" in [sizes] is 36; write a text like "18px".'),
        ("[fonts]", "[letters]", '"letters" is not known here; known are description, fonts, sizes, light, dark.'),
    ],
)
def test_a_wrong_theme_is_named_with_what_would_be_right(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(BadContent) as caught:
        theme_file(tmp_path, (old, new)).theme("mine")
    assert str(caught.value).startswith(f"{tmp_path}/themes/mine.toml: ")
    assert sentence in str(caught.value)


def test_what_a_theme_does_not_say_is_as_in_the_usual_one(tmp_path: Path) -> None:
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "red.toml").write_text('[light]\naccent = "#7a0000"\n', encoding="utf-8")
    theme, paper = Templates(tmp_path).theme("red"), Templates().theme("paper")
    assert (theme.light["accent"], theme.dark, theme.fonts) == ("#7a0000", paper.dark, paper.fonts)


def test_a_theme_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BadContent, match=r'small/course.toml: the theme "x" is not known; there are paper, plain\.'):
        compile_lesson(replace(small_course(), theme="x"), 0, templates=Templates(), postal_address="1 Street")
