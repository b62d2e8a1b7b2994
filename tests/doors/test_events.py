"""Is each event that the program logs told of in docs/events.md, with its level and its fields, and no other?"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
# What every line of JSON has, whatever the event; `logger` and `exception` where they are wanted.
TAKEN = {"ts", "level", "event", "logger", "exception"}
LEVELS = {"exception": "error"}


@dataclass
class Found:
    """What the code logs: events by name with levels and fields, and the endings of those that are put together."""

    levels: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    fields: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    endings: set[str] = field(default_factory=set)
    candidates: set[str] = field(default_factory=set)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "log":
            assert isinstance(node, ast.Call)
            yield node


def _words(node: ast.AST) -> set[str]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


@cache
def found() -> Found:
    """All events, as they stand in the code."""
    all_of_it = Found()
    for path in sorted((ROOT / "sequencer").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Names that are handed on, or chosen from a table, stand somewhere in the same file.
        handed_on = {word for word in _words(tree) if EVENT.fullmatch(word)}
        for call in _calls(tree):
            assert isinstance(call.func, ast.Attribute)
            words = {word for word in _words(call.args[0]) if EVENT.fullmatch(word)}
            parts = _words(call.args[0])
            if not isinstance(call.args[0], ast.Constant):
                all_of_it.candidates |= handed_on
                parts = _words(tree)
            all_of_it.endings |= {word[word.rindex(".") :] for word in parts if re.fullmatch(r"(%s)?\.[a-z_]+", word)}
            extra = [keyword.value for keyword in call.keywords if keyword.arg == "extra"]
            names = {
                str(key.value)
                for given in extra
                for one in ast.walk(given)
                if isinstance(one, ast.Dict)
                for key in one.keys
                if isinstance(key, ast.Constant)
            }
            for word in words:
                all_of_it.levels[word].add(LEVELS.get(call.func.attr, call.func.attr))
                all_of_it.fields[word] |= names
    return all_of_it


def listed() -> Mapping[str, tuple[str, set[str]]]:
    """The events of the page, with level and fields."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| (\w+) \|([^|]*)\|", PAGE, re.MULTILINE)
    assert len({name for name, _, _ in rows}) == len(rows), "an event stands there twice"
    return {name: (level, {one.strip() for one in names.split(",")} - {""}) for name, level, names in rows}


def test_every_event_of_the_code_is_told_of() -> None:
    assert len(found().levels) > 50
    assert sorted(set(found().levels) - set(listed())) == []


def test_every_event_that_is_told_of_stands_in_the_code() -> None:
    known = found()
    missing = set(listed()) - set(known.levels) - known.candidates
    assert sorted(one for one in missing if one[one.rindex(".") :] not in known.endings) == []


def test_every_ending_that_is_put_together_is_told_of() -> None:
    assert sorted(end for end in found().endings if not any(name.endswith(end) for name in listed())) == []


def test_levels_and_fields_are_those_of_the_code() -> None:
    wrong = {}
    for name, (level, names) in listed().items():
        levels, fields = found().levels.get(name, set()), found().fields.get(name, set())
        # A traceback is told of with the event; other fields stand in the call, where it shows them.
        if levels and (level not in levels or not fields <= names):
            wrong[name] = (sorted(levels), sorted(fields))
    assert wrong == {}


def test_no_field_of_an_event_takes_the_place_of_one_that_every_event_has() -> None:
    every = {name: fields & (TAKEN - {"exception"}) for name, fields in found().fields.items()}
    every |= {name: names & (TAKEN - {"exception"}) for name, (_, names) in listed().items()}
    assert {name: taken for name, taken in every.items() if taken} == {}
