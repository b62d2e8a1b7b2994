"""Is a page's article found, told from what stands around it, and said in Markdown?"""

import pytest
from articles import BEES

from sequencer.content.article import page, source, themes
from sequencer.content.article.parts import Paragraph

WORDS = "Enough words to be an article, which is more than a line or two of them, and less than a book."


def kept(html: str) -> list[tuple[int, str]]:
    return [(one.level, one.markdown) for one in page.read(html).paragraphs if not one.dropped]


def dropped(paragraphs: tuple[Paragraph, ...]) -> list[tuple[str, str]]:
    return [(" ".join(one.raw.split())[:28], one.dropped) for one in paragraphs if one.dropped]


def test_what_stands_around_the_article_is_dropped_with_its_reason() -> None:
    assert dropped(source.read(BEES.read_bytes(), BEES.name).paragraphs) == [
        ("Skip to content", "navigation"),
        ("We use cookies to remember w", "a dialogue"),
        ("The Slow City Home Notes Sho", "outside the article"),
        ("By Ida Marlow on 4 May 2026", "about the author"),
        ("One letter a month Join two ", "beside the article"),
        ("Share this: Mail Print", "buttons to share"),
        ("Filed under Roofs. Written b", "the page's foot"),
        ("You may also like Compost in", "related posts"),
        ("About this place Notes on li", "beside the article"),
        ("© 2026 The Slow City. All ri", "the page's foot"),
    ]


def test_lists_tables_quotations_pictures_and_links_become_markdown() -> None:
    _, found = themes.settle(source.read(BEES.read_bytes(), BEES.name))
    text = "\n\n".join(one.markdown for theme in found for one in theme.text)
    assert "- being stung while they hang out the washing,\n- a swarm in the chimney,\n" in text
    assert "1. Wait until two thirds of the cells are closed with wax; before that, honey ferments.\n2. Leave" in text
    assert "| Season | The bees | You |\n| --- | --- | --- |\n| Early spring | clean the house, fetch pollen |" in text
    assert "> Put the hive where you would like to drink your coffee." in text
    assert "![Limes in flower along an avenue](https://slowcity.example/media/limes.jpg)" in text
    assert "[keep\na record of the weights](https://slowcity.example/notes/feeding/)" in text
    assert "is *mixed*: no two jars" in text


def test_an_address_that_no_mail_could_follow_leaves_its_words() -> None:
    html = '<h2>One</h2><p>See <a href="/there">there</a>, <a href="javascript:x()">here</a> and <img src="a.png">.</p>'
    assert kept(html)[1] == (0, "See there, here and .")


def test_a_page_without_paragraph_tags_is_read_by_its_line_breaks() -> None:
    html = f"<body><h2>One</h2>{WORDS}<br><br>More <b>words</b>.<br>And more.<h2>Two</h2>{WORDS}</body>"
    assert [text for _, text in kept(html)] == ["One", WORDS, "More **words**.\\\nAnd more.", "Two", WORDS]


def test_unclosed_tags_are_read_as_browsers_read_them() -> None:
    assert kept(f"<h2>One</h2><p>{WORDS}<p>Second<ul><li>a<li>b</ul>") == [
        (2, "One"), (0, WORDS), (0, "Second"), (0, "- a\n- b"),
    ]  # fmt: skip


def test_a_name_that_speaks_about_the_whole_page_drops_nothing() -> None:
    html = f'<body class="newsletter"><div class="sidebar-layout"><h2>One</h2><p>{WORDS}</p><p>{WORDS}</p></div></body>'
    assert [level for level, _ in kept(html)] == [2, 0, 0]


def test_without_a_main_element_the_article_is_where_the_prose_is() -> None:
    html = (
        f"<body><div><p>A motto.</p></div><div><div><h2>One</h2><p>{WORDS}</p><h2>Two</h2><p>{WORDS}</p></div></div>"
        "<div><p>Made with care.</p></div></body>"
    )
    assert [text for level, text in kept(html) if level] == ["One", "Two"]
    assert dropped(page.read(html).paragraphs) == [
        ("A motto.", "outside the article"),
        ("Made with care.", "outside the article"),
    ]


@pytest.mark.parametrize(
    ("head", "title", "author"),
    [
        ("<title>A Page | The Site</title>", "A Page | The Site", ""),
        ('<meta property="og:title" content="The Page">', "The Page", ""),
        ('<script type="application/ld+json">{"author": [{"name": "Ann"}]}</script>', "", "Ann"),
        ('<script type="application/ld+json">{"author": </script>', "", ""),
        ('<meta name="author" content="https://example.org/ann">', "", ""),
    ],
)
def test_title_and_author_are_where_pages_keep_them(head: str, title: str, author: str) -> None:
    article = page.read(f"<head>{head}</head><body><p>{WORDS}</p></body>")
    assert (article.title, article.author) == (title, author)


def test_jinja_and_boxes_in_an_article_are_words() -> None:
    assert kept("<h2>One</h2><p>Write {{ name }} here.</p><p>::: exercise</p>")[1:] == [
        (0, "Write {{ '{{' }} name }} here."),
        (0, "\\::: exercise"),
    ]
