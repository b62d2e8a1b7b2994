"""What does a program's message say of a visitor? Its document becomes fields like those of any form."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from types import MappingProxyType

from sequencer.core import networks
from sequencer.core.model import Pairs
from sequencer.web import layout, programs, shapes, told
from sequencer.web.bodies import Body, Kind
from sequencer.web.programs import Listing, Program

_LONGEST_KEY = 64
_MOST_ANSWERS = 500
_DEEPEST = 4
_NESTED = re.compile(r"[^\[\]]+(\[[^\[\]]*\]){1,8}")
_STEP = re.compile(r"\[([^\[\]]*)\]")
# Names that a program has made up for a question that its author had not named.
_NO_NAME = re.compile(r"field_\w+|question_\w+|\d+(\.\d+)?")
# A proxy that is not set up rightly passes on an address of the site's own machines: that is no visitor's.
_INSIDE = tuple(ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _places() -> Mapping[str, str]:
    """The names by which the intake knows a field, under every way to write them: "First name" is first_name."""
    places = (shapes.EMAIL, shapes.NAME, shapes.FIRST_NAME, shapes.LAST_NAME, shapes.ZONE, shapes.LANGUAGE)
    known = {_slug(name): names[0] for names in places for name in names}
    return MappingProxyType({name: name for name in (*shapes.ATTRIBUTION, "tags")} | known)


_PLACES = _places()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that was read: the fields, and what it says of the visitor beside them, "" where it says nothing.

    `is_sign_up` is False for events that are something else; `delivery` is the message's name in the document.
    """

    program: Program
    fields: Pairs
    is_sign_up: bool
    ip: str
    agent: str
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    label: str
    values: tuple[str, ...]
    is_email: bool = False


def is_known(body: Body) -> bool:
    """Whether this is unmistakably a program's message, though nobody signed it."""
    if body.kind is not Kind.FORM:
        return _is_one(_document(body))
    names = tuple([name for name, _ in body.form])
    return (_names_one if layout.is_usual(names) else _is_one_of)(names)


def _is_one(document: Mapping[str, object]) -> bool:
    return any(row.unmistakable and _fits(row, document) for row in programs.ROWS)


def _is_one_of(names: tuple[str, ...]) -> bool:
    """The same of a form, whose values are all words: so its names alone tell."""
    return _is_one(_nested(tuple((name, "") for name in names)))


_names_one = lru_cache(512)(_is_one_of)


def read(body: Body, headers: Mapping[str, str]) -> Letter:
    """What the message says, by the first row that fits. Raises BadRequest where it holds no fields."""
    document = _document(body)
    row = next(row for row in programs.ROWS if row.header in headers or (not row.header and _fits(row, document)))
    answers = sorted(_answers(row, body, document), key=lambda answer: not answer.is_email)[:_MOST_ANSWERS]
    fields = [(label, value) for label, answer in _named(answers) for value in answer.values or ("",)]
    page = _text(document, row.page)
    return Letter(
        program=row,
        fields=((("current_url", page),) if page else ()) + tuple(fields),
        is_sign_up=not row.event or _text(document, row.event) in row.signing_up,
        ip=_visitors(_text(document, row.ip)),
        agent=shapes.line(_text(document, row.agent), told.LONGEST_VALUE),
        delivery=_text(document, row.delivery),
    )


def _fits(row: Program, document: Mapping[str, object]) -> bool:
    return all(_at(document, path) is not None for path in row.signs)


def _document(body: Body) -> Mapping[str, object]:
    if body.kind is Kind.FORM:
        return _nested(body.form)
    return body.document if isinstance(body.document, dict) else {}


def _nested(form: Pairs) -> Mapping[str, object]:
    """Fields like fields[email][value], as the document that PHP would make of them."""
    document: dict[str, object] = {}
    for name, value in form:
        path = [name.partition("[")[0], *_STEP.findall(name)] if _NESTED.fullmatch(name) else [name]
        within = document
        for step in path[:-1]:
            inner = within.setdefault(step, {})
            within = inner if isinstance(inner, dict) else {}
        within.setdefault(path[-1], value)
    return document


def _at(document: object, path: str) -> object:
    """What stands there, None where nothing does."""
    if not path:
        return None
    for step in path.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    return document


