"""Does an article become a course that stays right when the article, or the author, changes it?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from articles import BEES, BREAD, DRAWING, THEMES
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.content import built, courses
from sequencer.content.article import marked, source
from sequencer.content.exports import Mail
from sequencer.content.lint.findings import Level
from sequencer.content.templates import Templates
from sequencer.errors import BadRequest
from sequencer.flows import arrive, author
from sequencer.flows import lint as linter
from sequencer.flows.author import Choices, Report
from sequencer.flows.compare import State

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
ARTICLE = {
    "One thing": "The first thing is here.\n\nIt has a second paragraph.",
    "Another thing": "The other thing is there.",
    "A last thing": "The last thing is gone.",
}


def build(folder: Path, themes: Mapping[str, str], choices: Choices | None = None) -> Report:
    """Build the course of an article with these themes."""
    text = "# A Title\n\n" + "\n\n".join(f"## {heading}\n\n{body}" for heading, body in themes.items())
    return author.build(marked.read(text), folder / "course", choices or Choices(), source="article.md")


def states(report: Report) -> dict[str, State]:
    return {one.key: one.state for one in report.lessons}


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / "course").glob("*.md"))}


def errors(folder: Path) -> list[str]:
    """What `course lint` would refuse; its advice on style is the author's to take."""
    found = linter.lint(folder, Templates(None), postal_address="1 Example Street", now=NOW)
    return [one.sentence for one in found if one.level is Level.ERROR]


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "course").glob("*")}


def edit(folder: Path, name: str, before: str, after: str) -> None:
    path = folder / "course" / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize("path", [BEES, DRAWING, BREAD], ids=lambda path: path.name)
