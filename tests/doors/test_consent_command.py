"""Can an admin show that somebody agreed, whichever way they came, and let a suppressed address go?"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from house import DAY, FORM, LONDON, NOW, House, an_address, small_course
from installation import SETTINGS, Run, sentence

from sequencer.core import abuse
from sequencer.core.abuse import Signals
from sequencer.core.model import SignupRequest, SubscriberState
from sequencer.flows import signup
from sequencer.flows.signup import Door, Knock
from sequencer.forms import Form, OptIn
from sequencer.store.database import connect

EMAIL = "reader@example.org"
SINGLE = Form(
    key="members", course="small", opt_in=OptIn.SINGLE, single_because="They had signed in.", consent="I agree."
)


@pytest.fixture
def house(run: Run, folder: Path) -> Iterator[House]:
    """A house over the database of the commands."""
    run("subscriber", "list")
    db = connect("sqlite:///test.db", root=folder)
    made = House(db)
    made.publish(small_course(), NOW)
    yield made
    db.close()


def sign_up(house: House, form: Form = FORM) -> None:
    """Somebody signs up by Mailchimp's form, and tells a lot."""
    request = SignupRequest(
        form=form.key,
        address=an_address(EMAIL),
        name="Ann",
        timezone="Asia/Tokyo",
        note="",
        source_url="https://example.org/an-article",
        ip="192.0.2.1",
        user_agent="Mozilla/5.0 (X11; Linux x86_64)",
        language="ja",
        shape="mailchimp",
        utm=(("utm_source", "mastodon"), ("utm_campaign", "spring")),
        attributes=(("city", "Kyoto"),),
        tags=("tea", "go"),
    )
    at = Door(caps=abuse.caps({"form": 1000}), secret="s", zone=LONDON)
    signals = Signals(form=form.key, address=EMAIL, name="", ip="192.0.2.1")
    signup.take(house.db, [Knock(request=request, form=form, signals=signals)], at, now=NOW)
    house.tick(NOW)


def proof(run: Run) -> str:
    """What the command prints, but for the hour at which it is asked."""
    result = run("subscriber", "consent", EMAIL.upper())
    assert (result.exit_code, result.stderr) == (0, "")
    first, rest = result.stdout.split("\n", 1)
    assert first.startswith(f"Consent of {EMAIL}, as it is on record on 20")
    return rest


def document(run: Run) -> dict[str, object]:
    """The proof for programs: its only consent."""
    found = json.loads(run("subscriber", "consent", EMAIL, "--json").stdout)
    (one,) = found["consents"]
    return dict(one)


def test_the_proof_says_who_agreed_to_what_when_where_and_how_it_was_confirmed(run: Run, house: House) -> None:
    sign_up(house)
    house.tidy(NOW + 3 * DAY)
    house.tick(NOW + 3 * DAY)
    house.confirm(EMAIL, NOW + 3 * DAY + timedelta(minutes=5))
    assert (
        proof(run)
        == f"""\
The person is active; we know of them since 2026-03-02 07:00:00 UTC.

1. "A Small Course" (small)
   asked:        2026-03-02 07:00:00 UTC, by the form "newsletter", sent as "mailchimp" sends it
   from:         IP address 192.0.2.1
   browser:      Mozilla/5.0 (X11; Linux x86_64)
   page:         https://example.org/an-article
   campaign:     utm_source=mastodon, utm_campaign=spring
   words:        "I would like to receive this course by e-mail."
   version:      {FORM.wording_version}
   told us:      name Ann; time zone Asia/Tokyo; language ja; city Kyoto; tags tea, go
   mail:         confirmation mail, taken by the mail server on 2026-03-02 07:00:00 UTC ("250 2.0.0 Ok")
   mail:         reminder, taken by the mail server on 2026-03-05 07:00:00 UTC ("250 2.0.0 Ok")
   answer:       yes, on 2026-03-05 07:05:00 UTC from the IP address 192.0.2.1
   proof:        confirmed by a button behind a link that was mailed to the address
"""
    )


