"""Are headings found that a scraper has glued to the next sentence, and names like YouTube left whole?"""

import pytest
from articles import BEES, BREAD, DRAWING, THEMES
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content import convert
from sequencer.content.article import glue, prose, source, themes

STYLES = {
    "title": ["The Story of GitHub", "Sleep and the Brain", "Why Do We Dream?", "Top 10 Habits (and Why They Matter)",
              "The Role of Rest", "Conclusion", "Rest in Numbers", "A Word on YouTube", "Life vs. Work", "Better Days"],
    "sentence": ["How long it takes", "When to stop", "What nobody tells you", "Lessons from a hard winter",
                 "The case for doing less", "Where it all began", "Why we forget names", "Conclusion"],
    "capitals": ["THE BEGINNING", "HOW IT WORKS", "WHAT REMAINS", "A LAST WORD"],
    "numbers": ["1. Begin Early", "2. Drink Less Coffee", "3. Keep a Diary", "4. Walk Every Day"],
    "questions": ["What is a habit?", "How long does it take?", "Can it be undone?", "Who should try it?"],
}  # fmt: skip


def bodies() -> list[str]:
    """Running text by us, a paragraph each, with no heading in it."""
    found = []
    for path in (BEES, DRAWING):
        article = source.read(path.read_bytes(), path.name)
        found += [convert.words(one.markdown) for one in article.paragraphs if not one.level and not one.dropped]
    return [one for one in found if len(one.split()) > 25 and one[-1] == "." and one[0].isupper() and one[1] != " "]


BODIES = bodies()


def headings_in(text: str) -> list[str]:
    return [one.heading for one in themes.settle(prose.read(text))[1]]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(STYLES)), st.randoms(use_true_random=False), st.sampled_from([" ", "\n", ""]))
def test_glued_headings_of_every_style_are_found_and_none_is_invented(style: str, chance: object, between: str) -> None:
    heads, texts = list(STYLES[style]), list(BODIES)
    chance.shuffle(heads)  # type: ignore[attr-defined]
    chance.shuffle(texts)  # type: ignore[attr-defined]
    glued = between.join(head + body for head, body in zip(heads, texts, strict=False))
    assert headings_in(f"A Page of Its Own\nBy Ann Author\n{texts[-1]}{between}{glued}") == [
        "A Page of Its Own",
        *heads,
    ]


def test_the_article_with_fourteen_glued_headings_has_no_others() -> None:
    lines = BREAD.read_text(encoding="utf-8").split("\n")
    assert [lines[one.line][one.begin : one.end] for one in glue.find(lines)] == THEMES[BREAD][1:]


@pytest.mark.parametrize(
    "text",
    [
        "She posts on YouTube and LinkedIn every day, and JavaScript is what she writes.",
        "Microsoft PowerPoint is older than that. OpenAI is younger. PayPal came between the two of them.",
        "Professor Jane DeLong and Alasdair MacIntyre met Ronald McDonald there. Nobody took any notes.",
        "Vitamin B12 helps. The PhD took years, macOS Ventura came, and an iPhone rang in the middle of it all.",
        "At 3pm the mRNA vaccine arrived from BioNTech. It had been kept on ice since the morning.",
        "He said so.He left.Then she came home again, and nobody spoke a word for the rest of it.",
        "The FooBar makes noise. Our FooBar is old, and each FooBar before it was older, as far as I know.",
        "She asked him:Why now? He did not know. It was late, and the last bus had gone an hour ago.",
    ],
)
def test_prose_has_no_headings(text: str) -> None:
    assert glue.find([text]) == ()


def test_items_of_a_list_that_were_glued_together_are_no_headings() -> None:
    text = (
        "Three things help:More Sleep At NightLess Coffee After LunchWhy It WorksThe body likes its habits. "
        "What It CostsThe answer is nothing but patience. How to Keep It UpTell a friend about it."
    )
    assert [text[one.begin : one.end] for one in glue.find([text])] == [
        "Why It Works",
        "What It Costs",
        "How to Keep It Up",
    ]


