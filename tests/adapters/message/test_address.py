"""Is what somebody typed an address that we can write to, and by which key do we know them?"""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from sequencer.core.model import Address
from sequencer.errors import BadRequest
from sequencer.message import address

GOOD = [
    ("ann@example.org", "ann@example.org", "ann@example.org"),
    ("  ann@example.org\n", "ann@example.org", "ann@example.org"),
    ("Ann.Author@Example.ORG", "ann.author@example.org", "Ann.Author@example.org"),
    ("ann+course@example.org", "ann+course@example.org", "ann+course@example.org"),
    ("o'neill@example.co.uk", "o'neill@example.co.uk", "o'neill@example.co.uk"),
    ("ann@mail.example.org", "ann@mail.example.org", "ann@mail.example.org"),
    ("!#$%&*-/=?^_`{|}~@example.org", "!#$%&*-/=?^_`{|}~@example.org", "!#$%&*-/=?^_`{|}~@example.org"),
    ("ann@bücher.example", "ann@bücher.example", "ann@xn--bcher-kva.example"),
    ("ann@BÜCHER.example", "ann@bücher.example", "ann@xn--bcher-kva.example"),
    ("ann@xn--bcher-kva.example", "ann@bücher.example", "ann@xn--bcher-kva.example"),
    ("a" * 64 + "@example.org", "a" * 64 + "@example.org", "a" * 64 + "@example.org"),
]


@pytest.mark.parametrize(("typed", "normalized", "wire"), GOOD)
def test_an_address_has_a_key_and_a_form_for_the_wire(typed: str, normalized: str, wire: str) -> None:
    assert address.parse(typed) == Address(normalized=normalized, wire=wire, needs_smtputf8=False)


@pytest.mark.parametrize(
    ("typed", "normalized", "wire"),
    [
        ("josé@example.org", "josé@example.org", "josé@example.org"),
        ("jose\u0301@example.org", "josé@example.org", "josé@example.org"),
        ("José@Bücher.example", "josé@bücher.example", "José@xn--bcher-kva.example"),
        ("用户@例子.广告", "用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
    ],
)
def test_a_name_beyond_ascii_needs_smtputf8_and_its_domain_still_goes_in_ascii(
    typed: str, normalized: str, wire: str
) -> None:
    assert address.parse(typed) == Address(normalized=normalized, wire=wire, needs_smtputf8=True)


@pytest.mark.parametrize("typed", ["ann@example.org", "Ann@Example.org", "ANN@EXAMPLE.ORG", " ann@example.ORG "])
def test_nobody_is_two_people_by_their_capitals(typed: str) -> None:
    assert address.parse(typed).normalized == "ann@example.org"


@pytest.mark.parametrize("typed", [normalized for _, normalized, _ in GOOD])
def test_what_is_normalized_stays_as_it_is(typed: str) -> None:
    assert address.parse(typed).normalized == typed


NO_ADDRESSES = (
    *("ann", "ann@", "@example.org", "ann@example", "ann@localhost", "ann@@example.org", "ann@example.org@example.org"),
    *("ann author@example.org", "ann@exam ple.org", "ann@example..org", "ann..a@example.org", ".ann@example.org"),
    *("Ann <ann@example.org>", '"ann a"@example.org', "ann@[192.0.2.1]", "ann@192.0.2.1", "mailto:ann@example.org"),
    *("ann@example.org,bob@example.org", "ann@example.org; bob@example.org", "ann@-example.org", "ann@exam_ple.org"),
    *("ann@example.test", "ann@example.invalid", "ann@" + "a" * 64 + ".org", "ann@" + "a." * 130 + "org"),
)


@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_what_is_no_address_is_refused_in_a_sentence_for_the_visitor(typed: str) -> None:
    with pytest.raises(BadRequest) as caught:
        address.parse(typed)
    assert str(caught.value).startswith(("This e-mail address cannot be used. ", "This is not an e-mail address; "))
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("typed", ["", " ", "\t\r\n"])
def test_no_address_is_asked_for(typed: str) -> None:
    with pytest.raises(BadRequest, match=r"^Please give your e-mail address.$"):
        address.parse(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "ann@example.org\r\nBcc: bob@example.org",
        "ann\n@example.org",
        "ann\x00@example.org",
        "ann@exam\x7fple.org",
        "ann\u200b@example.org",
        "ann\u202e@example.org",
        "ann@example.org\x1b[0m",
        "a" * 309 + "@example.org",
        "a" * 10_000_000,
    ],
    ids=lambda typed: repr(typed[:30]),
)
def test_what_could_hide_something_or_has_no_end_is_refused_at_once(typed: str) -> None:
    with pytest.raises(BadRequest, match=r"needs a form like name@example.org"):
        address.parse(typed)


_WORDS = st.text("ab0.-_+'%é@xn", max_size=9)
_LABELS = st.text("ab0-x", max_size=5) | st.sampled_from(["test", "local", "arpa", "onion", "invalid", "b" * 63, "B"])
_DOMAINS = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)


@example(local="a.b+c", domain="Example.ORG")
@example(local=".a", domain="example.org")
@example(local="a..b", domain="example.org")
@example(local="a" * 65, domain="example.org")
@example(local="a", domain="xn--bcher-kva.example")
@example(local="a", domain="localhost")
@example(local="a", domain="-x.org")
@example(local="a", domain="1.2.3.4")
@example(local="a", domain=f"{'b.' * 130}org")
@example(local="a", domain="ab--c.org")
@example(local="a", domain="abc--d.org")
@example(local="a", domain="contest")
@example(local="a", domain="con.test")
@example(local="a", domain="example.contest")
@example(local="a", domain="local.example.0rg")
@example(local="a", domain="example.or9")
@example(local="a", domain=f"{'b' * 63}.org")
@example(local="a", domain=f"{'b' * 64}.org")
@example(local="a", domain="".join(f"{'b' * 62}." for _ in range(4)) + "c")
@given(local=_WORDS, domain=_DOMAINS | _WORDS | _WORDS.map(lambda name: f"{name}.org"))
def test_the_quick_way_and_the_librarys_say_the_same(local: str, domain: str) -> None:
    typed = f"{local}@{domain}"
    try:
        found = validate_email(typed, check_deliverability=False, strict=True)
    except EmailNotValidError:
        with pytest.raises(BadRequest):
            address.parse(typed)
        return
    said = address.parse(typed)
    assert said.normalized == found.normalized.lower()
    assert said.wire == (found.ascii_email or f"{found.local_part}@{found.ascii_domain}")
    assert said.needs_smtputf8 is (found.ascii_email is None)


@pytest.mark.parametrize("email", ["rea@mailinator.com", "rea@sub.mailinator.com"])
def test_a_provider_of_throw_away_addresses_is_known(email: str) -> None:
    assert address.is_disposable(address.parse(email))
    assert not address.is_disposable(address.parse("rea@example.org"))