def test_the_proof_for_programs_holds_all_that_the_other_does(run: Run, house: House) -> None:
    sign_up(house)
    house.confirm(EMAIL, NOW + DAY)
    said = document(run)
    mails = said.pop("mails")
    assert said == {
        "course": "small",
        "form": "newsletter",
        "shape": "mailchimp",
        "asked_at": "2026-03-02T07:00:00+00:00",
        "ip": "192.0.2.1",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
        "source_url": "https://example.org/an-article",
        "utm": {"utm_source": "mastodon", "utm_campaign": "spring"},
        "wording": FORM.consent,
        "wording_version": FORM.wording_version,
        "name": "Ann",
        "timezone": "Asia/Tokyo",
        "language": "ja",
        "attributes": {"city": "Kyoto"},
        "tags": ["tea", "go"],
        "note": "",
        "assent": "mail",
        "confirmed_at": "2026-03-03T07:00:00+00:00",
        "confirmed_ip": "192.0.2.1",
        "disowned_at": None,
        "link_until": "2026-03-09T07:00:00+00:00",
    }
    assert isinstance(mails, list)
    assert [(mail["kind"], mail["state"], mail["reply"]) for mail in mails] == [
        ("confirmation", "sent", "250 2.0.0 Ok")
    ]


def test_of_single_opt_in_the_proof_says_that_nobody_was_asked_and_why(run: Run, house: House) -> None:
    sign_up(house, SINGLE)
    said = proof(run)
    assert "note:         Nobody was asked by mail: They had signed in.\n" in said
    assert "proof:        nobody was asked by mail; the form is trusted to know its visitors\n" in said
    assert '"I agree."' in said
    assert "\n   mail:" not in said
    assert document(run)["assent"] == "form"


def test_of_who_was_added_the_proof_says_where_they_agreed(run: Run) -> None:
    run("subscriber", "add", EMAIL, "--confirmed", "on paper, at the fair")
    said = proof(run)
    assert 'words:        "on paper, at the fair"\n' in said
    assert "proof:        nobody was asked by mail; they agreed elsewhere, as was said when they were added\n" in said
    assert document(run)["assent"] == "elsewhere"


def test_of_who_did_not_confirm_and_who_disowned_the_proof_says_so(run: Run, house: House) -> None:
    sign_up(house)
    said = proof(run)
    assert "answer:       none; the link worked until 2026-03-09 07:00:00 UTC\n" in said
    assert "proof:" not in said
    house.refuse(EMAIL, NOW + DAY)
    said = proof(run)
    assert "The person is suppressed; we know of them since 2026-03-02 07:00:00 UTC.\n" in said
    assert (
        "The address is suppressed since 2026-03-03 07:00:00 UTC (disowned): "
        "The owner of the address said that it had not been them.\n"
    ) in said
    assert 'answer:       the owner of the address said "that was not me" on 2026-03-03 07:00:00 UTC\n' in said
    assert document(run)["disowned_at"] == "2026-03-03T07:00:00+00:00"


def test_a_mail_that_was_not_sent_is_no_proof_of_asking(run: Run, house: House) -> None:
    house.courier.down = "The relay is away."
    sign_up(house)
    assert "mail:         confirmation mail of 2026-03-02 07:00:00 UTC: queued\n" in proof(run)


def test_of_whom_nothing_is_kept_the_proof_says_what_is(run: Run, house: House) -> None:
    assert sentence(run("subscriber", "consent", EMAIL), 1) == f"Nothing is kept of {EMAIL}."
    house.sign_up(EMAIL)
    house.tick(NOW)
    house.refuse(EMAIL)
    house.tidy(NOW + 30 * DAY)
    said = sentence(run("subscriber", "consent", EMAIL), 1)
    assert said == f"Nothing is kept of {EMAIL}, but that it is suppressed (disowned)."


def test_somebody_without_a_consent_has_none_on_record(run: Run, house: House) -> None:
    house.sign_up(EMAIL)
    house.tick(NOW)
    house.refuse(EMAIL)
    house.tidy(NOW + 30 * DAY)
    house.sign_up(EMAIL, NOW + 31 * DAY)
    assert proof(run).endswith("\nNo consent is on record.\n")


# The suppression list


