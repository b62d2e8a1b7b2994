"""Which of a lesson's marks would show a hole to somebody? Values that may be empty, shown without `or` or `if`."""

from collections.abc import Iterator

import jinja2
from jinja2 import nodes

from sequencer.content import marks
from sequencer.content.lint.findings import Finding
from sequencer.content.lint.front import Draft
from sequencer.content.templates import Templates
from sequencer.errors import BadContent

_NO_NAME = "is empty for whoever gave no name"
_ON_A_PAGE = "is empty where the lesson is read in the browser"
_MAY_BE_EMPTY = {
    "subscriber.name": _NO_NAME,
    "subscriber.address": _ON_A_PAGE,
    **{f"links.{name}": _ON_A_PAGE for name in marks.KNOWN["links"]},
}
_DEFAULTS = ("default", "d")


def undefined(draft: Draft, templates: Templates) -> Iterator[Finding]:
    """Every mark that names what does not exist, where compiling stops at the first."""
    lesson = draft.lesson
    for name in ("subject", "preheader", "theme"):
        for error in marks.problems(templates.person_text, getattr(lesson, name), path=lesson.source):
            yield draft.finding("undefined-value", _sentence(error), draft.key(name))
    for error in marks.problems(templates.person_text, lesson.body, path=lesson.source, line=lesson.line):
        yield draft.refused(error, "undefined-value")


def unguarded(draft: Draft, templates: Templates) -> Iterator[Finding]:
    """Every value that is shown although it may be empty."""
    lesson = draft.lesson
    for name in ("subject", "preheader", "theme"):
        for value, _ in _shown(templates.person_text, getattr(lesson, name)):
            yield draft.finding("unguarded-value", _advice(value), draft.key(name))
    for value, at in _shown(templates.person_text, lesson.body):
        yield draft.finding("unguarded-value", _advice(value), lesson.line + at - 1)


def _sentence(error: BadContent) -> str:
    return str(error).partition(": ")[2]


def _advice(value: str) -> str:
    return f'"{value}" {_MAY_BE_EMPTY[value]}; write {{{{ {value} or "…" }}}}, or an if around it.'


def _shown(environment: jinja2.Environment, source: str) -> Iterator[tuple[str, int]]:
    try:
        tree = environment.parse(source)
    except jinja2.TemplateSyntaxError:
        return iter(())  # `undefined` has told
    return _walk(tree, frozenset())


def _walk(node: nodes.Node, known: frozenset[str]) -> Iterator[tuple[str, int]]:
    """What is shown below `node`, but for the values that are `known` not to be empty there."""
    value = _name(node)
    if value:
        if value in _MAY_BE_EMPTY and value not in known:
            yield value, node.lineno
        return
    for child, knows in _below(node, known):
        yield from _walk(child, knows)


def _below(node: nodes.Node, known: frozenset[str]) -> Iterator[tuple[nodes.Node, frozenset[str]]]:
    """What stands below, with the values that somebody has thought of there. What is only asked for is not shown."""
    match node:
        case nodes.If(test=test, body=body, elif_=others, else_=rest):
            yield from ((child, known | _names(test)) for child in body)
            yield from (
                (child, known | _names(test) if isinstance(test, nodes.Not) else known) for child in (*others, *rest)
            )
        case nodes.CondExpr(test=test):
            yield from ((child, known | _names(test)) for child in (node.expr1, node.expr2) if child is not None)
        case nodes.Or(right=right):
            yield right, known
        case nodes.Filter(name=name) if name in _DEFAULTS:
            return
        case _:
            yield from ((child, known) for child in node.iter_child_nodes())


def _names(test: nodes.Node) -> frozenset[str]:
    found = {_name(test), *map(_name, test.find_all((nodes.Getattr, nodes.Getitem)))}
    return frozenset(found & set(_MAY_BE_EMPTY))


def _name(node: nodes.Node) -> str:
    match node:
        case nodes.Getattr(node=nodes.Name(name=owner), attr=key):
            return f"{owner}.{key}"
        case nodes.Getitem(node=nodes.Name(name=owner), arg=nodes.Const(value=key)):
            return f"{owner}.{key}"
    return ""
