"""Is every paragraph of an article found once, in order, below the heading that it belongs to?"""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from articles import BEES, BREAD, DRAWING, THEMES
from hypothesis import given
from hypothesis import strategies as st

from sequencer.content import convert
from sequencer.content.article import marked, page, prose, shape, source, themes
from sequencer.content.article.parts import Article, Paragraph, Theme
from sequencer.errors import BadContent, BadRequest


def read(path: Path) -> Article:
    return source.read(path.read_bytes(), path.name)


def even(text: str) -> str:
    return "".join(text.split())


def every_paragraph_has_one_place(article: Article) -> None:
    """The lessons' paragraphs and the dropped ones are the article's, in order."""
    paragraphs, found = themes.settle(article)
    assert [one.raw for one in paragraphs] == [one.raw for one in article.paragraphs]
    placed: list[Paragraph] = []
    for theme in found:
        placed += [one for one in paragraphs[len(placed) : theme.begin] if one.dropped]
        assert len(placed) == theme.begin
        placed += paragraphs[theme.begin : theme.end]
        kept = [one for one in paragraphs[theme.begin : theme.end] if not one.dropped]
        assert kept[1 if paragraphs[theme.begin].level else 0 :] == list(theme.text)
    placed += [one for one in paragraphs[len(placed) :] if one.dropped]
    assert placed == list(paragraphs)


@pytest.mark.parametrize("path", [BEES, DRAWING, BREAD], ids=lambda path: path.name)
def test_each_theme_is_found_in_order_and_none_is_invented(path: Path) -> None:
    article = read(path)
    _, found = themes.settle(article)
    assert [one.heading for one in found] == THEMES[path]
    assert sum(one.words for one in found) > 1_200
    every_paragraph_has_one_place(article)


@pytest.mark.parametrize("path", [DRAWING, BREAD], ids=lambda path: path.name)
def test_the_paragraphs_together_are_the_source(path: Path) -> None:
    assert even("".join(one.raw for one in read(path).paragraphs)) == even(path.read_text(encoding="utf-8"))


def test_what_an_article_says_about_itself_is_known() -> None:
    bees, drawing, bread = read(BEES), read(DRAWING), read(BREAD)
    assert (bees.title, bees.author, bees.brand) == ("Bees on the Roof", "Ida Marlow", "The Slow City")
    assert (bees.language, bees.site) == ("en-GB", "https://slowcity.example")
    assert (drawing.title, drawing.author) == ("Drawing for people who cannot draw", "Tom Aldous")
    assert (bread.title, bread.author) == ("Slow Bread: A Beginner's Way to Better Loaves", "Marta Quill")


_PIECES = st.sampled_from(
    ["The Role of Sleep", "When we sleep, we do not do nothing at all.", "Conclusion", "\n", "\n\n", " ", ". ",
     "## ", "A ", "* one", "- two", "1. Three", "How long?", "Why it matters", "SHOUTED WORDS",
     "Share this", ": ", "YouTube", "<p>", "</p>", "<h2>", "</h2>", "<div class='related'>", "</div>",
     "---", "===", "> ", "```", "[a]: b", "\t", "É", "日本", "“So,” he said."]
)  # fmt: skip
_TEXTS = st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=40).map("".join))


@given(_TEXTS)
def test_any_plain_text_is_used_once_and_in_order(text: str) -> None:
    article = prose.read(text)
    assert even("".join(one.raw for one in article.paragraphs)) == even(text)
    with suppress(BadRequest):  # no headings, or none with text below it
        every_paragraph_has_one_place(article)


@given(_TEXTS)
def test_any_markdown_is_used_once_and_in_order(text: str) -> None:
    text = re.sub(r"[\x00\r\u2028\u2029\x0b\x0c\x85]", "", text)
    article = marked.read(text)
    assert even("".join(one.raw for one in article.paragraphs)) == even(text)


@given(_TEXTS)
def test_any_html_is_used_once_and_in_order(text: str) -> None:
    article = page.read(f"<html><body><h2>One</h2><p>Words.</p>{text}</body></html>")
    seen = page.LexborHTMLParser(f"<html><body><h2>One</h2><p>Words.</p>{text}</body></html>")
    for node in seen.css("script,style,noscript,template,link,meta"):
        node.decompose()
    assert seen.body is not None
    assert even("".join(one.raw for one in article.paragraphs)) == even(seen.body.text(deep=True))


def of(*paragraphs: tuple[int, str]) -> tuple[tuple[Paragraph, ...], tuple[Theme, ...]]:
    made = tuple(Paragraph(raw=text, markdown=text, level=level) for level, text in paragraphs)
    return themes.settle(Article(title="The title", paragraphs=made))


def test_the_highest_level_with_more_than_one_heading_makes_the_themes() -> None:
    _, found = of((1, "Title"), (2, "One"), (0, "a b"), (3, "Inner"), (0, "c"), (2, "Two"), (0, "d"))
    assert [(one.heading, one.words) for one in found] == [("One", 3), ("Two", 1)]
    assert shape.body(found[0]) == "a b\n\n## Inner\n\nc"


def test_text_before_the_first_heading_is_a_theme_under_the_title() -> None:
    _, found = of((0, "Before."), (2, "One"), (0, "a"), (2, "Two"), (0, "b"))
    assert [one.heading for one in found] == ["The title", "One", "Two"]