def test_the_suppression_list_is_shown_and_an_address_taken_off_it(run: Run, house: House) -> None:
    house.sign_up(EMAIL)
    house.tick(NOW)
    house.refuse(EMAIL)
    (said,) = map(json.loads, run("suppression", "list", "--json").stdout.splitlines())
    detail = "The owner of the address said that it had not been them."
    assert said == {"address": EMAIL, "reason": "disowned", "detail": detail, "since": "2026-03-02T07:00:00+00:00"}
    assert EMAIL in run("suppression", "list").stdout
    result = run("suppression", "remove", EMAIL)
    assert result.stdout == (
        f"{EMAIL} was suppressed on 2026-03-02 (disowned): {detail}\n"
        "It is off the list. Nothing is sent there before its owner signs up again and confirms.\n"
    )
    assert run("suppression", "list", "--json").stdout == ""
    assert sentence(run("suppression", "remove", EMAIL), 1) == f"{EMAIL} is not on the suppression list."
    assert "will get a confirmation mail" in run("subscriber", "add", EMAIL).stdout


def test_an_address_is_put_on_the_suppression_list_once(run: Run, house: House) -> None:
    house.join(EMAIL)
    add = ("suppression", "add", EMAIL, "--reason")
    said = run(*add, "complaint", "--detail", " abuse ").stdout
    assert said == f"{EMAIL} is on the suppression list (complaint). Nothing more is sent there.\n"
    again = run(*add, "bounce")
    assert again.exit_code == 0
    assert re.fullmatch(rf"{EMAIL} is on the list since \d{{4}}-\d\d-\d\d \(complaint\) already.\n", again.stdout)
    (said,) = map(json.loads, run("suppression", "list", "--json").stdout.splitlines())
    assert (said["address"], said["reason"], said["detail"]) == (EMAIL, "complaint", "abuse")
    assert house.person(EMAIL).state is SubscriberState.SUPPRESSED


@pytest.mark.parametrize(
    ("words", "sentence_of_it"),
    [
        (("nobody", "--reason", "bounce"), "An email address must have an @-sign"),
        ((EMAIL, "--reason", "disowned"), "disowned"),
        ((EMAIL,), "--reason"),
        ((EMAIL, "--reason", "manual", "--detail", "one\ntwo"), "write one line of 500 characters at most"),
        ((EMAIL, "--reason", "manual", "--detail", "x" * 501), "write one line of 500 characters at most"),
    ],
)
def test_what_cannot_be_put_on_the_list_is_said_in_a_sentence(
    run: Run, words: tuple[str, ...], sentence_of_it: str
) -> None:
    result = run("suppression", "add", *words)
    assert result.exit_code == 2
    assert sentence_of_it in result.stderr
    assert run("suppression", "list", "--json").stdout == ""


def test_whom_an_admin_types_is_asked_by_mail_though_the_form_is_of_single_opt_in(run: Run, folder: Path) -> None:
    single = 'opt_in = "single"\nsingle_because = "They had signed in."\n'
    (folder / "sequencer.toml").write_text(SETTINGS + single, encoding="utf-8")
    assert run("subscriber", "add", EMAIL).stdout == f"{EMAIL} will get a confirmation mail.\n"


def test_a_tick_tidies_up_too(run: Run, house: House) -> None:
    house.sign_up(EMAIL)
    house.tick(NOW)
    run("tick", "--now", (NOW + 3 * DAY).isoformat())
    assert [row.kind.value for row in house.ledger(EMAIL)] == ["confirmation", "reminder"]
    run("tick", "--now", (NOW + 30 * DAY).isoformat())
    assert sentence(run("subscriber", "why", EMAIL), 1) == f"We do not know {EMAIL}."


def test_why_names_a_reminder_in_words(run: Run, house: House) -> None:
    house.sign_up(EMAIL)
    house.tick(NOW)
    house.tidy(NOW + 3 * DAY)
    house.tick(NOW + 3 * DAY)
    said = run("subscriber", "why", EMAIL).stdout
    assert '2026-03-05 07:00 UTC  reminder to confirm: sent. The relay said "250 2.0.0 Ok".' in said
