"""Which sentences of ours are there to translate? Those of the templates, and those that Python says to visitors.

From a checkout: in a wheel there is nothing left to extract.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from babel.messages.catalog import Catalog, Message
from jinja2.ext import babel_extract

from sequencer.content.files import shipped

SOURCE = Path(__file__).resolve().parent.parent
# Whose errors visitors meet. What the API and the command line say stays English.
FILES = (
    *("core/abuse.py", "core/tokens.py", "message/address.py", "content/words.py"),
    *(f"flows/{name}.py" for name in ("access", "certificate", "disown", "leaving", "moving", "optin", "preferences")),
    *(f"flows/{name}.py" for name in ("progress", "remote", "report", "returning", "seats", "tempo")),
)
# The preview is an author's; what cannot even be read as a form is told to whoever built the form or the program.
_NOT_VISITORS = frozenset({"preview.py", "sheet.py", "look.py", "margin.py", "bodies.py", "inbound.py", "frame.py"})
_REFUSALS = frozenset(
    {"BadRequest", "NotFound", "Expired", "TooLarge", "TooSlow", "BadContentType", "TooMany", "Busy", "Refuse"}
)
_SAID = frozenset({"later", "say", "count"})
_KEYWORDS = ("_", "gettext", "ngettext")
_MARKS = {
    "block_start_string": "[%",
    "block_end_string": "%]",
    "variable_start_string": "[[",
    "variable_end_string": "]]",
    "comment_start_string": "[#",
    "comment_end_string": "#]",
}
_Id: TypeAlias = str | tuple[str, ...]


def template() -> Catalog:
    """All messages, without translations, in the order of the files that hold them."""
    found = Catalog()
    for file, message in (*_of_templates(shipped("templates")), *_of_python()):
        # No line numbers: they would change with every edit.
        found.add(message, locations=[(file, 0)])
    return found


def problems(catalogue: Catalog) -> Iterator[str]:
    """What is wrong with a catalogue: messages that it lacks or does not translate, and values that differ."""
    wanted = {message.id for message in template() if message.id}
    there = {message.id: message for message in catalogue if message.id}
    for lacking in sorted(map(str, wanted - there.keys())):
        yield f"{lacking}: this message is missing."
    for stale in sorted(map(str, there.keys() - wanted)):
        yield f"{stale}: nothing says this any more."
    for message in there.values():
        if message.fuzzy or not _is_said(message):
            yield f"{message.id}: this message is not translated."
        yield from (f"{message.id}: {error}." for error in _differences(message))


def _is_said(message: Message) -> bool:
    return all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)


def _differences(message: Message) -> Iterator[str]:
    known = set().union(*(_values(one) for one in _forms(message.id)))
    for said in _forms(message.string):
        # In a plural the number may be left out where words say it.
        if said and _values(said) - {"num"} != known - {"num"}:
            yield f'the values of "{said}" differ'


def _forms(words: object) -> tuple[str, ...]:
    return tuple(words) if isinstance(words, tuple | list) else (str(words or ""),)


def _values(words: str) -> set[str]:
    return {part.partition(")s")[0] for part in words.split("%(")[1:]}


def _of_templates(folder: Path) -> Iterator[tuple[str, _Id]]:
    for path in sorted((*folder.glob("web/*.html"), *folder.glob("mail/*"))):
        options = {"encoding": "utf-8", "silent": "false", **(_MARKS if path.parent.name == "mail" else {})}
        with path.open("rb") as file:
            for _, name, given, _ in babel_extract(file, _KEYWORDS, (), options):
                # What is no literal comes as None.
                said = tuple(one for one in (given if isinstance(given, tuple) else (given,)) if one)
                yield f"templates/{path.parent.name}/{path.name}", said if name == "ngettext" else said[0]


def _of_python() -> Iterator[tuple[str, _Id]]:
    web = sorted(path for path in SOURCE.glob("web/*.py") if path.name not in _NOT_VISITORS)
    for path in (*(SOURCE / name for name in FILES), *web):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (message := _message(node, constants)):
                yield f"sequencer/{path.relative_to(SOURCE).as_posix()}", message


def _message(call: ast.Call, constants: dict[str, ast.expr]) -> _Id:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in _REFUSALS | _SAID:
        return ""
    given = (*call.args, *(one.value for one in call.keywords if one.arg == "sentence"))
    said = tuple(_sentence(one, constants) for one in given[: 2 if name == "count" else 1])
    return "" if not all(said) else said if name == "count" else "".join(said)


def _sentence(node: ast.expr, constants: dict[str, ast.expr]) -> str:
    """The words of a literal, with a mark for each value in it; "" for what is made elsewhere."""
    match node:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=parts):
            return "".join(_sentence(part, constants) for part in parts)
        case ast.FormattedValue(value=value):
            return f"%({_called(value)})s"
        case ast.Name(id=name) if name in constants:
            return _sentence(constants[name], {})
        case _:
            return ""


def _called(value: ast.expr) -> str:
    """What a translator sees of a value: the last name in it."""
    if isinstance(value, ast.Attribute):
        return value.attr.strip("_").lower()
    names = [node.id for node in ast.walk(value) if isinstance(node, ast.Name)]
    return names[0].strip("_").lower()
