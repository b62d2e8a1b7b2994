"""Which programs post sign-ups for a site? One row each: how its message is known, and where in it things stand.

A path like "data.ip" leads into the JSON of a message, or into a form whose fields are named as PHP does (data[ip]).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sequencer.forms import Signature
from sequencer.web.shapes import Preset, Speech


class Listing(StrEnum):
    """How a program lists what the visitor has answered."""

    FLAT = "by name, with everything else"
    TABLE = "by name, in a table of their own"
    ITEMS = "one item each"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One row; `signature` is the way in which it signs, or the one that suits it where it cannot.

    `signs` are paths that its messages have, `header` is one that only it sends; where a row is `unmistakable`, its
    messages are known without a signature too. `event` is the path of what has happened, `signing_up` says which
    events are sign-ups. `answers` leads to what the visitor answered, listed as `listing` says, `asked` to the
    questions that name the answers, `more` to further tables of answers. An item says by `label` what was asked, by
    `kind` of which kind it is (`email_kind` is an address), and by `value` what was answered; where that is "", under
    the name of its kind. `ip`, `page` and `agent` are the visitor's. `delivery` names the message. `first` and `last`
    are patterns for the parts of a name, `ignored` for what nobody asked the visitor.
    """

    name: str
    title: str
    signature: Signature
    signs: tuple[str, ...] = ()
    header: str = ""
    unmistakable: bool = False
    event: str = ""
    signing_up: tuple[str, ...] = ()
    listing: Listing = Listing.FLAT
    answers: str = ""
    asked: str = ""
    more: tuple[str, ...] = ()
    label: str = "label"
    kind: str = "type"
    email_kind: str = "email"
    value: str = "value"
    ip: str = ""
    page: str = ""
    agent: str = ""
    delivery: str = ""
    first: str = ""
    last: str = ""
    ignored: tuple[str, ...] = ()

    @property
    def preset(self) -> Preset:
        """What the intake has to know: no traps of its own, as a question may well be called "Website"."""
        return Preset(name=self.name, title=self.title, ignored=self.ignored, speaks=Speech.JSON)


