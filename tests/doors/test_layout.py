"""Is a form read by its places as field by field, and are its bytes taken apart as the standard library does it?"""

import socket
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import parse_qsl

import pytest
from house import FORM
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer.core.model import Pairs
from sequencer.errors import BadRequest
from sequencer.forms import Form
from sequencer.web import bodies, layout, letters, pages, presets, programs, shapes, told
from sequencer.web.bodies import Body, Kind
from sequencer.web.shapes import Preset

FORMS = (FORM, replace(FORM, honeypots=("fax", "Name")))
KNOWN = sorted(
    {
        *(name for row in presets.ALL for name in (*row.email, *row.redirects, *row.pages)),
        *(name for row in presets.ALL for name, _ in bodies.urlencoded(row.sample.encode())),
        *shapes.EMAIL,
        *shapes.NAME,
        *shapes.FIRST_NAME,
        *shapes.LAST_NAME,
        *shapes.ZONE,
        *shapes.LANGUAGE,
        *shapes.NEXT,
        *shapes.PAGE,
        *shapes.ATTRIBUTION,
        "_t",
        "_T",
        "altcha",
        "sure",
        "_shape",
        "utm_source",
        "UTM_Source",
        "tags[]",
        "list[2]",
        "b_1a_2b",
        "fax",
        "fields[Town]",
        "metadata__x",
        "First Name",
        "question",
        "csrf_token",
        "x\ny",
        "y" * 70,
    }
)
NAMES = st.sampled_from(KNOWN) | st.sampled_from(KNOWN).map(str.upper) | st.text(max_size=12)
VALUES = st.sampled_from(
    [
        "",
        " ",
        "false",
        "rea@example.org",
        "Rea",
        "https://example.org/?utm_source=a&x=1",
        "fr-FR",
        "Europe/Paris",
        "\x85",
    ]
) | st.text(max_size=20)
GIVEN = st.lists(st.tuples(NAMES, VALUES), max_size=10).map(tuple)
SOURCES = st.sampled_from(["", "https://example.org/?utm_source=page&ref=b&empty=#utm_term=no"])


def _first(given: Pairs, names: Iterable[str]) -> str:
    """The first value that is not blank, found by looking at every field for every name."""
    for name in names:
        for one, value in given:
            if one.lower() == name and value.strip():
                return value.strip()
    return ""


def _is_known(name: str, form: Form, preset: Preset) -> bool:
    names = (*shapes.NAME, *shapes.FIRST_NAME, *shapes.LAST_NAME, *shapes.ZONE, *shapes.LANGUAGE)
    return (
        name.lower() in (*preset.email, *shapes.EMAIL)
        or shapes.written(name) in names
        or layout.is_attribution(name.lower())
        or layout.is_list(name, preset)
        or layout.is_kept_out(name, preset, form.honeypots)
    )


def _others(given: Pairs, form: Form, preset: Preset, typed: str) -> Pairs:
    """What else was asked, field by field."""
    kept: dict[str, str] = {}
    for name, value in given:
        key, words = shapes.bare(name), shapes.line(value, told.LONGEST_VALUE)
        if words in ("", typed) or shapes.line(key, layout.LONGEST_KEY) != key or _is_known(name, form, preset):
            continue
        kept[key] = shapes.line(f"{kept[key]}, {words}", told.LONGEST_VALUE) if key in kept else words
    return tuple(kept.items())


def _campaign(given: Pairs, source: str) -> Pairs:
    everything = dict(parse_qsl(source.partition("?")[2].partition("#")[0]))
    everything |= {name: value for name, value in given if value.strip()}
    kept = {name.lower(): shapes.line(value, told.LONGEST_VALUE) for name, value in everything.items()}
    return tuple(sorted((name, value) for name, value in kept.items() if layout.is_attribution(name)))


