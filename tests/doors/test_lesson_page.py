"""Does a lesson look in the browser as it does in a mailbox, without a style inline?"""

import hashlib
import re
from base64 import b64encode
from dataclasses import replace

import pytest
from door import Door, Page
from house import EIGHT

from sequencer.content import courses
from sequencer.content.files import shipped
from sequencer.content.render import Person, compile_lesson
from sequencer.content.templates import Templates
from sequencer.web import onpage

EMAIL = "reader@example.org"
_BLOCK = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_PAGE = (
    "<html><head><style>a { color: red }</style></head>"
    '<body aria-roledescription="email"><div role="article" ATTRIBUTES>x</div>'
)


def digest(block: str) -> str:
    """As a policy names a block of styles."""
    return f"'sha256-{b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"


def test_a_lesson_in_the_browser_has_no_style_inline_and_its_policy_allows_none(door: Door) -> None:
    door.house.join(EMAIL)
    door.house.tick(EIGHT)
    answer = door.ask.get(door.link(EMAIL, "v"))
    policy = answer.headers["content-security-policy"]
    page = Page(answer.text)
    assert not [tag for _, tag in page.tags if "style" in tag]
    assert "unsafe" not in policy
    assert "script-src" not in policy
    blocks = _BLOCK.findall(answer.text)
    assert len(blocks) > 1
    assert all(digest(block) in policy for block in blocks)
    assert [tag["role"] for _, tag in page.tags if tag.get("role") in ("main", "article")] == ["main"]


@pytest.mark.parametrize("theme", ["paper", "plain"])
def test_no_shipped_lesson_loses_a_style(theme: str) -> None:
    course = replace(courses.read(shipped("lessons") / "why-men-pull-away"), theme=theme)
    links = dict.fromkeys(("unsubscribe", "preferences", "view", "course"), "")
    for step in range(len(course.lessons)):
        made = compile_lesson(course, step, templates=Templates(), postal_address="1 Example Street")
        mail = made.fill(Person(name="", address="", links=links)).html
        html, _ = onpage.page(mail)
        bare = re.sub(r"<!--.*?-->", "", mail, flags=re.DOTALL)
        rules = dict(re.findall(r"\.(s\d+)(?:\.\1){3} \{ (.*) \}", html))
        assert set(rules.values()) == set(re.findall(r'style="([^"]*)"', bare))
        # Each tag has the rule of the style that it had.
        before = re.findall(r'<(?!style)[a-z0-9]+\b[^>]*style="([^"]*)"', bare)
        after = [rules[name] for name in re.findall(r'class="(s\d+)', html)]
        assert after == before


@pytest.mark.parametrize(
    ("attributes", "classes", "rule"),
    [
        ('style="color: blue"', "s1", "color: blue"),
        ('class="a b" style="color: blue"', "s1 a b", "color: blue"),
        ('style="font-family: &quot;A&quot;, &#39;B&#39;" class="a"', "s1 a", "font-family: \"A\", 'B'"),
        ('style="x: &lt;/style&gt;&lt;script&gt;"', None, None),
        ('style="x: y } * { color: red"', None, None),
    ],
)
def test_a_style_becomes_a_rule_of_its_own_or_is_left_out(
    attributes: str, classes: str | None, rule: str | None
) -> None:
    html, policy = onpage.page(_PAGE.replace("ATTRIBUTES", attributes))
    (tag,) = re.findall(r"<div[^>]*>", html)
    assert "style=" not in tag
    assert (re.findall(r'class="([^"]*)"', tag) or [None])[0] == classes
    blocks = _BLOCK.findall(html)
    assert blocks[0] == "a { color: red }"
    assert blocks[1].strip() == (f".s1.s1.s1.s1 {{ {rule} }}" if rule else "")
    assert all(digest(block) in policy for block in blocks)
