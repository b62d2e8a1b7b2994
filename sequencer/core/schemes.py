"""Which ways are there in which programs sign what they post? A row of data for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

WINDOW = timedelta(minutes=5)
SECRET_HEADER = "x-sequencer-secret"  # noqa: S105 (a name, no secret)
SECRET_QUERY = "secret"  # noqa: S105 (same)
PUBLIC_KEY = "whpk_"

_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)


class Spelling(StrEnum):
    """How the 32 bytes of a signature are written."""

    HEX = "hex"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mac:
    """HMAC-SHA256 over the parts of `signed` (`id`, `time`, `body`, or what stands there itself), spelled in `header`.

    `mark` stands before each signature there, `between` separates several. The time, of which `unit` is the unit, is in
    a header of its own, or behind `time_mark` in the same one; `delivery` is the header that holds the id. A `coded`
    secret is the base64 of the one that is meant. `public_mark` stands before signatures by Ed25519 (RFC 8032) over the
    same bytes, which whoever has a public key like `whpk_…` can check, and nobody but its owner make.
    """

    header: str
    signed: tuple[str, ...] = ("body",)
    spelling: Spelling = Spelling.HEX
    mark: str = ""
    between: str = ""
    time: str = ""
    time_mark: str = ""
    unit: timedelta = _SECOND
    window: timedelta = WINDOW
    delivery: str = ""
    coded: bool = False
    public_mark: str = ""

    @property
    def is_timed(self) -> bool:
        """Whether the signature says when it was made."""
        return bool(self.time or self.time_mark)

    @property
    def needed(self) -> tuple[str, ...]:
        """The headers without which nothing can be told."""
        signed = (self.delivery,) if "id" in self.signed else ()
        return tuple(name for name in (*signed, self.time, self.header) if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jws:
    """A compact JWS (RFC 7515) by HS256 whose claims name its issuer and the body's SHA-256."""

    header: str
    issuer: str

    @property
    def needed(self) -> tuple[str, ...]:
        """The headers without which nothing can be told."""
        return (self.header,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The secret itself, in a header or, for programs that can set nothing but an address, in a parameter of it."""

    header: str = ""
    query: str = ""

    @property
    def needed(self) -> tuple[str, ...]:
        """The headers without which nothing can be told."""
        return (self.header,) if self.header else ()


def standard(prefix: str) -> Mac:
    """Standard Webhooks, "Signature scheme"; Svix, where it comes from, says its own name in the headers."""
    return Mac(
        header=f"{prefix}-signature",
        signed=("id", ".", "time", ".", "body"),
        spelling=Spelling.BASE64,
        mark="v1,",
        between=" ",
        time=f"{prefix}-timestamp",
        delivery=f"{prefix}-id",
        coded=True,
        public_mark="v1a,",
    )


def _listed(header: str, mark: str) -> Mac:
    """As Stripe does it: one header lists the time and the signatures."""
    return Mac(header=header, signed=("time", ".", "body"), mark=mark, between=",", time_mark="t=")


# By the names of `sequencer.forms.Signature`.
TABLE: Mapping[str, Mac | Jws | Shared] = MappingProxyType(
    {
        "standard": standard("webhook"),
        "svix": standard("svix"),
        "stripe": _listed("stripe-signature", "v1="),
        "wpforms": _listed("x-wpforms-webhook-signature", "v="),
        "github": Mac(header="x-hub-signature-256", mark="sha256=", delivery="x-github-delivery"),
        "buttondown": Mac(header="x-buttondown-signature", mark="sha256="),
        "typeform": Mac(header="typeform-signature", spelling=Spelling.BASE64, mark="sha256="),
        "tally": Mac(header="tally-signature", spelling=Spelling.BASE64),
        "framer": Mac(
            header="framer-signature", signed=("body", "id"), mark="sha256=", delivery="framer-webhook-submission-id"
        ),
        "webflow": Mac(
            header="x-webflow-signature",
            signed=("time", ":", "body"),
            time="x-webflow-timestamp",
            unit=_MILLISECOND,
        ),
        "netlify": Jws(header="x-webhook-signature", issuer="netlify"),
        "header": Shared(header=SECRET_HEADER),
        "url": Shared(query=SECRET_QUERY),
    }
)
