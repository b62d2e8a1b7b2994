"""In which of many ways is a lesson looked at? The choices of an author, as data, and the address of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from sequencer.core.model import IMAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Somebody as whom a lesson can be read; a `language` stands in for the course's."""

    key: str
    label: str
    name: str
    address: str
    language: str = ""


SAMPLES = (
    Sample(key="ordinary", label="Ordinary", name="Alex", address="alex@example.org"),
    Sample(key="no-name", label="No name", name="", address="reader@example.org"),
    Sample(
        key="long-name",
        label="Long name",
        name="Maria-Magdalena Theodora Wilhelmina von Hohenberg-Sonnenfels zu Altenburg und Donaueschingen",
        address="maria-magdalena.theodora.von.hohenberg-sonnenfels@students.linguistics.university.example.org",
    ),
    Sample(key="right-to-left", label="Right to left", name="ليلى حداد", address="layla@example.org", language="ar"),
    Sample(
        key="markup",
        label="Markup in the name",
        name='</td><b>Bobby & "Sons"</b> {{ subscriber.address }}',
        address="bobby@example.org",
    ),
    Sample(key="not-ascii", label="Address not ASCII", name="Jürgen Müller", address="jürgen@bücher.example.org"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One choice: its words, where it leads, and whether it is the one that was made."""

    label: str
    url: str
    current: bool


PASSED_OVER = 3  # lessons that a digest lists here


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One way to look at a lesson: as whom, which of its shapes, how wide, and in which light."""

    reader: str = SAMPLES[0].key
    shape: str = "html"
    width: str = "phone"
    scheme: str = "light"
    coming: str = "daily"

    @property
    def passed(self) -> int:
        """How many lessons were passed over before this one, where the course makes a digest of them."""
        return PASSED_OVER if self.coming == "rested" else 0

    @property
    def sample(self) -> Sample:
        """As whom."""
        return next(one for one in SAMPLES if one.key == self.reader)

    def url(self, path: str) -> str:
        """The address of `path`, looked at in this way."""
        usual = Look()
        chosen = {name: getattr(self, name) for name in CHOICES if getattr(self, name) != getattr(usual, name)}
        return f"{path}?{urlencode(chosen)}" if chosen else path

    def links(self, name: str, path: str) -> list[Link]:
        """The choices of this name for the page at `path`."""
        made = getattr(self, name)
        return [
            Link(label=label, url=replace(self, **{name: value}).url(path), current=value == made)
            for value, label in CHOICES[name].items()
        ]


CHOICES: Mapping[str, Mapping[str, str]] = {
    "reader": {one.key: one.label for one in SAMPLES},
    "shape": {"html": "HTML", "text": "Plain text", "source": "Source"},
    "width": {"phone": "Phone", "desktop": "Desktop"},
    "scheme": {"light": "Light", "dark": "Dark"},
    "coming": {"daily": "In its turn", "rested": "As a digest"},
}


def chosen(query: Mapping[str, str]) -> Look:
    """What an address asks for; what it does not say, or says wrongly, is as usual."""
    return Look(**{name: query[name] for name, values in CHOICES.items() if query.get(name) in values})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """After how many characters a list of mails cuts a line off, roughly."""

    name: str
    subject: int
    preheader: int


# A phone held upright; a list beside an open mail, as desktops show it.
CUTS = {
    "phone": Cut(name="A phone", subject=40, preheader=90),
    "desktop": Cut(name="A desktop", subject=70, preheader=140),
}


def cut(words: str, most: int) -> str:
    """The words as far as a list of mails shows them."""
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def from_here(html: str, base_url: str) -> str:
    """The mail with the course's own images from this server: they are not at `base_url` before they are published."""
    return html.replace(f'src="{base_url}{IMAGES}/', f'src="{IMAGES}/')


def in_light(html: str, scheme: str) -> str:
    """The mail as it looks where everything is light, or dark, whatever the browser prefers."""
    always, never = "(min-width: 0)", "(max-width: 0)"
    dark, light = (always, never) if scheme == "dark" else (never, always)
    html = re.sub(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", dark, html)
    html = re.sub(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", light, html)
    style = f"<style>:root {{ color-scheme: {scheme} !important; }}</style>"
    return html.replace("</head>", f"{style}</head>", 1)
