"""Are the pages safe, and for everybody: policies, names, keys, contrast?"""

import re

import httpx
from door import Page
from manuscripts import seen


def test_pages_run_and_style_nothing_that_stands_in_them(ask: httpx.Client) -> None:
    for path in ("/", "/inbox", "/confirmation", "/lesson/1", "/lesson/1?shape=source", "/nowhere"):
        answer = ask.get(path)
        assert "unsafe" not in answer.headers["content-security-policy"]
        page = Page(answer.text)
        assert not [tag for _, tag in page.tags if "style" in tag or any(name.startswith("on") for name in tag)]
        assert "style" not in page.words
        assert all(tag.get("src") for tag in page.all("script"))
    mail = ask.get("/lesson/1/body.html").headers["content-security-policy"]
    assert "script" not in mail
    assert "default-src 'none'" in mail


def test_another_site_whose_name_leads_here_reads_nothing(ask: httpx.Client) -> None:
    assert ask.get("/", headers={"host": "evil.example"}).status_code == 400
    assert ask.get("/stamp", headers={"host": "localhost:8025"}).status_code == 200


def test_everything_is_reached_by_keyboard_and_says_what_it_is(ask: httpx.Client) -> None:
    for path in ("/", "/inbox", "/confirmation", "/lesson/1", "/lesson/1?shape=text"):
        page = seen(ask, path)
        assert all(tag["href"] for tag in page.all("a"))
        assert all(tag.get("aria-label") for tag in page.all("nav"))
        assert all(tag.get("tabindex") == "0" for tag in page.all("pre"))
        assert all(tag.get("title") for tag in page.all("iframe"))
        assert not {"button", "input", "select"} & set(page.words)
    assert ":focus-visible { outline:" in ask.get("/static/site.css").text


def test_words_stand_out_from_what_is_behind_them_in_light_and_dark(ask: httpx.Client) -> None:
    rules = ask.get("/static/site.css").text + ask.get("/static/preview.css").text
    palettes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rule))
        for rule in re.findall(r"(?::root|\.inbox\.\w+) \{[^}]*--paper: #[0-9a-f]{6};[^}]*\}", rules)
    ]
    assert len(palettes) == 4
    for palette in palettes:
        behind = [palette[name] for name in ("paper", "tint", "bad-tint") if name in palette]
        for words in ("ink", "soft", "bad", "blue"):
            assert all(contrast(palette[words], ground) >= 4.5 for ground in behind), (words, palette)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
