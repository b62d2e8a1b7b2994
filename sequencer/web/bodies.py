"""What did a request bring? Bytes of any usual kind become fields, and JSON also the document that it is."""

import codecs
import json
from collections.abc import AsyncGenerator, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sequencer.core.model import Pairs
from sequencer.errors import BadContentType, BadRequest
from sequencer.web.pages import header

MOST_FIELDS = 200
_DEEPEST = 8
_USUAL_NAME = 64  # bytes: longer ones are made up
_FORM, _MULTIPART, _JSON, _TEXT = (
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json",
    "text/plain",
)


class Kind(StrEnum):
    """How a body was written."""

    FORM = "form"
    JSON = "json"


class Body(NamedTuple):
    """A body as it came (`raw`, which signatures are about), and what it says.

    `document` is what the JSON describes, None for a form; `form` the fields of a form, in their order.
    """

    raw: bytes
    kind: Kind
    document: object = None
    form: Pairs = ()

    def fields(self) -> Pairs:
        """The fields by name, one name as often as it was given; JSON is laid flat, as PHP and Rails name fields.

        `{"a": {"b": 1}, "c": [2, 3]}` is a[b]=1, c=2, c=3; a list of names and values, as beehiiv sends it, is a table.
        Raises BadRequest where there are too many, or where JSON holds no object.
        """
        if self.kind is Kind.FORM:
            return self.form
        if not isinstance(self.document, dict):
            raise BadRequest('The body must be a JSON object like {"email": "name@example.org"}.')
        found: list[tuple[str, str]] = []
        for leaf in _leaves("", self.document, 0):
            found.append(leaf)
            if len(found) > MOST_FIELDS:
                raise BadRequest(f"The form cannot be read. Too many fields; at most {MOST_FIELDS} are taken.")
        return _sound(found)


async def read(request: Request) -> Body:
    """The body of a request. Raises BadContentType and BadRequest."""
    return await parse(await request.body(), header(request, b"content-type"))


async def parse(raw: bytes, content_type: str) -> Body:
    """What the bytes say, sent as `content_type`. Raises BadContentType and BadRequest."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _FORM:
        return Body(raw=raw, kind=Kind.FORM, form=urlencoded(raw, _charset(content_type)))
    if kind == _MULTIPART:
        return Body(raw=raw, kind=Kind.FORM, form=await _multipart(raw, content_type))
    if kind == _JSON or kind.endswith("+json"):
        return Body(raw=raw, kind=Kind.JSON, document=_document(raw))
    # Scripts that must not ask first send JSON as plain text: a browser lets that pass without a preflight.
    if kind == _TEXT and raw.lstrip()[:1] == b"{":
        return Body(raw=raw, kind=Kind.JSON, document=_document(raw))
    raise BadContentType(f"This form must be sent as {_FORM}, {_MULTIPART} or {_JSON}.")


def urlencoded(raw: bytes, charset: str = "utf-8") -> Pairs:
    """The fields of a query, or of a body that is written like one. Raises BadRequest."""
    if not raw:
        return ()
    parts = raw.split(b"&")
    if len(parts) > MOST_FIELDS:
        raise BadRequest(f"The form cannot be read. Too many fields; at most {MOST_FIELDS} are taken.")
    found = []
    for part in parts:
        if part:
            name, _, value = part.partition(b"=")
            named = _name(name, charset) if len(name) <= _USUAL_NAME else _unquoted(name, charset)
            found.append((named, _unquoted(value, charset)))
    return _sound(found)


def query(request: Request) -> Pairs:
    """The fields of a request's address. Raises BadRequest."""
    return urlencoded(request.scope["query_string"])


def _unquoted(part: bytes, charset: str) -> str:
    """A name or a value as it was before it was written for the wire."""
    if b"+" in part:
        part = part.replace(b"+", b" ")
    return _decoded(unquote_to_bytes(part) if b"%" in part else part, charset)


# The next form has fields of the same names.
_name = lru_cache(1024)(_unquoted)


def _charset(content_type: str) -> str:
    """The charset that is announced, where it is one that we know."""
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            try:
                return codecs.lookup(value.strip(" \"'")).name
            except LookupError:
                break
    return "utf-8"


def _decoded(raw: bytes, charset: str) -> str:
    """The text that the bytes are: UTF-8 unless they are not, then as old pages were written."""
    for one in ("utf-8", charset, "cp1252"):
        try:
            return raw.decode(one)
        except (UnicodeError, LookupError):
            continue
    return raw.decode("utf-8", "replace")


async def _multipart(raw: bytes, content_type: str) -> Pairs:
    parser = MultiPartParser(
        Headers({"content-type": content_type}), _once(raw), max_files=MOST_FIELDS, max_fields=MOST_FIELDS
    )
    try:
        form = await parser.parse()
    except KeyError as error:
        raise BadRequest("The form cannot be read. Missing boundary.") from error
    except MultiPartException as error:
        raise BadRequest(f"The form cannot be read. {error.message.rstrip('.')}.") from error
    except (UnicodeError, LookupError) as error:
        raise BadRequest("The form cannot be read. Its charset cannot be decoded.") from error
    try:
        return _sound(list(_without_files(form)))
    finally:
        await form.close()


def _without_files(form: FormData) -> Iterator[tuple[str, str]]:
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            yield name, value
        elif value.filename or value.size:  # a file input that was left alone is sent as an empty, nameless file
            raise BadRequest("This form takes no files; please send it without.")


async def _once(raw: bytes) -> AsyncGenerator[bytes, None]:
    yield raw


def _document(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON.") from error


def _leaves(name: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    """Every text, number and truth value below; what lies too deep is no field of any form."""
    if depth > _DEEPEST or value is None:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}[{key}]" if name else key, inner, depth + 1)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            if not isinstance(inner, dict | list):
                yield from _leaves(name, inner, depth + 1)
            elif isinstance(inner, dict) and set(inner) == {"name", "value"}:
                yield from _leaves(f"{name}[{inner['name']}]", inner["value"], depth + 1)
            else:
                yield from _leaves(f"{name}[{at}]", inner, depth + 1)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def _sound(found: list[tuple[str, str]]) -> Pairs:
    try:
        "".join([name + value for name, value in found]).encode()
    except UnicodeEncodeError as error:
        # Half a surrogate pair could be neither stored nor shown again.
        raise BadRequest("The form holds characters that are no text.") from error
    return tuple(found)
