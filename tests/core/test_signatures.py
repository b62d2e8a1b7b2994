"""Is a program's request taken if, and only if, one of the two secrets signed it just now?"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
import signing
from hypothesis import given, settings
from hypothesis import strategies as st
from signing import CODED, UUID
from standardwebhooks import Webhook

from sequencer.core import schemes, signatures
from sequencer.core.signatures import Genuine, Proof, Refused, Sent
from sequencer.forms import Signature
from sequencer.message import ed25519

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
TIME = b"1772434800"
SECRET = "swordfish-swordfish"
BODY = b'{"email":"ann@example.org"}'
JWS = (
    b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiOWEzYmE4NWI1NDJmYWUyOGRiMDcwMDcyMTEx"
    b"YTRhNzg0OTk0ZDcxYmJkOGZhMzQ3MWJiMjM0OWM2YmEwZTg3ZCJ9.zNK5vTcvaEorwKuHZbXKwxhhwne04AZjieMwST-GBLA"
)
WHSEC_PARTS = (b"msg_p5jXN8AQM9LWM0D4loKWxJek", b"1614265330", b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
MSG = WHSEC_PARTS[0].decode()
LONG_AGO = datetime.fromtimestamp(1614265330, UTC)
HELLO = b"Hello, World!"

# Published: the vector of the Standard Webhooks specification (and of Svix), GitHub's of "Validating webhook
# deliveries", RFC 4231 §4.3 for those that sign the body alone. Where nothing is published: made by openssl dgst.
JEFE, NOTHING = "Jefe", b"what do ya want for nothing?"
HEX = b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
B64 = b"W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
GITHUB = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
LISTED = b"33c58819b008a767f0e300fe4044fccc1226573def7388b0bfd3599eac330a88"
FRAMER = b"sha256=ac9557044cc2f69c4d0f76a8e0051dae1fef5b3ccb32cd1b9b1dcca0fde5147d"
WEBFLOW = b"5021af55590527d46dfba6132553de18b699441f8c90e38f5d172036843de962"
Headers = dict[str, bytes]
KNOWN: dict[Signature, tuple[str, bytes, Headers, datetime, str]] = {
    Signature.STANDARD: (
        CODED,
        b'{"test": 2432232314}',
        dict(zip(("webhook-id", "webhook-timestamp", "webhook-signature"), WHSEC_PARTS, strict=True)),
        LONG_AGO,
        MSG,
    ),
    Signature.SVIX: (
        CODED,
        b'{"test": 2432232314}',
        dict(zip(("svix-id", "svix-timestamp", "svix-signature"), WHSEC_PARTS, strict=True)),
        LONG_AGO,
        MSG,
    ),
    Signature.GITHUB: (
        "It's a Secret to Everybody",
        HELLO,
        {"x-hub-signature-256": GITHUB, "x-github-delivery": b"72d3162e-cc78-11e3-81ab-4c9367dc0958"},
        NOW,
        "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    ),
    Signature.BUTTONDOWN: (JEFE, NOTHING, {"x-buttondown-signature": b"sha256=" + HEX}, NOW, ""),
    Signature.TYPEFORM: (JEFE, NOTHING, {"typeform-signature": b"sha256=" + B64}, NOW, ""),
    Signature.TALLY: (JEFE, NOTHING, {"tally-signature": B64}, NOW, ""),
    Signature.STRIPE: (SECRET, BODY, {"stripe-signature": b"t=%s,v1=%s,v0=x" % (TIME, LISTED)}, NOW, ""),
    Signature.WPFORMS: (SECRET, BODY, {"x-wpforms-webhook-signature": b"t=%s,v=%s" % (TIME, LISTED)}, NOW, ""),
    Signature.FRAMER: (
        SECRET,
        BODY,
        {"framer-signature": FRAMER, "framer-webhook-submission-id": UUID.encode()},
        NOW,
        UUID,
    ),
    Signature.WEBFLOW: (
        SECRET,
        BODY,
        {"x-webflow-signature": WEBFLOW, "x-webflow-timestamp": TIME + b"123"},
        NOW,
        "",
    ),
    Signature.NETLIFY: (SECRET, BODY, {"x-webhook-signature": JWS}, NOW, ""),
}
MADE = sorted(KNOWN)
TIMED = [name for name in MADE if isinstance(scheme := schemes.TABLE[name], schemes.Mac) and scheme.is_timed]
PLAIN = [Signature.HEADER, Signature.URL]


def sent(body: bytes, headers: Headers, query: dict[str, str] | None = None) -> Sent:
    named = tuple((name.encode(), value) for name, value in headers.items())
    return Sent(body=body, headers=named, query=tuple((query or {}).items()))


def told(name: Signature, **changes: object) -> Proof:
    """What the verifier says of the known example, with something about it changed."""
    secret, body, headers, now, _ = KNOWN[name]
    given = {"secrets": (secret,), "body": body, "headers": headers, "now": now} | changes
    return signatures.verify(
        name,
        given["secrets"],  # type: ignore[arg-type]
        sent(given["body"], given["headers"]),  # type: ignore[arg-type]
        now=given["now"],  # type: ignore[arg-type]
    )


def is_refused(proof: Proof) -> bool:
    """Refused, in one whole sentence."""
    if isinstance(proof, Genuine):
        return False
    assert proof.sentence.endswith(".")
    assert "\n" not in proof.sentence
    return True


def test_every_way_of_signing_that_a_form_can_name_has_a_row_and_an_example() -> None:
    assert set(schemes.TABLE) == set(Signature) == {*MADE, *PLAIN}


@pytest.mark.parametrize("name", MADE)
def test_the_known_example_is_taken_and_its_delivery_named(name: Signature) -> None:
    assert told(name) == Genuine(delivery=KNOWN[name][4])


@pytest.mark.parametrize("name", MADE)
def test_either_of_two_secrets_is_good_and_no_third(name: Signature) -> None:
    secret = KNOWN[name][0]
    assert told(name, secrets=("the new one", secret)) == told(name, secrets=(secret, "the old one")) == told(name)
    assert is_refused(told(name, secrets=("the new one", "the old one")))
    assert is_refused(told(name, secrets=()))


def _flips(value: bytes) -> list[bytes]:
    """The value with each of its bits changed, one at a time."""
    numbers = range(len(value) * 8)
    return [value[: n // 8] + bytes([value[n // 8] ^ (1 << n % 8)]) + value[n // 8 + 1 :] for n in numbers]


@pytest.mark.parametrize("name", MADE)
def test_no_bit_of_the_body_can_be_changed(name: Signature) -> None:
    assert all(is_refused(told(name, body=body)) for body in (*_flips(KNOWN[name][1]), b"", KNOWN[name][1] + b" "))


@pytest.mark.parametrize("name", MADE)
def test_no_bit_of_what_proves_it_can_be_changed(name: Signature) -> None:
    # GitHub's delivery id is not signed, nor is the old signature that Stripe lists beside the new one.
    headers = {key: value for key, value in KNOWN[name][2].items() if key != "x-github-delivery"}
    headers = {key: value.removesuffix(b",v0=x") for key, value in headers.items()}
    for key, value in headers.items():
        changed = [told(name, headers=headers | {key: flipped}) for flipped in _flips(value)]
        assert all(is_refused(proof) for proof in changed)


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("way", [1, -1])
def test_what_was_signed_more_than_five_minutes_off_is_refused(name: Signature, way: int) -> None:
    at = KNOWN[name][3]
    assert not is_refused(told(name, now=at + way * timedelta(minutes=4, seconds=59)))
    proof = told(name, now=at + way * timedelta(minutes=5, seconds=1))
    assert proof == Refused(sentence="This was not signed within 5 minutes of now; check the clocks on both sides.")


@pytest.mark.parametrize("name", sorted(set(MADE) - set(TIMED)))
def test_what_says_no_time_is_good_at_any(name: Signature) -> None:
    assert told(name, now=NOW + timedelta(days=1000)) == told(name)


def test_webflow_counts_in_milliseconds() -> None:
    assert schemes.TABLE[Signature.WEBFLOW].unit == timedelta(milliseconds=1)  # type: ignore[union-attr]
    assert is_refused(told(Signature.WEBFLOW, headers=KNOWN[Signature.WEBFLOW][2] | {"x-webflow-timestamp": TIME}))


@pytest.mark.parametrize("name", [*MADE, Signature.HEADER])
def test_a_header_that_is_missing_or_doubled_is_named_in_the_refusal(name: Signature) -> None:
    secret, body, headers, now, _ = KNOWN.get(name, (SECRET, BODY, {schemes.SECRET_HEADER: SECRET.encode()}, NOW, ""))
    for needed in schemes.TABLE[name].needed:
        pairs = [(key.encode(), value) for key, value in headers.items()]
        without = [pair for pair in pairs if pair[0] != needed.encode()]
        doubled = [*pairs, (needed.encode(), headers[needed])]
        for pairs_given, words in ((without, "is missing"), (doubled, "came more than once")):
            proof = signatures.verify(name, (secret,), Sent(body=body, headers=pairs_given), now=now)
            assert isinstance(proof, Refused)
            assert proof.sentence.startswith(f"The header {needed} {words}")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(Signature), st.binary(max_size=80), st.binary(max_size=80), st.text(max_size=80))
def test_rubbish_is_refused_and_never_breaks_anything(name: Signature, first: bytes, second: bytes, word: str) -> None:
    needed = schemes.TABLE[name].needed
    headers = {key: (first if number else second) for number, key in enumerate(needed)}
    assert is_refused(signatures.verify(name, (SECRET,), sent(first, headers, {"secret": word}), now=NOW))


@pytest.mark.parametrize("time", [b"", b"now", b"-1", b"1e9", b"1772434800.0", "١٢٣".encode(), b"9" * 5000])
def test_a_time_that_is_no_time_is_refused(time: bytes) -> None:
    assert is_refused(told(Signature.STRIPE, headers={"stripe-signature": b"t=%s,v1=%s" % (time, LISTED)}))
    assert is_refused(told(Signature.WEBFLOW, headers=KNOWN[Signature.WEBFLOW][2] | {"x-webflow-timestamp": time}))


def test_a_list_without_a_time_is_refused() -> None:
    assert is_refused(told(Signature.STRIPE, headers={"stripe-signature": b"v1=" + LISTED}))


def test_one_good_signature_among_several_is_enough_but_not_behind_a_hundred() -> None:
    key, good = "webhook-signature", WHSEC_PARTS[2]
    headers = KNOWN[Signature.STANDARD][2]
    assert not is_refused(told(Signature.STANDARD, headers=headers | {key: b"v1a,xyz v1,abc " + good}))
    assert is_refused(told(Signature.STANDARD, headers=headers | {key: b"v1,abc " * 100 + good}))
    spaced = b"t=%s, v1=abc, v1=%s" % (TIME, LISTED)
    assert not is_refused(told(Signature.STRIPE, headers={"stripe-signature": spaced}))


def test_a_standard_secret_may_come_without_its_mark_or_not_be_coded_at_all() -> None:
    assert not is_refused(told(Signature.STANDARD, secrets=(CODED.removeprefix("whsec_"),)))
    headers = signatures.sign("no base64!", delivery="msg_1", at=NOW, body=BODY)
    given = {name: value.encode() for name, value in headers.items()}
    assert not is_refused(
        signatures.verify(Signature.STANDARD, ("no base64!",), sent(BODY, given), now=NOW)
    )  # senders that took any words for a secret use them as they are


def test_github_without_a_delivery_id_is_taken() -> None:
    assert told(Signature.GITHUB, headers={"x-hub-signature-256": GITHUB}) == Genuine(delivery="")


# Netlify's token


def _token(claims: object, *, secret: str = SECRET) -> bytes:
    return signing.token(secret.encode(), json.dumps(claims).encode()).encode()


def _netlify(token: bytes) -> Proof:
    return told(Signature.NETLIFY, headers={"x-webhook-signature": token})


def test_a_token_is_good_for_one_body_and_one_issuer_only() -> None:
    digest = hashlib.sha256(BODY).hexdigest()
    assert not is_refused(_netlify(_token({"iss": "netlify", "sha256": digest})))
    assert is_refused(_netlify(_token({"iss": "netlify", "sha256": digest}, secret="another")))
    assert is_refused(_netlify(_token({"iss": "somebody", "sha256": digest})))
    assert is_refused(_netlify(_token({"sha256": digest})))
    assert is_refused(_netlify(_token({"iss": "netlify", "sha256": hashlib.sha256(b"x").hexdigest()})))
    assert is_refused(_netlify(_token({"iss": "netlify"})))


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
def test_a_signed_token_without_claims_is_refused(raw: bytes) -> None:
    assert is_refused(_netlify(signing.token(SECRET.encode(), raw).encode()))


@pytest.mark.parametrize("token", [b"", b".", b"..", b"....", JWS.replace(b".", b""), JWS[: JWS.rfind(b".")]])
def test_what_is_no_token_is_refused(token: bytes) -> None:
    assert is_refused(_netlify(token))


def test_a_token_that_says_it_needs_no_signature_is_refused() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=")
    assert is_refused(_netlify(head + b"." + JWS.split(b".")[1] + b"."))


# Those that cannot sign


def test_a_secret_in_a_header_is_compared_whole() -> None:
    def proof(value: bytes) -> Proof:
        secrets = (SECRET, "contraseña")
        given = sent(BODY, {schemes.SECRET_HEADER: value})
        return signatures.verify(Signature.HEADER, secrets, given, now=NOW)

    assert (
        proof(SECRET.encode()) == proof(b" " + SECRET.encode()) == proof("contraseña".encode()) == Genuine(delivery="")
    )
    assert all(is_refused(proof(value)) for value in (*_flips(SECRET.encode()), b"", SECRET[:-1].encode()))


def test_a_secret_in_the_address_is_compared_whole() -> None:
    def proof(*query: tuple[str, str]) -> Proof:
        return signatures.verify(Signature.URL, (SECRET, "contraseña"), Sent(body=BODY, query=query), now=NOW)

    assert proof(("secret", SECRET), ("x", "1")) == proof(("secret", "contraseña")) == Genuine(delivery="")
    wrong = [(), (("secret", ""),), (("secret", SECRET + "x"),), (("secret", "\ud800"),), (("Secret", SECRET),)]
    assert all(is_refused(proof(*query)) for query in wrong)
    assert is_refused(proof(("secret", SECRET), ("secret", SECRET)))


# Those who keep their key to themselves

# Made by openssl: "openssl pkeyutl -sign -rawin" with the key of RFC 8032 §7.1, TEST 1, and its public half.
OWNER = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
OWN = b"3+53Ja+BHeO9V1qnBLc5omZQNHnLjTvRUjrfBXYy8OkGxI941YaKTxsWFvHx6acJk60VuQd3WgasjuvlO96mCw=="
STRANGER = "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="


def by_owner(secrets: tuple[str, ...], signature: bytes, *, name: Signature = Signature.STANDARD) -> Proof:
    prefix = "webhook" if name is Signature.STANDARD else "svix"
    headers = {f"{prefix}-id": b"msg_1", f"{prefix}-timestamp": TIME, f"{prefix}-signature": signature}
    return signatures.verify(name, secrets, sent(BODY, headers), now=NOW, ed25519=ed25519.is_signed)


@pytest.mark.parametrize("name", [Signature.STANDARD, Signature.SVIX])
def test_what_the_owner_of_a_key_signed_is_known_by_its_public_half(name: Signature) -> None:
    good = Genuine(delivery="msg_1")
    assert by_owner((OWNER,), b"v1a," + OWN, name=name) == good
    assert by_owner((STRANGER, OWNER), b"v1,abc v1a,AAAA v1a," + OWN, name=name) == good
    assert by_owner(("whsec_c2VjcmV0", OWNER), b"v1a," + OWN, name=name) == good


def test_what_nobody_or_somebody_else_signed_is_refused() -> None:
    flipped = [base64.b64encode(one) for one in _flips(base64.b64decode(OWN))]
    for wrong in (*flipped, b"", b"no base64", OWN[:-4], b"AAAA"):
        assert is_refused(by_owner((OWNER,), b"v1a," + wrong))
    assert is_refused(by_owner((STRANGER,), b"v1a," + OWN))
    assert is_refused(by_owner((OWNER,), b"v1," + OWN))
    assert is_refused(by_owner((OWNER,), OWN))
    assert is_refused(by_owner((CODED,), b"v1a," + OWN))
    for no_key in ("whpk_", "whpk_AAAA", "whpk_no base64", OWNER.removeprefix("whpk_")):
        assert is_refused(by_owner((no_key,), b"v1a," + OWN))


def test_what_an_owner_signed_is_refused_when_it_is_old() -> None:
    headers = {"webhook-id": b"msg_1", "webhook-timestamp": TIME, "webhook-signature": b"v1a," + OWN}
    late = NOW + timedelta(minutes=6)
    proof = signatures.verify(Signature.STANDARD, (OWNER,), sent(BODY, headers), now=late, ed25519=ed25519.is_signed)
    assert is_refused(proof)


def test_whoever_has_the_public_key_can_sign_nothing_with_it() -> None:
    """Everybody may have it: taken for the secret of an HMAC, it would let everybody in."""
    content = b"msg_1." + TIME + b"." + BODY
    for key in (OWNER.encode(), OWNER.removeprefix("whpk_").encode(), base64.b64decode(OWNER.removeprefix("whpk_"))):
        made = base64.b64encode(hmac.digest(key, content, hashlib.sha256))
        assert is_refused(by_owner((OWNER,), b"v1," + made))


def test_where_nobody_can_check_a_key_it_is_good_for_nothing() -> None:
    headers = {"webhook-id": b"msg_1", "webhook-timestamp": TIME, "webhook-signature": b"v1a," + OWN}
    assert is_refused(signatures.verify(Signature.STANDARD, (OWNER,), sent(BODY, headers), now=NOW))


# What we sign ourselves


@settings(max_examples=50, deadline=None)
@given(
    st.binary(min_size=24, max_size=64),
    st.from_regex(r"\Amsg_[A-Za-z0-9]{1,27}\Z"),
    st.dictionaries(st.text(), st.text()),
)
def test_what_we_sign_convinces_the_library_of_the_standard_and_ourselves(
    key: bytes, delivery: str, said: object
) -> None:
    secret, body = "whsec_" + base64.b64encode(key).decode(), json.dumps(said).encode()
    now = datetime.now(tz=UTC)  # the other library asks the clock
    headers = signatures.sign(secret, delivery=delivery, at=now, body=body)
    assert Webhook(secret).verify(body, dict(headers)) == said
    given = sent(body, {name: value.encode() for name, value in headers.items()})
    assert signatures.verify(Signature.STANDARD, (secret,), given, now=now) == Genuine(delivery=delivery)


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=24, max_size=64), st.from_regex(r"\Amsg_[A-Za-z0-9]{1,27}\Z"), st.text())
def test_what_the_library_of_the_standard_signs_convinces_us(key: bytes, delivery: str, body: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    signature = Webhook(secret).sign(delivery, NOW, body)
    headers = {
        "webhook-id": delivery.encode(),
        "webhook-timestamp": TIME,
        "webhook-signature": signature.encode(),
    }
    proof = signatures.verify(Signature.STANDARD, (secret,), sent(body.encode(), headers), now=NOW)
    assert proof == Genuine(delivery=delivery)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(set(signing.MAKERS) - set(PLAIN))),
    st.text(st.characters(codec="utf-8"), min_size=1),
    st.binary(),
    st.data(),
)
def test_any_body_signed_with_any_secret_is_taken_and_changed_anywhere_refused(
    name: Signature, secret: str, body: bytes, data: st.DataObject
) -> None:
    headers = {key: value.encode() for key, value in signing.signed(name, secret, body, NOW).items()}
    assert not is_refused(signatures.verify(name, ("other", secret), sent(body, headers), now=NOW))
    if body:
        changed = data.draw(st.sampled_from(_flips(body)))
        assert is_refused(signatures.verify(name, ("other", secret), sent(changed, headers), now=NOW))