@settings(max_examples=400, deadline=None)
@given(fields=GIVEN, form=st.sampled_from(FORMS), row=st.sampled_from(presets.ALL), source=SOURCES)
def test_a_form_is_read_by_its_places_as_by_its_fields(fields: Pairs, form: Form, row: Preset, source: str) -> None:
    here, plain = layout.of(fields, form, row), shapes.plain(fields)
    for names, places in (((*row.email, *shapes.EMAIL), here.email), (("_t",), here.stamp), (("sure",), here.sure)):
        assert layout.said(fields, places) == _first(fields, names) == shapes.first(fields, names)
    assert layout.said(fields, here.altcha) == _first(fields, ("altcha",))
    assert layout.said(fields, here.zone) == _first(plain, shapes.ZONE)
    assert layout.said(fields, here.language) == _first(plain, shapes.LANGUAGE)
    parts = (_first(plain, shapes.FIRST_NAME), _first(plain, shapes.LAST_NAME))
    assert told.name(fields, here) == (_first(plain, shapes.NAME) or " ".join(part for part in parts if part))
    pages_told = [_first(fields, (name,)) for name in (*row.pages, *shapes.PAGE)]
    assert told.page(fields, here) in ("", *(shapes.line(one, told.LONGEST_URL) for one in pages_told))
    assert here.has_email is shapes.holds(fields, (*row.email, *shapes.EMAIL))
    for name in ("_shape", "current_url"):
        assert (name in here.remembers) is shapes.holds(fields, (name,))
    typed = told.email(fields, form, row)
    assert told.attributes(fields, here, typed=typed) == _others(fields, form, row, typed)
    assert told.attribution(fields, here, source) == _campaign(fields, source)
    trapped = [
        value for name, value in fields if name in form.honeypots or shapes.matches(name, (*shapes.TRAPS, *row.traps))
    ]
    assert told.is_trapped(fields, here) is any(value.strip() not in ("", "false") for value in trapped)
    tags = [shapes.line(value, layout.LONGEST_KEY) for name, value in fields if layout.is_list(name, row)]
    assert told.tags(fields, here) == tuple(dict.fromkeys(tag for tag in tags if tag))


@given(fields=GIVEN)
def test_the_row_of_a_form_is_the_first_that_has_a_sign_of_it(fields: Pairs) -> None:
    fields = tuple((name, value) for name, value in fields if name.lower() != "_shape")
    signs = [row for row in presets.ROWS if any(shapes.matches(name, row.signs) for name, _ in fields if row.signs)]
    assert presets.of(fields) is (signs[0] if signs else presets.PLAIN)


def test_what_nobody_sends_is_read_and_not_kept() -> None:
    many = tuple((f"field-{number}", "x") for number in range(100))
    assert not layout.is_usual(tuple(name for name, _ in many))
    assert told.attributes(many, layout.of(many, FORM, presets.PLAIN), typed="")[0] == ("field-0", "x")


@given(fields=GIVEN)
def test_a_forms_names_alone_tell_a_programs_message(fields: Pairs) -> None:
    document = letters._nested(fields)
    one = any(row.unmistakable and all(_at(document, path) for path in row.signs) for row in programs.ROWS)
    assert letters.is_known(Body(raw=b"", kind=Kind.FORM, form=fields)) is one


def _at(document: object, path: str) -> bool:
    for step in path.split(".") if path else ():
        document = document.get(step) if isinstance(document, dict) else None
    return bool(path) and document is not None


@settings(max_examples=400)
@given(raw=st.binary(max_size=60) | st.text("a=&+%4é20", max_size=40).map(str.encode))
@example(raw=b"a=1&&b&=c&%41=%zz+%C3%BC&\xfc=%FC")
def test_a_body_is_taken_apart_as_the_standard_library_does(raw: bytes) -> None:
    usual = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    found = [
        (name.encode("latin-1").decode(errors="replace"), value.encode("latin-1").decode(errors="replace"))
        for name, value in usual
    ]
    said = bodies.urlencoded(raw)
    assert len(said) == len(found)
    for mine, theirs in zip(said, found, strict=True):
        # What is no UTF-8 is read as old pages were written; elsewhere it is told to the letter.
        assert all(a == b or "\N{REPLACEMENT CHARACTER}" in b for a, b in zip(mine, theirs, strict=True))


def test_more_fields_than_any_form_has_are_refused() -> None:
    assert len(bodies.urlencoded(b"&".join([b"a=1"] * bodies.MOST_FIELDS))) == bodies.MOST_FIELDS
    with pytest.raises(BadRequest, match="Too many fields"):
        bodies.urlencoded(b"&" * bodies.MOST_FIELDS)


@given(text=st.ip_addresses().map(str) | st.text("0123456789.:a%x ", max_size=18) | st.text(max_size=6))
@example(text="192.0.2.01")
@example(text="1.2.3")
@example(text="\x00")
def test_an_address_of_the_internet_is_one_for_the_system_too(text: str) -> None:
    try:
        usual = bool(ip_address(text))
    except ValueError:
        usual = False
    assert pages._is_ip(text) is usual


def test_the_system_reads_no_address_that_the_library_refuses() -> None:
    for text in ("127.1", "0x7f.0.0.1", "192.0.2.256", "192.0.2.1 ", "192.0.2.1\n"):
        with pytest.raises(OSError, match="illegal"):
            socket.inet_pton(socket.AF_INET, text)
