"""Does another program, dkimpy, find our signatures right, and refuse whatever was changed after them?"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dkim as oracle
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from house import NOW, SECRET
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer import settings as options
from sequencer.core.model import Mailbox
from sequencer.errors import BadSettings
from sequencer.message import dkim, mime
from sequencer.message.dkim import Signer, Signers
from sequencer.message.mime import Letter

ENVIRON = {
    "SEQUENCER_BASE_URL": "https://mail.example.org",
    "SEQUENCER_SECRET_KEY": SECRET,
    "SEQUENCER_POSTAL_ADDRESS": "1 Example Street",
}
UNSUBSCRIBE = "https://mail.example.org/u/" + "dXF3ZXJ0eXVpb3Bhc2RmZ2hqa2w" * 3
# What else a message may have besides those that compose() writes.
EXTRA = b"Reply-To: ann@example.org\r\nFeedback-ID: lesson1:small:lesson:example\r\n"
LESSON = Letter(
    sender=Mailbox(name="Ann Author", address="ann@example.org"),
    recipient="reader@example.net",
    subject="Why they pull away, and what helps: the first lesson of a course that has many more than one",
    language="en",
    message_id="<0123456789abcdef@example.org>",
    date=NOW,
    list_name="A Small Course",
    list_id="small.list-id.example.org",
    list_archive="https://mail.example.org/archive",
    unsubscribe=UNSUBSCRIBE,
    text="Dear Zoë,\n\n" + "steady words, line by line. " * 300 + "\n.\n",
    html="<html><body>" + "<p>Dear Zoë, steady words = many</p>\n" * 200 + "</body></html>\n",
)
FOLDED = b"Subject: a\r\n\tfolded  \t subject\r\n \r\n here \r\nFROM:  \tann@example.org\r\n\r\nwords\r\n"
CONFIRMATION = replace(LESSON, list_id="", list_archive="", unsubscribe="", automatic=True)
MESSAGE = EXTRA + mime.compose(LESSON)
# RFC 5321 §2.3.8 knows no line end but CRLF.
LINE = st.binary(max_size=80).map(lambda line: re.sub(rb"[\r\n]", b"", line))
BODY = st.lists(LINE, max_size=20).map(b"\r\n".join) | st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b" \r\n", b"x"])
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key of each kind."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "rsa.pem").write_bytes(dkim.new_key(ed25519=False))
    (folder / "ed.pem").write_bytes(dkim.new_key(ed25519=True))
    return folder


@pytest.fixture(scope="module")
def both(keys: Path) -> tuple[Signer, Signer]:
    """Who signs with RSA, and who with Ed25519."""
    return dkim.load(keys / "rsa.pem", "example.org", "s1"), dkim.load(keys / "ed.pem", "example.org", "s1")


def signed(content: bytes, signers: Sequence[Signer]) -> bytes:
    return dkim.sign(content, signers, timestamp=NOW)


def verdicts(content: bytes, signers: Sequence[Signer]) -> list[bool]:
    """What dkimpy says of each signature, its public keys from the records that we publish."""
    records = {f"{signer.record_name}.": dkim.record(signer).encode() for signer in signers}

    def answer(name: bytes, timeout: int = 5) -> bytes:
        assert timeout
        return records[name.decode()]

    found = oracle.DKIM(content, minkey=2048)
    return [verdict(found, index, answer) for index in range(len(signers))]


def verdict(message: oracle.DKIM, index: int, answer: Callable[..., bytes]) -> bool:
    try:
        return bool(message.verify(idx=index, dnsfunc=answer))
    except oracle.ValidationError:  # the body, or a tag, is not what was signed
        return False


def headers_of(content: bytes) -> list[str]:
    """The names of the headers, in lower case."""
    return [name.decode().lower() for name in re.findall(rb"(?m)^([A-Za-z-]+):", content.partition(b"\r\n\r\n")[0])]


def tags(content: bytes) -> dict[str, str]:
    """The tags of the first signature, without white space."""
    (header,) = re.findall(rb"\ADKIM-Signature:((?:.*\r\n)(?:[ \t].*\r\n)*)", content)
    pairs = (tag.partition("=") for tag in re.sub(r"\s", "", header.decode()).split(";"))
    return {name: value for name, _, value in pairs}


def rewritten(content: bytes, name: str, value: bytes) -> bytes:
    """The message with another value in a header."""
    pattern = rb"(?mi)^(" + name.encode() + rb"): .*\r\n(?:[ \t].*\r\n)*"
    changed, times = re.subn(pattern, lambda found: found[1] + b": " + value + b"\r\n", content, count=1)
    assert times == 1
    return changed


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(MESSAGE, id="lesson"),
        pytest.param(mime.compose(CONFIRMATION), id="confirmation"),
        pytest.param(mime.compose(replace(LESSON, subject="Grüße, 漢字 und 👩‍👩‍👧 " * 9)), id="unicode-subject"),
        pytest.param(mime.compose(replace(LESSON, recipient="zoë@exämple.net")), id="recipient-beyond-ascii"),
        pytest.param(FOLDED, id="folds"),
        pytest.param(b"From: ann@example.org\r\nSubject:\r\n\r\nwords\r\n", id="empty-header"),
        pytest.param(MESSAGE + b"\r\n\r\n\r\n", id="blank-lines-at-the-end"),
        pytest.param(MESSAGE.removesuffix(b"\r\n"), id="no-line-end-at-the-end"),
        pytest.param(b"From: ann@example.org\r\n\r\n", id="empty-body"),
        pytest.param(b"From: ann@example.org\r\n\r\n\r\n\r\n", id="body-of-blank-lines"),
        pytest.param(b"From: ann@example.org\r\n\r\n \r\n\r\n", id="body-of-a-space"),
    ],
)
def test_dkimpy_finds_each_signature_right(content: bytes, both: tuple[Signer, Signer]) -> None:
    rsa_signer, ed_signer = both
    for signers in ((rsa_signer,), (ed_signer,), both):
        made = signed(content, signers)
        assert made.endswith(content)
        assert verdicts(made, signers) == [True] * len(signers)


@settings(max_examples=150, deadline=None)
@given(subject=WORDS, body=BODY)
@example(subject="a\tb", body=b"\t \r\n\r\n")
def test_dkimpy_finds_any_subject_and_any_body_right(both: tuple[Signer, Signer], subject: str, body: bytes) -> None:
    head, _, _ = mime.compose(replace(LESSON, subject=subject)).partition(b"\r\n\r\n")
    assert verdicts(signed(head + b"\r\n\r\n" + body, both), both) == [True, True]


@pytest.mark.parametrize("name", [name for name in dkim.SIGNED if name in headers_of(MESSAGE)])
def test_whoever_changes_or_drops_a_header_breaks_both_signatures(name: str, both: tuple[Signer, Signer]) -> None:
    made = signed(MESSAGE, both)
    assert verdicts(rewritten(made, name, b"something else"), both) == [False, False]
    assert verdicts(made.replace(b"\r\n" + header_line(made, name), b"\r\n"), both) == [False, False]


def header_line(content: bytes, name: str) -> bytes:
    found = re.search(rb"(?mi)^" + name.encode() + rb": .*\r\n(?:[ \t].*\r\n)*", content)
    assert found is not None
    return found[0]


def test_every_header_that_can_be_signed_is_in_the_message_of_these_tests() -> None:
    assert set(dkim.SIGNED) <= set(headers_of(MESSAGE))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whoever_changes_a_byte_of_the_body_breaks_both_signatures(
    both: tuple[Signer, Signer], data: st.DataObject
) -> None:
    made = bytearray(signed(MESSAGE, both))
    begins = made.index(b"\r\n\r\n") + 4
    at = data.draw(st.integers(begins, len(made) - 1))
    made[at] ^= data.draw(st.sampled_from([1, 2, 4, 16, 32, 128]))
    assert verdicts(bytes(made), both) == [False, False]


@pytest.mark.parametrize(("before", "after"), [("t=17", "t=16"), ("from:", "from:sender:"), ("bh=", "bh=A")])
def test_whoever_changes_a_tag_of_the_signature_breaks_it(before: str, after: str, both: tuple[Signer, Signer]) -> None:
    made = signed(b"Sender: eve@example.net\r\n" + MESSAGE, both[:1])
    assert made.count(before.encode()) >= 1
    assert verdicts(made.replace(before.encode(), after.encode(), 1), both[:1]) == [False]


def test_a_signature_survives_a_relay_that_folds_headers_anew_and_adds_blank_lines(both: tuple[Signer, Signer]) -> None:
    made = signed(MESSAGE, both)
    folded = rewritten(made, "subject", b" \t" + LESSON.subject.replace(" ", "\r\n\t ").encode() + b" ")
    received = b"Received: from here\r\n" + folded.replace(b"\r\nTo: ", b"\r\ntO:\t") + b"\r\n\r\n"
    assert verdicts(received, both) == [True, True]


def test_white_space_around_a_colon_counts_for_nothing(both: tuple[Signer, Signer]) -> None:
    # dkimpy does not read such headers, others do (RFC 5322 §4.5.8); so the signatures are compared.
    tidy, shabby = (b"From: ann@example.org\r\n\r\nx", b"From \t: \t ann@example.org \r\n\r\nx")
    assert signed(shabby, both).removesuffix(shabby) == signed(tidy, both).removesuffix(tidy)


def test_of_a_repeated_header_the_last_is_covered(both: tuple[Signer, Signer]) -> None:
    made = signed(b"Reply-To: first@example.org\r\n" + MESSAGE, both)
    assert tags(made)["h"].split(":").count("reply-to") == 1
    assert verdicts(made.replace(b"first@", b"other@"), both) == [True, True]
    assert verdicts(made.replace(b"Reply-To: ann@", b"Reply-To: eve@"), both) == [False, False]


def test_a_header_is_listed_where_it_is_there_and_only_then(both: tuple[Signer, Signer]) -> None:
    assert tags(signed(MESSAGE, both))["h"].split(":") == list(dkim.SIGNED)
    listed = tags(signed(mime.compose(CONFIRMATION), both))["h"].split(":")
    there = headers_of(mime.compose(CONFIRMATION))
    assert listed == [name for name in dkim.SIGNED if name in there]
    assert "list-unsubscribe" not in listed


def test_a_relay_that_writes_date_and_message_id_anew_breaks_nothing_where_they_are_left_out(
    both: tuple[Signer, Signer],
) -> None:
    careful = [signer.without("date", "message-id") for signer in both]
    for signers, expected in ((both, [False, False]), (careful, [True, True])):
        passed_on = rewritten(signed(MESSAGE, signers), "message-id", b"<0100-000000@email.amazonses.com>")
        passed_on = rewritten(passed_on, "date", b"Mon, 02 Mar 2026 07:00:09 +0000")
        assert verdicts(passed_on, signers) == expected


def test_the_signature_says_what_it_is(both: tuple[Signer, Signer]) -> None:
    said = tags(signed(MESSAGE, both))
    assert list(said) == ["v", "a", "c", "d", "s", "h", "t", "bh", "b"]
    assert said["t"] == str(int(NOW.timestamp()))
    assert {name: said[name] for name in "vacds"} == {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/simple",
        "d": "example.org",
        "s": "s1",
    }
    assert re.findall(rb" a=([a-z0-9-]+);", signed(MESSAGE, both)) == [b"rsa-sha256", b"ed25519-sha256"]


def test_rsa_comes_first_whoever_is_named_first(both: tuple[Signer, Signer]) -> None:
    assert signed(MESSAGE, both[::-1]) == signed(MESSAGE, both)


def test_the_same_message_at_the_same_time_has_the_same_bytes(both: tuple[Signer, Signer]) -> None:
    assert signed(MESSAGE, both) == signed(MESSAGE, both)
    later = dkim.sign(MESSAGE, both, timestamp=NOW + timedelta(seconds=1))
    assert later != signed(MESSAGE, both)
    assert verdicts(later, both) == [True, True]


def test_where_nobody_signs_the_message_stays_as_it_is() -> None:
    assert signed(MESSAGE, ()) == MESSAGE


@pytest.mark.parametrize(
    "domain", ["a.org", "mail.example.org", "a-rather-long-name-of-a-brand.newsletters.example.org"]
)
def test_no_line_of_a_signature_is_longer_than_a_line_of_mail_may_be(domain: str, both: tuple[Signer, Signer]) -> None:
    signers = [replace(signer, domain=domain) for signer in both]
    made = signed(MESSAGE, signers)
    assert verdicts(made, signers) == [True, True]
    lines = made.removesuffix(MESSAGE).split(b"\r\n")[:-1]
    assert max(map(len, lines)) <= 78
    assert all(line.startswith((b"DKIM-Signature: ", b" ")) and line.strip() for line in lines)
    assert all(line.isascii() and line.decode().isprintable() for line in lines)


def test_a_domain_that_fills_a_line_stays_in_one_piece(both: tuple[Signer, Signer]) -> None:
    domain = ".".join(["a" * 60] * 4)
    signers = [replace(signer, domain=domain) for signer in both]
    made = signed(MESSAGE, signers)
    assert f"\r\n d={domain};\r\n".encode() in made
    assert verdicts(made, signers) == [True, True]


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def refusal(path: Path) -> str:
    with pytest.raises(BadSettings) as caught:
        dkim.load(path, "example.org", "s1")
    return str(caught.value)


@pytest.mark.parametrize("bits", [1024, 2047])
def test_an_rsa_key_that_is_too_small_is_refused(bits: int, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(rsa.generate_private_key(65537, bits)))
    assert refusal(path) == f"{path} holds an RSA key of {bits} bits; it needs at least 2048."


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    assert refusal(path) == f"{path} holds a key of another kind; it needs an RSA or an Ed25519 key."


def test_a_key_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), b"hunter2"))
    assert refusal(path) == f"{path} is encrypted; it needs a key without a password."


@pytest.mark.parametrize("part", [slice(0), slice(400), slice(400, None), slice(0, None, 2)])
def test_what_is_no_whole_key_is_refused_and_nothing_of_it_repeated(part: slice, keys: Path, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes((keys / "rsa.pem").read_bytes()[part])
    assert refusal(path) == f"{path} holds no private key that can be read; it needs one in PEM form."


def test_a_public_key_is_not_enough(keys: Path, tmp_path: Path) -> None:
    public = dkim.load(keys / "rsa.pem", "example.org", "s1").key.public_key()
    path = tmp_path / "key.pem"
    path.write_bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    assert refusal(path) == f"{path} holds no private key that can be read; it needs one in PEM form."


def test_a_file_that_is_not_there_or_no_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert refusal(path) == f'There is no {path}; "sequencer dkim new" makes a key.'
    assert refusal(tmp_path) == f"{tmp_path} cannot be read (Is a directory); it needs to be a file with a key."


def test_a_key_as_other_programs_write_it_is_read(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 3072)
    path = tmp_path / "key.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    signers = [dkim.load(path, "example.org", "s1")]
    assert verdicts(signed(MESSAGE, signers), signers) == [True]


def test_a_signer_shows_nothing_of_its_key(both: tuple[Signer, Signer]) -> None:
    assert [repr(signer) for signer in both] == [
        f"Signer(domain='example.org', selector={name!r}, headers={dkim.SIGNED!r})" for name in ("s1", "s1-ed")
    ]


def test_a_record_in_a_zone_file_is_the_same_in_strings_that_are_not_too_long(both: tuple[Signer, Signer]) -> None:
    for signer, pieces in zip(both, (2, 1), strict=True):
        zone = dkim.zone_record(signer)
        assert zone.startswith(f'{signer.selector}._domainkey.example.org. IN TXT ( "v=DKIM1; k=')
        strings = re.findall('"([^"]*)"', zone)
        assert len(strings) == pieces
        assert max(map(len, strings)) <= 255
        assert "".join(strings) == dkim.record(signer)


def settings_with(root: Path, **given: str) -> options.Settings:
    """The settings of an installation in this folder."""
    variables = {f"SEQUENCER_{name.upper()}": value for name, value in given.items()}
    return replace(options.load(None, {**ENVIRON, **variables}), root=root)


def test_without_a_key_in_the_settings_nobody_signs(tmp_path: Path) -> None:
    assert Signers(settings_with(tmp_path)).for_domain("example.org") == ()


def test_the_keys_of_the_settings_sign_for_each_domain_that_sends(keys: Path) -> None:
    signers = Signers(settings_with(keys, dkim_key="rsa.pem", dkim_ed25519_key="ed.pem", dkim_selector="May-26"))
    ours = signers.for_domain("Example.ORG")
    assert [signer.record_name for signer in ours] == [
        "may-26._domainkey.example.org",
        "may-26-ed._domainkey.example.org",
    ]
    assert verdicts(signed(MESSAGE, ours), ours) == [True, True]
    assert [signer.domain for signer in signers.for_domain("example.net")] == ["example.net"] * 2
    assert signers.for_domain("Example.ORG") is ours


def test_one_key_alone_signs_alone(keys: Path) -> None:
    (signer,) = Signers(settings_with(keys, dkim_key="rsa.pem")).for_domain("example.org")
    assert signer.algorithm == "rsa-sha256"


@pytest.mark.parametrize(
    ("host", "left_out"),
    [
        ("email-smtp.eu-west-1.amazonaws.com", True),
        ("EMAIL-SMTP-FIPS.us-east-1.amazonaws.com", True),
        ("vpce-0123-abcd.email-smtp.us-east-1.vpce.amazonaws.com", True),
        ("smtp.example.org", False),
        ("email-smtp.example.org", False),
        ("email-smtp.eu-west-1.amazonaws.com.example.org", False),
    ],
)
def test_for_amazon_ses_date_and_message_id_are_not_signed(host: str, left_out: bool, keys: Path) -> None:  # noqa: FBT001
    settings = settings_with(keys, dkim_key="rsa.pem", relay_url=f"smtp://{host}")
    (signer,) = Signers(settings).for_domain("example.org", unsigned=settings.relay_url.unsigned)
    expected = {"date", "message-id"} if left_out else set()
    assert set(dkim.SIGNED) - set(signer.headers) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"dkim_key": "ed.pem"},
            'The option "dkim_key" is {}/ed.pem; it needs an RSA key, and this is an Ed25519 key.',
        ),
        (
            {"dkim_key": "rsa.pem", "dkim_ed25519_key": "rsa.pem"},
            'The option "dkim_ed25519_key" is {}/rsa.pem; it needs an Ed25519 key, and this is an RSA key.',
        ),
        (
            {"dkim_ed25519_key": "ed.pem"},
            'The option "dkim_ed25519_key" is {}/ed.pem; it needs an RSA key beside it, in "dkim_key".',
        ),
        ({"dkim_key": "none.pem"}, 'There is no {}/none.pem; "sequencer dkim new" makes a key.'),
    ],
)
def test_wrong_keys_in_the_settings_stop_the_start(given: dict[str, str], said: str, keys: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        Signers(settings_with(keys, **given))
    assert str(caught.value) == said.format(keys)