def _text(document: object, path: str) -> str:
    said = _at(document, path)
    return str(said).strip() if isinstance(said, str | int) else ""


def _answers(row: Program, body: Body, document: Mapping[str, object]) -> Iterator[_Answer]:
    match row.listing:
        case Listing.FLAT:
            yield from _flat(row, body.fields())
        case Listing.TABLE:
            yield from _table(row, _at(document, row.answers))
        case Listing.ITEMS:
            yield from _items(row, document)
    for path in row.more:
        yield from _table(row, _at(document, path))


def _flat(row: Program, fields: Pairs) -> Iterator[_Answer]:
    names = {name for name, _ in fields}
    for name, value in fields:
        label = name
        for pattern, part in ((row.first, shapes.FIRST_NAME[0]), (row.last, shapes.LAST_NAME[0])):
            found = re.fullmatch(pattern, name) if pattern else None
            # Of a name with parts, the first part has no number 1; of a list to tick, or of an address, it has.
            if found and f"{found[1]}.1" not in names:
                label = part
        yield _Answer(label=label, values=(value,))


def _table(row: Program, table: object) -> Iterator[_Answer]:
    """Answers by their names; each is a value, or a small table that says more."""
    for name, entry in table.items() if isinstance(table, dict) else ():
        if isinstance(entry, dict) and row.value in entry:
            title = _text(entry, row.label)
            label = title if title and _NO_NAME.fullmatch(name) else name
            values = tuple(_values(entry[row.value]))
            yield _Answer(label=label, values=values, is_email=_text(entry, row.kind) == row.email_kind)
        elif not isinstance(entry, dict):
            yield _Answer(label=name, values=tuple(_values(entry)))


def _items(row: Program, document: Mapping[str, object]) -> Iterator[_Answer]:
    """Answers that come one by one, and the questions for an address that were left unanswered."""
    items, questions = _list(document, row.answers), _list(document, row.asked)
    asked = {_text(question, "id"): question for question in questions}
    answered = {_text(item, "field.id") for item in items}
    for item in items:
        question = asked.get(_text(item, "field.id"), item)
        kind = _text(item, row.kind)
        label = _text(question, row.label) or _text(item, "field.ref")
        values = tuple(_values(_chosen(item, item.get(row.value or kind))))
        yield _Answer(label=label, values=values, is_email=kind == row.email_kind)
    for key, question in asked.items():
        if key not in answered and _text(question, row.kind) == row.email_kind:
            yield _Answer(label=_text(question, row.label), values=(), is_email=True)


def _list(document: object, path: str) -> list[dict[str, object]]:
    found = _at(document, path)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _chosen(item: Mapping[str, object], value: object) -> object:
    """What was chosen, in the words of the choice: some programs name choices by a number of their own."""
    options = {_text(one, "id"): _text(one, "text") for one in _list(item, "options")}
    if isinstance(value, list):
        return [options.get(str(one), one) if isinstance(one, str | int) else one for one in value]
    return options.get(value, value) if isinstance(value, str) else value


def _values(value: object, depth: int = 0) -> Iterator[str]:
    """The texts, numbers and truth values of an answer."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key in ("value", "label", "labels", "other"):
            yield from _values(value.get(key), depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _values(one, depth + 1)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, str | int | float):
        yield str(value)


def _named(answers: list[_Answer]) -> Iterator[tuple[str, _Answer]]:
    """Each answer with the name by which the intake knows such a field; the first address is the visitor's."""
    has_email = False
    for answer in answers:
        label = shapes.line(answer.label, _LONGEST_KEY).strip()
        if answer.is_email and not has_email:
            has_email, label = True, "email"
        yield _known(label), answer


def _known(label: str) -> str:
    slug = _slug(label)
    return slug if slug.startswith("utm_") else _PLACES.get(slug, label)


def _visitors(said: str) -> str:
    """A visitor's IP address, "" where none is named."""
    named = networks.plain(said)
    if not named:
        return ""
    at = ip_address(named)
    inside = at.is_loopback or at.is_link_local or at.is_unspecified or any(at in network for network in _INSIDE)
    return "" if inside else named
