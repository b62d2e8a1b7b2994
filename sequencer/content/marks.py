"""What does a lesson leave open for the person's values? Finds the Jinja marks, guards them, and checks their names."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

import jinja2
from jinja2 import nodes

from sequencer.errors import BadContent

_OPENING = re.compile(r"\{[{%#]")
_MARK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
# One character of a private-use plane for each mark: Markdown and MJML leave it alone, and lines wrap around it.
_FIRST = 0xF0000
_G = "[\U000f0000-\U000ffffd]"
_GUARD = re.compile(_G)
# In the address of a link Markdown writes it in percent-encoding.
_QUOTED_GUARD = re.compile("%F3%B[0-9A-F](?:%[89AB][0-9A-F]){2}")
_LONE = re.compile(f"<p>((?:{_G}\\s*)+)</p>|^[ >]*({_G}(?: *{_G})*)\n+", re.MULTILINE)
_WHOLE_HTML = re.compile(f"<p>({_G})((?:(?!</p>).)*)({_G})</p>", re.DOTALL)
_WHOLE_TEXT = re.compile(f"(?<=\n\n)([ >]*)({_G})((?:(?!\n\n).)*)({_G})\n\n+", re.DOTALL)
_STATEMENT = re.compile(r"\{[%#]")
_IF = re.compile(r"\{%[-+]?\s*if\b")
_ENDIF = re.compile(r"\{%[-+]?\s*endif\b")

# What a lesson may speak of, once for each person. `links` holds addresses that are the person's own.
KNOWN: Mapping[str, frozenset[str]] = {
    "subscriber": frozenset({"name", "address"}),
    "course": frozenset({"title", "subtitle", "author", "brand", "language", "site", "progress"}),
    "lesson": frozenset({"number", "total", "percent", "subject", "theme", "preheader"}),
    "links": frozenset({"unsubscribe", "preferences", "view", "course"}),
}


def guard(source: str, marks: list[str]) -> str:
    """`source` with a character in place of each mark; the marks are added to `marks`."""

    def keep(match: re.Match[str]) -> str:
        marks.append(match.group())
        return chr(_FIRST + len(marks) - 1)

    return _MARK.sub(keep, _GUARD.sub("", source))


def literal(words: str, marks: list[str]) -> str:
    """`words` that hold no marks, whatever they look like: two braces in a title stay two braces."""

    def keep(match: re.Match[str]) -> str:
        marks.append("{{ '" + match.group() + "' }}")
        return chr(_FIRST + len(marks) - 1)

    return _OPENING.sub(keep, _GUARD.sub("", words))


def blank(source: str, stand_in: str = "") -> str:
    """`source` with nothing, or `stand_in`, in place of each mark, and each line where it was."""
    return _MARK.sub(lambda match: "\n" * match.group().count("\n") or stand_in, source)


def restore(guarded: str, marks: list[str]) -> str:
    """The marks back in their places; a statement that stood alone in a paragraph takes no paragraph.

    Neither does a paragraph that is one condition from end to end, where the condition does not hold.
    """

    def unwrap(match: re.Match[str]) -> str:
        found = match.group(1) or match.group(2)
        alone = all(_STATEMENT.match(_mark(character, marks)) for character in _GUARD.findall(found))
        return "".join(found.split()) if alone else match.group()

    def is_choice(begin: str, words: str, end: str) -> bool:
        inside = any(_mark(character, marks).startswith("{%") for character in _GUARD.findall(words))
        return bool(_IF.match(_mark(begin, marks)) and _ENDIF.match(_mark(end, marks))) and not inside

    def whole_html(match: re.Match[str]) -> str:
        begin, words, end = match.groups()
        return f"{begin}<p>{words.strip()}</p>{end}" if is_choice(begin, words, end) else match.group()

    def whole_text(match: re.Match[str]) -> str:
        indent, begin, words, end = match.groups()
        return f"{begin}{indent}{words.strip()}\n\n{end}" if is_choice(begin, words, end) else match.group()

    plain = _QUOTED_GUARD.sub(lambda match: unquote(match.group()), guarded)
    bare = _WHOLE_TEXT.sub(whole_text, _WHOLE_HTML.sub(whole_html, _LONE.sub(unwrap, plain)))
    return _GUARD.sub(lambda match: _mark(match.group(), marks), bare)


def _mark(character: str, marks: list[str]) -> str:
    return marks[ord(character) - _FIRST]


def check(environment: jinja2.Environment, source: str, *, path: str, line: int = 1) -> None:
    """Raises BadContent with file and line for a mark that is not valid Jinja2 or names what does not exist."""
    for problem in problems(environment, source, path=path, line=line):
        raise problem


def problems(environment: jinja2.Environment, source: str, *, path: str, line: int = 1) -> Iterator[BadContent]:
    """All that `check` refuses, one after the other; nothing after the first mark that is not valid Jinja2."""
    try:
        tree = environment.parse(source)
        environment.compile(source)
    except jinja2.TemplateSyntaxError as error:
        yield BadContent(f"{path}:{error.lineno + line - 1}: {error.message}.")
        return
    for lineno, sentence in (*_filters(environment, tree), *_names(tree), *_accesses(tree), *_files(tree)):
        yield BadContent(f"{path}:{lineno + line - 1}: {sentence}")


def _filters(environment: jinja2.Environment, tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Jinja2 itself finds an unknown filter within a condition only when somebody is about to get the mail."""
    for kind, known in ((nodes.Filter, environment.filters), (nodes.Test, environment.tests)):
        for used in tree.find_all(kind):
            if used.name not in known:
                yield used.lineno, f"No {kind.__name__.lower()} named {used.name!r}."


def _names(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    assigned = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in KNOWN and name.name not in assigned:
            yield name.lineno, _undefined(name.name, tuple(KNOWN))


def _accesses(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    accesses: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    for access in accesses:
        owner, key = access.node, _key(access)
        if isinstance(owner, nodes.Name) and owner.name in KNOWN and key not in KNOWN[owner.name]:
            known = tuple(f"{owner.name}.{one}" for one in sorted(KNOWN[owner.name]))
            yield access.lineno, _undefined(f"{owner.name}.{key}", known)


def _files(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    for other in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        yield (
            other.lineno,
            (
                "a lesson cannot take in other files; write it out."
                ' (A partial is taken in by [% include "name.md" %] on a line of its own.)'
            ),
        )


def _key(access: nodes.Getattr | nodes.Getitem) -> str:
    if isinstance(access, nodes.Getattr):
        return access.attr
    return str(access.arg.value) if isinstance(access.arg, nodes.Const) else "…"


def _undefined(name: str, known: tuple[str, ...]) -> str:
    return f'"{name}" is undefined; there are {", ".join(known)}.'
