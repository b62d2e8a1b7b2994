"""What does a lesson leave open for the person's values? Finds the Jinja marks, guards them, and checks their names."""

import re
from collections.abc import Mapping

import jinja2
from jinja2 import nodes

from sequencer.errors import BadContent

_MARK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
# One character of a private-use plane for each mark: Markdown and MJML leave it alone, and lines wrap around it.
_FIRST = 0xF0000
_GUARD = re.compile("[\U000f0000-\U000ffffd]")
_LONE_STATEMENT = re.compile("<p>([\U000f0000-\U000ffffd])</p>|^([\U000f0000-\U000ffffd])\n+", re.MULTILINE)

# What a lesson may speak of, once for each person. `links` holds addresses that are the person's own.
KNOWN: Mapping[str, frozenset[str]] = {
    "subscriber": frozenset({"name", "address"}),
    "course": frozenset({"title", "subtitle", "author", "brand", "language", "site"}),
    "lesson": frozenset({"number", "total", "percent", "subject", "theme", "preheader"}),
    "links": frozenset({"unsubscribe", "preferences", "view"}),
}


def guard(source: str, marks: list[str]) -> str:
    """`source` with a character in place of each mark; the marks are added to `marks`."""

    def keep(match: re.Match[str]) -> str:
        marks.append(match.group())
        return chr(_FIRST + len(marks) - 1)

    return _MARK.sub(keep, _GUARD.sub("", source))


def restore(guarded: str, marks: list[str]) -> str:
    """The marks back in their places; a statement that stood alone in a paragraph takes no paragraph."""

    def unwrap(match: re.Match[str]) -> str:
        character = match.group(1) or match.group(2)
        return character if marks[ord(character) - _FIRST].startswith("{%") else match.group()

    bare = _LONE_STATEMENT.sub(unwrap, guarded)
    return _GUARD.sub(lambda match: marks[ord(match.group()) - _FIRST], bare)


def check(environment: jinja2.Environment, source: str, *, path: str, line: int = 1) -> None:
    """Raises BadContent with file and line for a mark that is not valid Jinja2 or names what does not exist."""
    try:
        tree = environment.parse(source)
        environment.compile(source)
    except jinja2.TemplateSyntaxError as error:
        raise BadContent(f"{path}:{error.lineno + line - 1}: {error.message}.") from error
    assigned = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in KNOWN and name.name not in assigned:
            _refuse(name.name, name.lineno, path, line, tuple(KNOWN))
    for attribute in tree.find_all(nodes.Getattr):
        owner = attribute.node
        if isinstance(owner, nodes.Name) and owner.name in KNOWN and attribute.attr not in KNOWN[owner.name]:
            known = tuple(f"{owner.name}.{one}" for one in sorted(KNOWN[owner.name]))
            _refuse(f"{owner.name}.{attribute.attr}", attribute.lineno, path, line, known)


def _refuse(name: str, lineno: int, path: str, line: int, known: tuple[str, ...]) -> None:
    raise BadContent(f'{path}:{lineno + line - 1}: "{name}" is undefined; there are {", ".join(known)}.')
