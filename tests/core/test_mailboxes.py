"""What an address alone gives away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.core import mailboxes


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("rea@gmial.com", "rea@gmail.com"),
        ("rea@gmai.com", "rea@gmail.com"),
        ("rea@gmaill.com", "rea@gmail.com"),
        ("rea@gmail.con", "rea@gmail.com"),
        ("rea@gmail.co", "rea@gmail.com"),
        ("rea@hotmial.com", "rea@hotmail.com"),
        ("rea@yaho.com", "rea@yahoo.com"),
        ("rea@outlok.com", "rea@outlook.com"),
        ("rea@t-onlien.de", "rea@t-online.de"),
    ],
)
def test_a_slip_of_the_finger_is_seen(typed: str, right: str) -> None:
    assert mailboxes.meant(typed) == right


@pytest.mark.parametrize(
    "address", ["a@gmail.com", "a@ymail.com", "a@mail.com", "a@example.org", "a@gmx.de", "a@gmailx.example", "a@b.co"]
)
def test_what_is_right_or_something_else_is_no_slip(address: str) -> None:
    assert mailboxes.meant(address) == ""


@given(st.sampled_from(sorted(mailboxes.LARGE)), st.text("abcdef", min_size=1))
def test_no_large_provider_is_a_slip_of_another(domain: str, local: str) -> None:
    assert mailboxes.meant(f"{local}@{domain}") == ""


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Rea+news@Example.org", "rea@example.org"),
        ("r.e.a+x@googlemail.com", "rea@gmail.com"),
        ("r.e.a@example.org", "r.e.a@example.org"),
        ("+x@example.org", "+x@example.org"),
    ],
)
def test_spellings_of_one_mailbox_are_counted_as_one(address: str, mailbox: str) -> None:
    assert mailboxes.canonical(address) == mailbox


def test_an_office_is_told_from_a_person() -> None:
    assert mailboxes.is_role("Postmaster@example.org")
    assert not mailboxes.is_role("rea@example.org")


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("agency.gov", "gov"), ("cs.example.edu", "edu"), ("army.mil", "mil"), ("who.int", "int"), ("gov", "gov"),
        ("council.gov.uk", "gov.uk"), ("www.uni.ac.jp", "ac.jp"), ("x.gouv.fr", "gouv.fr"), ("y.gc.ca", "gc.ca"),
        ("amt.bund.de", "bund.de"), ("bund.de", "bund.de"), ("ec.europa.eu", "europa.eu"),
        ("example.org", ""), ("ac.jp", ""), ("gov.example.org", ""), ("mygov.com", ""), ("notbund.de", ""), ("", ""),
    ],
)  # fmt: skip
def test_what_belongs_to_a_state_an_army_or_a_university_is_told_by_its_end(domain: str, kind: str) -> None:
    assert mailboxes.institution(domain) == kind