TYPEFORM = Program(
    name="typeform",
    title="Typeform",
    signature=Signature.TYPEFORM,
    signs=("event_id", "form_response.form_id"),
    unmistakable=True,
    event="event_type",
    signing_up=("form_response",),
    listing=Listing.ITEMS,
    answers="form_response.answers",
    asked="form_response.definition.fields",
    more=("form_response.hidden",),
    label="title",
    value="",
    delivery="event_id",
)
TALLY = Program(
    name="tally",
    title="Tally",
    signature=Signature.TALLY,
    signs=("eventType", "data.fields"),
    unmistakable=True,
    event="eventType",
    signing_up=("FORM_RESPONSE",),
    listing=Listing.ITEMS,
    answers="data.fields",
    email_kind="INPUT_EMAIL",
    delivery="eventId",
)
WEBFLOW = Program(
    name="webflow",
    title="Webflow",
    signature=Signature.WEBFLOW,
    signs=("triggerType", "payload"),
    unmistakable=True,
    event="triggerType",
    signing_up=("form_submission",),
    listing=Listing.TABLE,
    answers="payload.data",
    page="payload.pageUrl",
    delivery="payload.id",
)
FRAMER = Program(
    name="framer",
    title="Framer",
    signature=Signature.FRAMER,
    header="framer-webhook-submission-id",
)
NETLIFY = Program(
    name="netlify",
    title="Netlify",
    signature=Signature.NETLIFY,
    signs=("form_name", "site_url", "data"),
    unmistakable=True,
    listing=Listing.TABLE,
    answers="data",
    ip="data.ip",
    page="data.referrer",
    agent="data.user_agent",
    delivery="id",
    ignored=("ip", "user_agent", "referrer", "form-name"),
)
NETLIFY_FUNCTION = Program(
    name="netlify-function",
    title="Netlify, from its function `submission-created`",
    signature=Signature.HEADER,
    signs=("payload.form_name", "payload.site_url", "payload.data"),
    listing=Listing.TABLE,
    answers="payload.data",
    ip="payload.data.ip",
    page="payload.data.referrer",
    agent="payload.data.user_agent",
    delivery="payload.id",
    ignored=NETLIFY.ignored,
)
ELEMENTOR = Program(
    name="elementor",
    title="Elementor Pro",
    signature=Signature.URL,
    signs=("form.id", "fields"),
    unmistakable=True,
    listing=Listing.TABLE,
    answers="fields",
    label="title",
    ip="meta.remote_ip.value",
    page="meta.page_url.value",
    agent="meta.user_agent.value",
)
ELEMENTOR_FLAT = Program(
    name="elementor-flat",
    title="Elementor Pro",
    signature=Signature.URL,
    signs=("form_id", "form_name"),
    ip="Remote IP",
    page="Page URL",
    agent="User Agent",
    ignored=("date", "time", "remote ip", "page url", "user agent", "powered by", "form_id", "form_name"),
)
ELEMENTOR_FIELDS = Program(
    name="elementor-fields",
    title="Elementor Pro",
    signature=Signature.URL,
    signs=("fields.email.value",),
    listing=Listing.TABLE,
    answers="fields",
    label="title",
)
GRAVITY = Program(
    name="gravity-forms",
    title="Gravity Forms",
    signature=Signature.HEADER,
    signs=("form_id", "date_created", "source_url"),
    ip="ip",
    page="source_url",
    agent="user_agent",
    delivery="id",
    first=r"(\d+)\.3",
    last=r"(\d+)\.6",
    ignored=(
        r"(id|post_id|form_id|date_(created|updated)|is_(starred|read|fulfilled|approved)|ip|user_agent|currency)",
        r"(payment_.*|transaction_.*|created_by|status|source_id|submission_speeds)",
    ),
)
CONTACT_FORM_7 = Program(
    name="contact-form-7",
    title="Contact Form 7",
    signature=Signature.HEADER,
    signs=("your-email",),
    ip="_remote_ip",
    page="_url",
    agent="_user_agent",
)
WPFORMS = Program(
    name="wpforms",
    title="WPForms",
    signature=Signature.WPFORMS,
    header="x-wpforms-webhook-id",
    ip="ip",
    page="page_url",
    agent="user_agent",
)
GOOGLE_FORMS = Program(
    name="google-forms",
    title="Google Forms",
    signature=Signature.STANDARD,
    signs=("google_form", "answers"),
    unmistakable=True,
    listing=Listing.TABLE,
    answers="answers",
)
BUTTONDOWN = Program(
    name="buttondown",
    title="Buttondown",
    signature=Signature.BUTTONDOWN,
    signs=("event_type", "data.subscriber"),
    unmistakable=True,
    event="event_type",
    signing_up=("subscriber.created", "subscriber.confirmed"),
    listing=Listing.TABLE,
    answers="data",
    more=("data.metadata",),
    ip="data.ip_address",
    page="data.referrer_url",
    delivery="id",
    ignored=("subscriber", "newsletter", "id", "creation_date", "referrer_url", "type", "source"),
)
# The last row takes what none of the others knows: fields by names that the site's owner has chosen.
OTHER = Program(
    name="program",
    title="Any other program",
    signature=Signature.HEADER,
    ip="ip",
    agent="user_agent",
)

ROWS = (
    TYPEFORM,
    TALLY,
    WEBFLOW,
    FRAMER,
    NETLIFY,
    NETLIFY_FUNCTION,
    ELEMENTOR,
    GRAVITY,
    ELEMENTOR_FLAT,
    ELEMENTOR_FIELDS,
    CONTACT_FORM_7,
    WPFORMS,
    GOOGLE_FORMS,
    BUTTONDOWN,
    OTHER,
)
BY_NAME: Mapping[str, Program] = MappingProxyType({row.name: row for row in ROWS})
