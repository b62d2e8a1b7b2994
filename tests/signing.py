"""How do programs sign what they post? Written anew for the tests, by what each of them says of itself."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from sequencer.forms import Signature

UUID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
CODED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Maker = Callable[[bytes, bytes, int], Mapping[str, str]]


def signed(signature: Signature, secret: str, body: bytes, at: datetime, *, delivery: str = UUID) -> Mapping[str, str]:
    """The headers with which the program sends this body; for those that cannot sign, the secret itself."""
    if signature in (Signature.STANDARD, Signature.SVIX):
        made = Webhook(secret).sign(delivery, at.astimezone(UTC), body.decode())
        prefix = "webhook" if signature is Signature.STANDARD else "svix"
        stamp = str(int(at.timestamp()))
        return {f"{prefix}-id": delivery, f"{prefix}-timestamp": stamp, f"{prefix}-signature": made}
    return MAKERS[signature](secret.encode(), body, int(at.timestamp()))


def _hex(key: bytes, content: bytes) -> str:
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _base64(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _listed(header: str, mark: str) -> Maker:
    return lambda key, body, at: {header: f"t={at},{mark}={_hex(key, b'%d.' % at + body)}"}


def token(key: bytes, claims: bytes) -> str:
    """A compact JWS by HS256."""
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"HS256","typ":"JWT"}', claims)]
    made = hmac.new(key, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(made).rstrip(b"=")]).decode()


def _netlify(key: bytes, body: bytes, _at: int) -> Mapping[str, str]:
    claims = {"iss": "netlify", "sha256": hashlib.sha256(body).hexdigest()}
    return {"x-webhook-signature": token(key, json.dumps(claims).encode())}


MAKERS: Mapping[Signature, Maker] = {
    Signature.STRIPE: _listed("stripe-signature", "v1"),
    Signature.WPFORMS: _listed("x-wpforms-webhook-signature", "v"),
    Signature.GITHUB: lambda key, body, _: {"x-hub-signature-256": f"sha256={_hex(key, body)}"},
    Signature.BUTTONDOWN: lambda key, body, _: {"x-buttondown-signature": f"sha256={_hex(key, body)}"},
    Signature.TYPEFORM: lambda key, body, _: {"typeform-signature": f"sha256={_base64(key, body)}"},
    Signature.TALLY: lambda key, body, _: {"tally-signature": _base64(key, body)},
    Signature.WEBFLOW: lambda key, body, at: {
        "x-webflow-timestamp": f"{at}000",
        "x-webflow-signature": _hex(key, b"%d000:" % at + body),
    },
    Signature.FRAMER: lambda key, body, _: {
        "framer-webhook-submission-id": UUID,
        "framer-signature": f"sha256={_hex(key, body + UUID.encode())}",
    },
    Signature.NETLIFY: _netlify,
    Signature.HEADER: lambda key, _body, _at: {"x-sequencer-secret": key.decode()},
    Signature.URL: lambda _key, _body, _at: {},
}