def test_an_article_becomes_a_course_that_can_be_sent(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "course"
    report = author.build(source.read(path.read_bytes(), path.name), folder, Choices(), source=path.name)
    course = courses.read(folder)
    assert [one.theme for one in course.lessons] == THEMES[path]
    assert [one.key for one in course.lessons] == [one.key for one in report.lessons]
    assert all(len(one.subject) <= 60 for one in course.lessons)
    assert errors(folder) == []
    assert [place.number for place in report.places] == list(range(1, len(report.places) + 1))
    assert all(bool(place.lesson) != bool(place.dropped) for place in report.places)


def test_lessons_are_numbered_and_a_second_build_touches_nothing(tmp_path: Path) -> None:
    report = build(tmp_path, ARTICLE)
    assert [one.file for one in report.lessons] == ["01-one-thing.md", "02-another-thing.md", "03-a-last-thing.md"]
    assert all(one.wrote and one.state is State.NEW for one in report.lessons)
    before = stamps(tmp_path)
    again = build(tmp_path, ARTICLE)
    assert set(states(again).values()) == {State.SAME}
    assert stamps(tmp_path) == before


def test_to_look_writes_nothing(tmp_path: Path) -> None:
    report = build(tmp_path, ARTICLE, Choices(write=False))
    assert not any(one.wrote for one in report.lessons)
    assert list(tmp_path.iterdir()) == []


def test_a_new_theme_becomes_a_lesson_in_its_place_and_the_others_stay(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    before = stamps(tmp_path)
    items = list(ARTICLE.items())
    build(tmp_path, dict([*items[:1], ("In between", "New words."), *items[1:], ("At the end", "More words.")]))
    course = courses.read(tmp_path / "course")
    assert [one.key for one in course.lessons] == [
        "one-thing",
        "in-between",
        "another-thing",
        "a-last-thing",
        "at-the-end",
    ]
    assert list(files(tmp_path))[1] == "01a-in-between.md"
    assert {name: stamp for name, stamp in stamps(tmp_path).items() if name in before and name != built.FILE} == {
        name: stamp for name, stamp in before.items() if name != built.FILE
    }


def test_a_changed_theme_is_shown_and_written_only_when_asked(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    changed = {**ARTICLE, "Another thing": "The other thing is elsewhere."}
    report = build(tmp_path, changed)
    (one,) = [one for one in report.lessons if one.state is State.CHANGED]
    assert "-The other thing is there." in one.theirs
    assert "+The other thing is elsewhere." in one.theirs
    assert one.yours == ""
    assert "is there." in files(tmp_path)["02-another-thing.md"]
    assert states(build(tmp_path, changed))["another-thing"] is State.CHANGED
    build(tmp_path, changed, Choices(update=True))
    assert "is elsewhere." in files(tmp_path)["02-another-thing.md"]
    assert set(states(build(tmp_path, changed)).values()) == {State.SAME}


def test_an_edit_by_hand_stays_as_long_as_the_source_stays(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    edit(tmp_path, "01-one-thing.md", 'subject: "One thing"', 'subject: "Something better"')
    report = build(tmp_path, ARTICLE, Choices(update=True))
    assert states(report)["one-thing"] is State.EDITED
    assert "Something better" in files(tmp_path)["01-one-thing.md"]


def test_edits_on_both_sides_in_different_places_are_put_together_when_asked(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    edit(tmp_path, "01-one-thing.md", 'subject: "One thing"', 'subject: "Something better"')
    changed = {**ARTICLE, "One thing": "The first thing is here.\n\nIt has another paragraph."}
    report = build(tmp_path, changed)
    (one,) = [one for one in report.lessons if one.key == "one-thing"]
    assert (one.state, one.wrote) == (State.BOTH, False)
    assert '+subject: "Something better"' in one.yours
    assert "+It has another paragraph." in one.theirs
    build(tmp_path, changed, Choices(update=True))
    text = files(tmp_path)["01-one-thing.md"]
    assert "Something better" in text
    assert "another paragraph" in text
    assert states(build(tmp_path, changed))["one-thing"] is State.EDITED


def test_a_subject_and_a_preheader_of_the_authors_own_stay_when_the_source_proposes_others(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    edit(tmp_path, "02-another-thing.md", 'preheader: "The other thing is there."', 'preheader: "Mine."\ngap: 2 days')
    build(tmp_path, {**ARTICLE, "Another thing": "The other thing is elsewhere."}, Choices(update=True))
    text = files(tmp_path)["02-another-thing.md"]
    assert 'preheader: "Mine."\ngap: 2 days\n' in text
    assert text.endswith("\nThe other thing is elsewhere.\n")


def test_edits_of_one_place_are_shown_and_never_overwritten_unasked(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    edit(tmp_path, "02-another-thing.md", "is there.", "is mine.")
    changed = {**ARTICLE, "Another thing": "The other thing is elsewhere."}
    for choices in (Choices(), Choices(update=True)):
        (one,) = [one for one in build(tmp_path, changed, choices).lessons if one.key == "another-thing"]
        assert (one.state, one.wrote) == (State.CLASH, False)
        assert "+The other thing is mine." in one.yours
        assert "+The other thing is elsewhere." in one.theirs
        assert "is mine." in files(tmp_path)["02-another-thing.md"]


def test_a_clash_is_settled_by_keeping_or_by_taking(tmp_path: Path) -> None:
    changed = {**ARTICLE, "Another thing": "The other thing is elsewhere."}
    for number, (choices, kept) in enumerate(
        ((Choices(keep=("another-thing",)), "is mine."), (Choices(take=("another-thing",)), "is elsewhere."))
    ):
        folder = tmp_path / str(number)
        build(folder, ARTICLE)
        edit(folder, "02-another-thing.md", "is there.", "is mine.")
        build(folder, changed, choices)
        assert kept in files(folder)["02-another-thing.md"]
        assert states(build(folder, changed))["another-thing"] in (State.EDITED, State.SAME)


def test_a_theme_under_a_new_heading_keeps_its_id(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    renamed = {"One thing": ARTICLE["One thing"], "The other one": ARTICLE["Another thing"], "A last thing": "Gone."}
    report = build(tmp_path, renamed, Choices(update=True))
    assert [one.key for one in report.lessons] == ["one-thing", "another-thing", "a-last-thing"]
    assert 'theme: "The other one"' in files(tmp_path)["02-another-thing.md"]
    assert report.gone == ()


def test_a_theme_that_is_gone_is_named_and_its_file_stays(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    left = {heading: body for heading, body in ARTICLE.items() if heading != "Another thing"}
    report = build(tmp_path, left, Choices(update=True))
    assert report.gone == ("02-another-thing.md",)
    assert len(files(tmp_path)) == 3
    (tmp_path / "course" / "02-another-thing.md").unlink()
    assert build(tmp_path, left).gone == ()


def test_a_lesson_that_the_author_removed_does_not_come_back_unasked(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    (tmp_path / "course" / "02-another-thing.md").unlink()
    report = build(tmp_path, ARTICLE, Choices(update=True))
    assert states(report)["another-thing"] is State.LEFT_OUT
    assert len(files(tmp_path)) == 2
    build(tmp_path, ARTICLE, Choices(take=("another-thing",)))
    assert list(files(tmp_path)) == ["01-one-thing.md", "01a-another-thing.md", "03-a-last-thing.md"]


def test_a_file_under_another_name_is_known_by_its_id(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    (tmp_path / "course" / "03-a-last-thing.md").rename(tmp_path / "course" / "00-first.md")
    report = build(tmp_path, ARTICLE)
    assert set(states(report).values()) == {State.SAME}
    assert report.remarks == (
        "The source has another order now than the files have; rename files if lessons are to follow it.",
    )


def test_short_and_long_lessons_are_proposed_for_joining_and_dividing_and_left_as_they_are(tmp_path: Path) -> None:
    themes = {"Short one": "A few words.", "Long one": "\n\n".join(["word " * 300] * 4), "Good one": "word " * 300}
    report = build(tmp_path, themes, Choices(shortest=1, longest=5))
    assert report.proposals == (
        "long-one takes 6 minutes; --split long-one divides it",
        "short-one take less than 1 min; write more, or join one to the lesson before it: --merge short-one",
    )
    assert len(report.lessons) == 3


def test_joining_and_dividing_hold_for_later_builds(tmp_path: Path) -> None:
    themes = {**ARTICLE, "A long thing": "\n\n".join(f"{n} " + "word " * 300 for n in range(4))}
    choices = Choices(merge=("another-thing",), split=("a-long-thing",), longest=5)
    keys = ["one-thing", "a-last-thing", "a-long-thing", "a-long-thing-2"]
    assert [one.key for one in build(tmp_path, themes, choices).lessons] == keys
    assert "## Another thing\n\nThe other thing is there." in files(tmp_path)["01-one-thing.md"]
    again = build(tmp_path, themes, Choices(longest=5))
    assert [(one.key, one.state) for one in again.lessons] == [(key, State.SAME) for key in keys]
    without = {heading: body for heading, body in themes.items() if heading != "Another thing"}
    assert "joined to another at an earlier build" in build(tmp_path, without, Choices(longest=5)).remarks[0]


def test_an_announced_list_that_is_missing_is_remarked_on(tmp_path: Path) -> None:
    report = build(
        tmp_path, {"One": "Three things help:", "Two": "These help:\n\n- sleep", "Three": "And:\n\nno list."}
    )
    assert report.remarks == (
        "one: a list may be lost behind “… Three things help:”",
        "three: a list may be lost behind “… And:”",
    )


def test_a_build_that_was_interrupted_is_simply_run_again(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    built.remember(tmp_path / "course", replace(built.recall(tmp_path / "course"), lessons={}))  # type: ignore[type-var]
    before = files(tmp_path)
    assert set(states(build(tmp_path, ARTICLE)).values()) == {State.SAME}
    assert files(tmp_path) == before
    assert set(states(build(tmp_path, ARTICLE)).values()) == {State.SAME}


def test_a_lesson_of_the_author_with_the_same_id_is_not_overwritten(tmp_path: Path) -> None:
    build(tmp_path, ARTICLE)
    text = files(tmp_path)["01-one-thing.md"].replace('id: "one-thing"', "id: new-thing").replace("first", "own")
    (tmp_path / "course" / "04-own.md").write_text(text, encoding="utf-8")
    report = build(tmp_path, {**ARTICLE, "New thing": "Words."}, Choices(update=True))
    assert states(report)["new-thing"] is State.CLASH
    assert "own thing" in files(tmp_path)["04-own.md"]


def test_a_folder_that_is_something_else_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "letter.txt").write_text("Dear", encoding="utf-8")
    with pytest.raises(BadRequest, match="is there and is no course"):
        build(tmp_path, ARTICLE)
    (tmp_path / "course" / "course.toml").write_text("title = 'x'", encoding="utf-8")
    with pytest.raises(BadRequest, match="was not built from an article"):
        build(tmp_path, ARTICLE)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadRequest, match="is a file"):
        author.build(marked.read("## A\n\nb\n"), tmp_path / "file", Choices(), source="x")


@pytest.mark.parametrize(
    "choices", [Choices(take=("x",)), Choices(keep=("x",)), Choices(merge=("x",)), Choices(split=("x",))]
)
def test_an_id_that_is_not_there_is_refused_and_nothing_is_written(tmp_path: Path, choices: Choices) -> None:
    with pytest.raises(BadRequest, match=r'There is no (lesson|theme) "x"; there is one-thing, another-thing'):
        build(tmp_path, ARTICLE, choices)
    assert list(tmp_path.iterdir()) == []


_BODY = st.lists(st.sampled_from(["A line.", "Another.", "- item", "### Inner", "> said"]), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["One", "Two", "Three", "Four"]), _BODY), max_size=6))
def test_every_paragraph_is_in_one_lesson_or_dropped_whatever_the_article(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, list[str]]]
) -> None:
    text = "# T\n\n" + "\n\n".join(f"## {heading}\n\n" + "\n\n".join(body) for heading, body in parts)
    article = marked.read(text)
    try:
        report = author.build(article, tmp_path_factory.mktemp("built") / "c", Choices(write=False), source="x")
    except BadRequest:
        return
    assert [place.begins for place in report.places] == [" ".join(one.raw.split())[:60] for one in article.paragraphs]
    assert all(bool(place.lesson) != bool(place.dropped) for place in report.places)
    order = [one.key for one in report.lessons]
    used = [order.index(place.lesson) for place in report.places if place.lesson]
    assert used == sorted(used)


def test_a_new_course_lacks_nothing_but_the_authors_own_words(tmp_path: Path) -> None:
    path = arrive.begin(tmp_path / "course", "My course")
    assert courses.read(tmp_path / "course").title == "My course"
    assert "# The id is what a reader's place" in path.read_text(encoding="utf-8")
    found = errors(tmp_path / "course")
    assert found
    assert all('is still what "sequencer course new" wrote' in sentence for sentence in found)
    with pytest.raises(BadRequest, match="is there already"):
        arrive.begin(tmp_path / "course", "My course")


def test_another_programs_sequence_becomes_a_course_that_can_be_sent(tmp_path: Path) -> None:
    mails = (
        Mail(subject="Hello", body="Dear {{ subscriber.name or 'friend' }}, *one*.", preheader="Look"),
        Mail(subject="Hello", body="Two, without a preheader.", gap="3 days"),
    )
    arrive.bring(mails, tmp_path / "course", "Brought")
    course = courses.read(tmp_path / "course")
    assert [(one.key, one.subject, one.preheader) for one in course.lessons] == [
        ("hello", "Hello", "Look"),
        ("hello-2", "Hello", "Two, without a preheader."),
    ]
    assert course.lessons[1].gap is not None
    assert errors(tmp_path / "course") == []
