"""Is a Markdown article read block by block, and its addresses kept where they are used?"""

from articles import DRAWING

from sequencer.content.article import marked, shape, source, themes


def test_blocks_stand_in_the_lesson_as_they_stand_in_the_file() -> None:
    paragraphs, found = themes.settle(source.read(DRAWING.read_bytes(), DRAWING.name))
    text = DRAWING.read_text(encoding="utf-8")
    for theme in found[:-2]:
        assert all(one.markdown in text for one in theme.text)
    assert [one.dropped for one in paragraphs if one.dropped] == [
        "front matter; see course.toml",
        "addresses, put where they are used",
    ]


def test_an_address_at_the_end_of_the_file_comes_along() -> None:
    _, found = themes.settle(source.read(DRAWING.read_bytes(), DRAWING.name))
    assert "See [my list of papers][papers]" in shape.body(found[-2])
    assert shape.body(found[-2]).endswith("\n[papers]: <https://example.org/papers>")
    assert "[papers]:" not in shape.body(found[-1])


def test_a_heading_may_be_underlined_and_marks_in_it_are_read() -> None:
    article = marked.read("The *first* `thing`\n-------\n\nWords.\n\n## Second {{ x }}\n\nWords.\n")
    assert [one.heading for one in themes.settle(article)[1]] == ["The first thing", "Second {{ x }}"]


def test_what_lessons_cannot_show_is_dropped_with_its_reason() -> None:
    article = marked.read("## One\n\n<!-- note -->\n\n***\n\n##\n\n<p>HTML <b>too</b></p>\n")
    assert [(one.markdown, one.dropped) for one in article.paragraphs[1:]] == [
        ("", "HTML that shows nothing"),
        ("---", "a line across the page"),
        ("", "a heading without words"),
        ("HTML **too**", ""),
    ]


def test_front_matter_that_is_none_is_text() -> None:
    article = marked.read("---\nnot: [yaml\n---\n\n## One\n\nWords.\n")
    assert article.title == ""
    assert [one.heading for one in themes.settle(article)[1]][-1] == "One"
