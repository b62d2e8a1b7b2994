"""Does a digest read the same whichever way the mail is filled in, and is a mail without one what it always was?"""

import quopri
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from house import small_course, small_lesson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.content.digest import NO_DIGEST, SAMPLE_DIGEST, Digest, Listed
from sequencer.content.lint import contrast
from sequencer.content.lint import mail as lint
from sequencer.content.render import SAMPLE_LINKS, CompiledMail, Person, compile_lesson, sample_person
from sequencer.content.templates import Templates
from sequencer.core.model import CatchUp
from sequencer.errors import BadContent
from sequencer.message import quoted

TEMPLATES = Templates()
THEMES = pytest.mark.parametrize("theme", ["paper", "plain"])
# Bodies that fill in fast, that need markup to be told from words, and that are encoded at last.
BODIES = ("Words.\n", "{{ subscriber.name|upper }}\n", "{% filter upper %}{{ subscriber.name }}{% endfilter %}\n")


def compiled(rule: CatchUp, *, body: str = "Words.\n", **changes: object) -> CompiledMail:
    """The first of two lessons of a course that catches up by this rule."""
    lessons = (small_lesson(1, body=body), small_lesson(2))
    course = replace(small_course(catch_up=rule, **changes), lessons=lessons)
    return compile_lesson(course, 0, templates=TEMPLATES, postal_address="1 Example Street")


def decoded(lines: str) -> str:
    """What a mail program makes of lines that travelled."""
    return quopri.decodestring(lines.encode("ascii")).decode().replace("\r\n", "\n")


BOTH_WAYS = [(mail, mail.encoded(quoted.encode)) for mail in (compiled(CatchUp.DIGEST, body=body) for body in BODIES)]
EDGES = st.sampled_from(["=", ".", "{{", "}}", "{% x %}", "{#", "<b>", "</a>", "&", '"', "'", " ", "漢" * 40])
TITLES = st.lists(EDGES | st.characters(exclude_categories=["Cs", "Cc"]), max_size=30).map("".join)
URLS = st.from_regex(r"https://[a-z]{1,40}\.example/v/[A-Za-z0-9_-]{1,60}", fullmatch=True)
DIGESTS = st.builds(
    Digest,
    lessons=st.lists(st.builds(Listed, title=TITLES, url=URLS), max_size=5).map(tuple),
    more=st.sampled_from([0, 1, 30]),
)


class Links(HTMLParser):
    """Where each link of a list leads, with its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self._listed = self._open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._listed = self._listed or tag == "ul"
        if tag == "a" and self._listed:
            self._open = True
            self.found.append([str(dict(attrs)["href"]), ""])

    def handle_endtag(self, tag: str) -> None:
        self._listed = self._listed and tag != "ul"
        self._open = self._open and tag != "a"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[-1][1] += data


@pytest.mark.parametrize("which", range(len(BODIES)))
@settings(max_examples=60, deadline=None)
@given(digest=DIGESTS, name=TITLES)
@example(digest=SAMPLE_DIGEST, name="")
@example(digest=NO_DIGEST, name="Zoë")
def test_a_digest_travels_word_for_word_and_its_titles_are_words(which: int, digest: Digest, name: str) -> None:
    person = Person(name=name, address="o'reader+=x@example.org", links=SAMPLE_LINKS, digest=digest)
    mail, travelling = BOTH_WAYS[which]
    plain, sent = mail.fill(person), travelling.fill(person)
    for words, lines in ((plain.html, sent.html), (plain.text, sent.text)):
        assert decoded(lines).rstrip("\n") == words.rstrip("\n")
        assert max(map(len, lines.split("\r\n"))) <= 78
    assert travelling.fill(person) == sent
    assert Links(plain.html).found == [[one.url, one.title] for one in digest.lessons]
    for one in digest.lessons:
        assert f"- {one.title}\n  {one.url}\n" in plain.text
    more = f"And {digest.more} more, " in plain.text
    assert more is (f"And {digest.more} more, " in plain.html) is bool(digest.lessons and digest.more)


@THEMES
def test_a_mail_without_a_digest_is_what_it_was_before_there_were_any(theme: str) -> None:
    shift, skip, digest = (compiled(rule, theme=theme) for rule in CatchUp)
    person = sample_person()
    assert shift.fill(person) == skip.fill(person) == digest.fill(person)
    as_lines = [one.encoded(quoted.encode).fill(person) for one in (shift, skip, digest)]
    assert as_lines[0] == as_lines[1]
    assert as_lines[0].text == as_lines[2].text
    # In HTML a line breaks, softly, where a digest would stand.
    assert as_lines[2].html.replace("=\r\n", "") == as_lines[0].html.replace("=\r\n", "")
    # A course that makes none shows none.
    with_one = replace(person, digest=SAMPLE_DIGEST)
    assert (shift.fill(with_one), skip.fill(with_one)) == (shift.fill(person), skip.fill(person))


def test_a_digest_stands_before_the_lessons_own_words_in_both_parts() -> None:
    mail = compiled(CatchUp.DIGEST).fill(replace(sample_person(), digest=SAMPLE_DIGEST))
    for part in (mail.html, mail.text):
        order = [part.index(words) for words in ("Ann Author", "While lessons rested", "passed over", "Words.")]
        assert order == sorted(order)
    assert "Ann Author\n\nWhile lessons rested\n--------------------\n\nWhat would have come" in mail.text
    assert "\n\n\n" not in mail.text
    assert re.search(r"<h2[^>]*>While lessons rested</h2>", mail.html)


@THEMES
@pytest.mark.parametrize("language", ["en", "he"])
def test_lint_finds_nothing_wrong_with_a_digest_in_light_or_dark(theme: str, language: str) -> None:
    mail, refused = lint.samples(compiled(CatchUp.DIGEST, theme=theme, language=language))
    assert refused is None
    assert "While lessons rested" in mail.html
    assert list(lint.judged(mail)) == []
    assert list(contrast.faint(mail.html)) == []
    side = "right" if language == "he" else "left"
    assert f"padding-{side}:22px" in mail.html.partition("<ul")[2][:80]


def test_an_author_cannot_speak_of_digests() -> None:
    with pytest.raises(BadContent, match='"digest" is undefined'):
        compiled(CatchUp.DIGEST, body="{{ digest.more }}\n")