def test_a_heading_with_nothing_below_it_is_named_and_dropped() -> None:
    paragraphs, found = of((2, "One"), (0, "a"), (2, "Empty"), (2, "Two"), (0, "b"))
    assert [one.heading for one in found] == ["One", "Two"]
    assert paragraphs[2].dropped == "a heading with nothing below it"


def test_themes_of_one_heading_have_ids_of_their_own() -> None:
    _, found = of((2, "Über die Brücke!"), (0, "a"), (2, "Über die Brücke?"), (0, "b"), (2, "日本"), (0, "c"))
    assert [one.key for one in found] == ["uber-die-brucke", "uber-die-brucke-2", "日本"]


def test_an_id_is_short_and_ends_with_a_word_that_says_something() -> None:
    assert themes.slug("Don’t Ask: Why the People Who Wait for the Perfect Moment Never Begin") == (
        "dont-ask-why-the-people-who-wait"
    )


def test_a_theme_is_joined_to_the_one_before_it_and_the_first_to_the_second() -> None:
    paragraphs, found = of((2, "One"), (0, "a"), (2, "Two"), (0, "b"), (2, "Three"), (0, "c"))
    joined = shape.join(found, "two", paragraphs)
    assert [(one.key, one.begin, one.end) for one in joined] == [("one", 0, 4), ("three", 4, 6)]
    assert shape.body(joined[0]) == "a\n\n## Two\n\nb"
    assert [one.key for one in shape.join(found, "one", paragraphs)] == ["one", "three"]
    with pytest.raises(BadRequest, match='no theme "four"; there is one, two, three'):
        shape.join(found, "four", paragraphs)


def test_a_theme_is_divided_in_front_of_its_own_headings() -> None:
    paragraphs, found = of(
        (2, "One"), (0, "a b c"), (3, "Inner"), (0, "d e f"), (3, "Last"), (0, "g"), (2, "Two"), (0, "h")
    )
    parts = shape.divide(found, "one", 1, paragraphs)
    assert [(one.key, one.heading) for one in parts] == [("one", "One"), ("inner", "Inner"), ("two", "Two")]
    assert shape.body(parts[1]) == "d e f\n\n## Last\n\ng"


def test_a_theme_without_headings_is_divided_between_paragraphs() -> None:
    paragraphs, found = of((2, "One"), (0, "a b"), (0, "c d"), (0, "e f"), (0, "g h"), (2, "Two"), (0, "i"))
    parts = shape.divide(found, "one", 1, paragraphs)
    assert [(one.key, one.heading, one.words) for one in parts[:2]] == [("one", "One", 4), ("one-2", "One (2)", 4)]
    with pytest.raises(BadRequest, match='"two" is one paragraph'):
        shape.divide(found, "two", 1, paragraphs)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "x: the file is empty."),
        (b" \n\n", "x: the file is empty."),
        (b"%PDF-1.7 \xe2\xe3", "x: this is a PDF; save the article as HTML, Markdown or plain text."),
        (b"PK\x03\x04\x14\x00", "x: this is a Word, OpenDocument or EPUB file; save the article as HTML, Markdown or"),
        (b"\x00\x01\x02\x03 words", "x: this is not text; save the article as HTML, Markdown or plain text."),
        (b"Caf\xe9 au lait", "x: this is not UTF-8 text; save the article as HTML, Markdown or plain text, in UTF-8."),
        (b"<meta charset='no-such'>caf\xe9", "x: this is not NO-SUCH text; save"),
        (b"<meta charset='hex'>caf\xe9", "x: this is not HEX text; save"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused_in_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(BadContent) as refused:
        source.read(content, "x")
    assert str(refused.value).startswith(sentence)


def test_a_page_that_is_nested_beyond_reason_is_refused_in_a_sentence() -> None:
    with pytest.raises(BadContent, match="nested too deeply"):
        source.read(b"<div>" * 3_000 + b"<h2>One</h2><p>Words.</p>", "x.html")


def test_an_encoding_is_known_by_its_mark_or_by_the_page() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert source.decode("Café\r\nau lait".encode(encoding), "x") == "Café\nau lait"
    assert source.decode(b"<meta charset=iso-8859-1><p>Caf\xe9</p>", "x").endswith("<p>Café</p>")


def test_a_folder_and_a_missing_file_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadContent, match="this is a folder; name one file"):
        source.load(tmp_path)
    with pytest.raises(BadContent, match=r"cannot be read \(No such file or directory\)"):
        source.load(tmp_path / "none.md")


def test_the_kind_of_a_source_is_found_out() -> None:
    assert source.read(b"<h2>One</h2><p>Words.</p>", "-").paragraphs[0].level == 2
    assert source.read(b"## One\n\nWords.\n\n## Two\n\nWords.\n", "-").paragraphs[0].level == 2
    assert source.read(b"# <b>One</b>\n\n<p>a</p><p>b</p><p>c</p>", "x.md").paragraphs[0].level == 1


@pytest.mark.parametrize("text", ["No headings are here, only words.", "<p>No headings are here.</p>"])
def test_a_source_without_headings_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadRequest, match="The source has no headings"):
        themes.settle(source.read(text.encode(), "-"))


@pytest.mark.parametrize(
    "words",
    ["2 * 3 * 4", "a_b _c_ d", "# no heading", "- no item", "1. no item", "{{ name }} {% if %} {# x #}", "::: box",
     "<b>bold</b>", "`code`", "[a](b) and [c][d]", "a\\b", "> no quotation", "--- rule"],
)  # fmt: skip
def test_plain_words_are_shown_as_they_are(words: str) -> None:
    assert convert.words(convert.escape(words)) == words