def test_a_heading_right_behind_another_one_is_below_it() -> None:
    text = (
        "So it was. Chapter One Begins HereThe First Small StepThe road is long, and it begins at home. "
        "The Second StepThe next one is easier. The Third and Last StepThe last is behind you."
    )
    assert [(text[one.begin : one.end], one.level) for one in glue.find([text])] == [
        ("Chapter One Begins Here", 2),
        ("The First Small Step", 3),
        ("The Second Step", 2),
        ("The Third and Last Step", 2),
    ]


def test_a_heading_behind_words_without_a_full_stop_is_believed_in_company() -> None:
    company = "The Second Small ThingIt is here. The Third Small ThingIt is there. The Fourth Small ThingIt is gone. "
    text = company + "we like what is easy and cheap The Role of Plain HabitWhen we act, we follow it."
    assert [text[one.begin : one.end] for one in glue.find([text])][-1] == "The Role of Plain Habit"
    assert glue.find([text.removeprefix(company)]) == ()


def test_a_quotation_or_a_number_may_follow_a_heading() -> None:
    text = (
        "It ended. What Children Say“We want to go home,” they said. The Trouble in Numbers7 out of ten said so. "
        'What Parents Say"We know it well," they said. What the Teachers ThinkI asked one of them.'
    )
    found = [text[one.begin : one.end] for one in glue.find([text])]
    assert found == ["What Children Say", "The Trouble in Numbers", "What Parents Say", "What the Teachers Think"]


def test_an_acronym_may_end_a_heading_where_a_sentence_begins_behind_it() -> None:
    text = (
        "It ended. The Role of DNAThe cell reads it. What Is New in REMWhen we dream, it is long. "
        "The End of ITAll is well."
    )
    found = [text[one.begin : one.end] for one in glue.find([text])]
    assert found == ["The Role of DNA", "What Is New in REM", "The End of IT"]


PROSE = "This is a sentence of running text that is long enough to be taken for nothing else but that."


@pytest.mark.parametrize(
    "text",
    [
        f"A Title\n\nFirst Part\n\n{PROSE}\n\nSecond Part\n\n{PROSE}\n",
        f"A Title\nFirst Part\n{PROSE}\nSecond Part\n{PROSE}\n",
        f"A TITLE\n\nFIRST PART\n{PROSE}\n\nSECOND PART\n{PROSE}\n",
        f"A title\n\n1. First part\n\n{PROSE}\n\n2. Second part\n\n{PROSE}\n",
        f"A title\n\nFirst part\n\n{PROSE[:50]}\n{PROSE[51:]}\n\nSecond part\n{PROSE[:50]}\n{PROSE[51:]}\n",
    ],
)
def test_lines_that_look_like_headings_are_headings(text: str) -> None:
    _, (first, second) = themes.settle(prose.read(text))
    assert first.heading.lower().endswith("first part")
    assert second.heading.lower().endswith("second part")


def test_short_lines_behind_a_colon_are_a_list_and_no_headings() -> None:
    text = f"The Title\n{PROSE}\nIt has three parts:\nThe First Thing\nThe Second Thing\nThe Third Thing\n{PROSE}\n"
    assert headings_in(text) == ["The Title"]


def test_lists_stay_lists() -> None:
    text = f"One Thing\n\n{PROSE}\n\n• first\n• second\n\nAnother Thing\n\n1) one\n2) two\n\n{PROSE}\n"
    _, (one, other) = themes.settle(prose.read(text))
    assert one.text[1].markdown == "- first\n- second"
    assert other.text[0].markdown == "1. one\n2. two"


def test_what_stands_around_a_scraped_article_is_dropped_with_its_reason() -> None:
    paragraphs = source.read(BREAD.read_bytes(), BREAD.name).paragraphs
    assert {one.raw: one.dropped for one in paragraphs if one.dropped} == {
        "Slow Bread: A Beginner's Way to Better Loaves | The Corner Kitchen": "the title; see course.toml",
        "The Corner Kitchen": "above the article",
        "Home": "navigation",
        "Recipes": "above the article",
        "Slow Bread: A Beginner's Way to Better Loaves": "the title, once more",
        "Subscribe to our newsletter": "an invitation to subscribe",
        "Share on Facebook": "buttons to share",
        "Marta Quill": "the author's line",
        "12 March 2026": "a date",
        "Related posts": "below the article",
        "Soup From Nothing at All": "below the article",
        "Eleven Ways to Use a Lemon": "below the article",
        "© 2026 The Corner Kitchen": "below the article",
    }
