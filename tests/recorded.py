"""How do programs knock at the web door? Requests as they were recorded, signed as the form wants it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import httpx
import signing
from door import Door
from house import FORM, House, small_course
from signing import CODED

from sequencer.core.model import Consent
from sequencer.flows import report
from sequencer.forms import USUAL_CAPS, Form, Signature
from sequencer.message import address
from sequencer.store.database import Database

EMAIL = "reader@example.org"
SECRET = "swordfish-swordfish"
FOLDER = Path(__file__).parent / "data" / "webhooks"
NO_CAPS = MappingProxyType(dict.fromkeys(USUAL_CAPS, 1_000_000))


def secret_of(signature: Signature | None) -> str:
    """The secret of a form that is signed for in this way."""
    return CODED if signature in (Signature.STANDARD, Signature.SVIX) else SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request that a program made."""

    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, name: str) -> "Recorded":
        """The one that is kept under this name."""
        head, _, body = (FOLDER / f"{name}.http").read_bytes().partition(b"\n\n")
        return cls(headers=dict(line.split(": ", 1) for line in head.decode().splitlines()), body=body)

    def saying(self, body: bytes) -> "Recorded":
        """The same with another body."""
        return replace(self, body=body)

    def told(self, **changes: object) -> "Recorded":
        """The same with another word at the top of its JSON."""
        return self.saying(json.dumps({**json.loads(self.body), **changes}).encode())


def form_of(signature: Signature | None, **changes: object) -> Form:
    """A form for such a program."""
    secrets = (secret_of(signature),) if signature else ()
    return replace(FORM, signature=signature, secrets=secrets, **changes)  # type: ignore[arg-type]


@contextmanager
def opened(db: Database, form: Form, **settings: object) -> Iterator[Door]:
    """A door with this form alone, open; the small course is published."""
    house = House(db)
    house.publish(small_course())
    with Door(house, forms=MappingProxyType({form.key: form}), **settings).open() as door:
        yield door


def post(
    door: Door, sent: Recorded, *, key: str = "newsletter", secret: str = "", delivery: str = signing.UUID
) -> httpx.Response:
    """What the program does, with the signature of the form."""
    form = door.settings.forms[key]
    headers = dict(sent.headers)
    given = secret or secret_of(form.signature)
    if form.signature:
        headers |= signing.signed(form.signature, given, sent.body, door.now, delivery=delivery)
    query = {"secret": given} if form.signature is Signature.URL else {}
    return door.ask.post(f"/f/{form.key}", content=sent.body, headers=headers, params=query)


def consents(door: Door, email: str = EMAIL) -> Sequence[Consent]:
    """What this person agreed to."""
    return report.why(door.house.db, address.parse(email), now=door.now).consents


def people(door: Door) -> list[str]:
    """Whom we know."""
    return [person.address.normalized for person in report.people(door.house.db)]


def refusal(answer: httpx.Response, status: int) -> str:
    """The one sentence of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["ok"] is False
    sentence = str(answer.json()["error"])
    assert sentence.endswith((".", "?"))
    return sentence
