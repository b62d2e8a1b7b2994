"""Is a request as its schema says? Bodies and parameters become values, or faults in whole sentences."""

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import quote

import jsonschema_rs
from jsonschema_rs import ValidationError, ValidationErrorKind

from sequencer.web.api.problems import Fault, Kind, Refused
from sequencer.web.api.schemas import FORMATS, PATTERNS, Schema

_DEEPEST = 20
_NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
# By the word of the schema that is not kept; a test knows them all.
_SENTENCES = {
    "type": "This must be {}.",
    "enum": "This must be {}.",
    "format": "This must be {}.",
    "pattern": "This must be {}.",
    "minLength": "This is too short; it needs {} characters or more.",
    "maxLength": "This is too long; it may have {} characters.",
    "minimum": "This must be {} or more.",
    "maximum": "This must be {} or less.",
    "minItems": "This list is empty; it needs {} or more.",
    "maxItems": "This list is too long; it may hold {}.",
    "minProperties": "There is nothing in here; say {} thing at least.",
    "maxProperties": "There are too many in here; it may hold {}.",
    "uniqueItems": "Something stands in this list twice.",
    "propertyNames": "A name in here is empty, is longer than 64 characters, or is not in one line.",
    "oneOf": 'Name the person either by "subscriber" or by "email".',
}


class Checker:
    """One schema, ready to check by."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._validator = jsonschema_rs.Draft202012Validator(_plain(schema), validate_formats=True)

    def faults(self, value: object, *, parameters: bool = False) -> tuple[Fault, ...]:
        """Everything that is wrong with it; of `parameters`, by their names."""
        return tuple(self._faults(value, parameters=parameters))

    def _faults(self, value: object, *, parameters: bool) -> Iterator[Fault]:
        for error in self._validator.iter_errors(value):
            path = [str(part) for part in error.instance_path]
            if isinstance(error.kind, ValidationErrorKind.AdditionalProperties):
                for name in error.kind.unexpected:
                    yield _fault([*path, name], self._unknown(name), parameters=parameters)
            elif isinstance(error.kind, ValidationErrorKind.Required):
                yield _fault([*path, error.kind.property], "This is missing.", parameters=parameters)
            else:
                yield _fault(path, _sentence(error), parameters=parameters)

    def _unknown(self, name: str) -> str:
        known = list(self._schema.get("properties", {}))
        near = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}."
        return f"This is not known here; {hint}"


def body(content: bytes, checker: Checker) -> Mapping[str, Any]:
    """The JSON object in `content`. Raises Refused."""
    value = _json(content)
    _refuse_untold(value)
    faults = checker.faults(value)
    if faults:
        raise Refused(Kind.INVALID, _summary(faults), faults=faults)
    assert isinstance(value, dict)  # noqa: S101 (so says the schema)
    return value


def parameters(
    given: Iterable[tuple[str, str]], properties: Mapping[str, Schema], checker: Checker
) -> Mapping[str, Any]:
    """The parameters of a query or of headers, those that are left out as usual. Raises Refused."""
    found: dict[str, object] = {}
    faults: list[Fault] = []
    for name, text in given:
        if name in found:
            faults.append(Fault(parameter=name, detail="This is given twice; give it once."))
        found[name] = _read(text, properties.get(name, {}))
    faults.extend(checker.faults(found, parameters=True))
    if faults:
        raise Refused(Kind.INVALID, _summary(faults), faults=faults)
    return {name: found.get(name, one.get("default")) for name, one in properties.items()}


def _read(text: str, schema: Schema) -> object:
    """A parameter is a text on the wire; what is to be a number becomes one where it can."""
    is_number = schema.get("type") == "integer" and re.fullmatch("[0-9]{1,19}", text)
    return int(text) if is_number else text


def _json(content: bytes) -> object:
    if not content:
        raise Refused(Kind.MALFORMED, "The body is empty; send a JSON object.")
    try:
        return json.loads(
            content.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise Refused(Kind.MALFORMED, "The body is not UTF-8.") from error
    except RecursionError as error:
        raise Refused(Kind.MALFORMED, "The body is nested too deeply.") from error
    except ValueError as error:
        raise Refused(Kind.MALFORMED, f"The body is not valid JSON: {error}.") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names something twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _refuse_untold(value: object) -> None:
    """Refuse what no database keeps, or nobody could show again: halves of characters, U+0000, Russian dolls."""
    rest: list[tuple[object, int]] = [(value, 0)]
    while rest:
        one, depth = rest.pop()
        if depth > _DEEPEST:
            raise Refused(Kind.MALFORMED, f"The body is nested too deeply; {_DEEPEST} levels are enough.")
        match one:
            case str():
                _refuse_text(one)
            case dict():
                rest.extend((key, depth) for key in one)
                rest.extend((inner, depth + 1) for inner in one.values())
            case list():
                rest.extend((inner, depth + 1) for inner in one)
            case _:
                pass


def _refuse_text(text: str) -> None:
    if "\0" in text:
        raise Refused(Kind.MALFORMED, "The body holds the character U+0000, which cannot be kept.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Refused(Kind.MALFORMED, "The body holds half of a surrogate pair, which is no text.") from error


def _fault(path: list[str], detail: str, *, parameters: bool) -> Fault:
    if parameters:
        return Fault(parameter=path[0] if path else "", detail=detail)
    return Fault(pointer=pointer(*path), detail=detail)


def pointer(*path: str) -> str:
    """A JSON pointer (RFC 6901) as the fragment of an address."""
    return "#" + "".join("/" + quote(part.replace("~", "~0").replace("/", "~1"), safe="~") for part in path)


def _summary(faults: tuple[Fault, ...] | list[Fault]) -> str:
    first = faults[0]
    where = first.parameter or first.pointer.removeprefix("#").removeprefix("/")
    more = f" {len(faults) - 1} more of this kind: see errors." if len(faults) > 1 else ""
    named = f'"{where}": ' if where else ""
    return f"{named}{first.detail}{more}"


def _sentence(error: ValidationError) -> str:
    name, value = error.kind.name, error.kind.value
    match name:
        case "type":
            value = _or(_NOUNS[one] for one in value)
        case "enum":
            value = _or("null" if one is None else f'"{one}"' for one in value)
        case "format":
            value = FORMATS[value]
        case "pattern":
            value = PATTERNS[value]
        case _:
            pass
    return _SENTENCES[name].format(value)


def _or(words: Iterable[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} or {last}" if rest else last


def _plain(value: object) -> Any:  # noqa: ANN401 (JSON)
    """Lists for tuples and plain texts for the members of enums, as the checker knows no others."""
    match value:
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case tuple() | list():
            return [_plain(one) for one in value]
        case str():
            return str(value)
        case _:
            return value
