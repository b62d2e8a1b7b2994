"""How does a mail look? Letters, sizes and colours as data: templates/themes/NAME.toml fills the templates."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from markupsafe import Markup

from sequencer.errors import BadContent

FOLDER = "themes"
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_WORDS = re.compile(r"[^<>&\"{}\[\];\n]+")
_COLOURS = ("paper", "ink", "soft", "accent", "on_accent", "line", "tint", "edge", "tip", "note", "warning")
# What each table of a theme must say; the templates name no other key.
KEYS: Mapping[str, tuple[str, ...]] = {
    "fonts": ("words", "small", "code"),
    "sizes": ("words", "line_height", "boxed", "small", "title", "title_narrow", "title_weight", "corner"),
    "light": _COLOURS,
    "dark": _COLOURS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """How mails look; each mapping has the keys that KEYS names. Colours are like "#1b2433"."""

    name: str
    description: str
    fonts: Mapping[str, str]
    sizes: Mapping[str, str]
    light: Mapping[str, str]
    dark: Mapping[str, str]


def read(path: Path, usual: Theme | None = None) -> Theme:
    """The theme in one file; what it does not say is as in the `usual` one, so that a copy outlives our next version.

    Raises BadContent that names the file and the key.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise BadContent(f"{path}: this is not valid TOML: {error}.") from error
    unknown = set(given) - set(KEYS) - {"description"}
    if unknown:
        raise BadContent(f'{path}: "{min(unknown)}" is not known here; known are description, {", ".join(KEYS)}.')
    return Theme(
        name=path.stem,
        description=str(given.get("description", "")),
        fonts=_table(given, "fonts", path, usual.fonts if usual else {}),
        sizes=_table(given, "sizes", path, usual.sizes if usual else {}),
        light=_table(given, "light", path, usual.light if usual else {}),
        dark=_table(given, "dark", path, usual.dark if usual else {}),
    )


def _table(given: Mapping[str, object], name: str, path: Path, usual: Mapping[str, str]) -> Mapping[str, str]:
    own = given.get(name, {})
    table = {**usual, **own} if isinstance(own, dict) else {}
    if set(table) != set(KEYS[name]):
        raise BadContent(f"{path}: [{name}] knows these keys: {', '.join(KEYS[name])}.")
    right, like = (_COLOUR, '"#1b2433"') if name in ("light", "dark") else (_WORDS, 'a text like "18px"')
    for key, value in table.items():
        if not isinstance(value, str) or not right.fullmatch(value):
            raise BadContent(f'{path}: "{key}" in [{name}] is {value!r}; write {like}.')
    # Just checked to hold nothing that could end an attribute: the quotes around letters' names may stay as they are.
    return MappingProxyType({key: Markup(value) for key, value in table.items()})  # noqa: S704 (see above)


def styles(theme: Theme, *, start: str) -> Mapping[str, str]:
    """What each tag in a lesson's own words is told inline, for programs that drop a mail's stylesheet.

    `start` is the side on which lines begin: "left" or "right".
    """
    light, line = theme.light, f"1px solid {theme.light['line']}"
    cell = f"padding:8px 12px 8px 0;border-bottom:{line};vertical-align:top"
    return {
        "blockquote": f"margin:0 0 18px;padding:2px 18px;border-{start}:3px solid {light['edge']};font-style:italic",
        "table": "width:100%;border-collapse:collapse;font-size:16px",
        "th": f"{cell};text-align:{start}",
        "td": cell,
        "hr": f"border:0;border-top:{line};margin:30px 0",
        "pre": f"margin:0 0 18px;padding:14px 16px;background:{light['tint']};border:1px solid {light['edge']};"
        f"font-family:{theme.fonts['code']};font-size:14px;line-height:1.5;white-space:pre-wrap;word-break:break-word",
        "code": f"font-family:{theme.fonts['code']};font-size:0.85em",
        "img": "display:block;width:100%;max-width:100%;height:auto;border:0",
        "narrow": "display:block;max-width:100%;height:auto;border:0",
        "caption": f"display:block;padding:8px 0 0;font-family:{theme.fonts['small']};"
        f"font-size:{theme.sizes['small']};line-height:1.5;color:{light['soft']}",
        "check": f"list-style:none;margin-{start}:-22px",
    }
