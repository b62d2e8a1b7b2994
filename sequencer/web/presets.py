"""Which forms are there in the wild? One row each: how it is known, read and answered, and what its site changes."""

import re
from functools import lru_cache

from sequencer.core.model import Pairs
from sequencer.web import layout, shapes
from sequencer.web.shapes import ADDRESS, NOW, NUMBER, SENTENCE, Preset, Speech, Words

LOOK = "Please look in your inbox: we have sent you an e-mail with a button to confirm."

ROWS = (
    Preset(
        name="mailchimp",
        title="Mailchimp",
        signs=(r"b_[0-9a-f]+_[0-9a-f]+",),
        paths=("/subscribe/post", "/subscribe/post-json"),
        ignored=(r"(amp;)?(u|id|f_id)", "mc_signupsource", "mc-embedded-subscribe"),
        success={"msg": LOOK},
        failure={"result": "error", "msg": SENTENCE},
        sample="EMAIL=alex%40example.org&FNAME=Alex&LNAME=Reader&b_1c2b4aea3ee3_332a4aac61=&subscribe=Subscribe",
        find='action="https://….list-manage.com/subscribe/post?u=…&id=…"',
        change='action="URL/subscribe/post"',
    ),
    Preset(
        name="kit",
        title="Kit (ConvertKit)",
        signs=("email_address",),
        ignored=("user", "referrer"),
        success={"status": "success", "consent": {"enabled": False}},
        failure={"status": "failed", "errors": {"fields": ["email_address"], "messages": [SENTENCE]}},
        onward="redirect_url",
        sample="fields[first_name]=Alex&email_address=alex%40example.org",
        find='action="https://app.kit.com/forms/…/subscriptions"',
        limits="What stands in data-options is Kit's own: the message there is shown instead of ours.",
    ),
    Preset(
        name="mailerlite",
        title="MailerLite",
        signs=("ml-submit", "anticsrf", r"fields\[email\]"),
        ignored=("ml-submit", "anticsrf"),
        speaks=Speech.JSON,
        failure={"success": False, "errors": {"fields": {"email": [SENTENCE]}}},
        sample="fields[name]=Alex&fields[email]=alex%40example.org&ml-submit=1&anticsrf=true",
        find='action="https://assets.mailerlite.com/jsonp/…/forms/…/subscribe"',
        limits="Take out the line that fetches …/takel; it counts views for MailerLite.",
    ),
    Preset(
        name="buttondown",
        title="Buttondown",
        signs=("embed", r"metadata__.+"),
        ignored=("embed",),
        sample="email=alex%40example.org&metadata__first-name=Alex&tag=footer&embed=1",
        find='action="https://buttondown.com/api/emails/embed-subscribe/…"',
    ),
    Preset(
        name="substack",
        title="Substack style",
        signs=("first_url", "current_url", "nojs"),
        ignored=(r"(first|current)_(session_)?(url|referrer)", r"first_session_.*"),
        speaks=Speech.JSON,
        sample="email=alex%40example.org&first_url=https://www.example.org/&source=footer",
        find='action="https://….substack.com/api/v1/free?nojs=true"',
        limits="The form that Substack shows in an iframe cannot be changed; put one of ours in its place.",
    ),
    Preset(
        name="revue",
        title="Revue",
        signs=(r"member\[email\]",),
        ignored=(r"member\[subscribe\]",),
        sample="member[email]=alex%40example.org&member[first_name]=Alex&member[subscribe]=Subscribe",
        find='action="https://www.getrevue.co/profile/…/add_subscriber"',
    ),
    Preset(
        name="sendy",
        title="Sendy",
        signs=("subform", "boolean"),
        paths=("/subscribe",),
        pages=("referrer",),
        ignored=("subform", "boolean", "silent"),
        words=Words(done="1", missing="Some fields are missing.", wrong="Invalid email address."),
        words_for=("boolean", "true"),
        sample="name=Alex&email=alex%40example.org&list=763Y892CXaDw&subform=yes&hp=",
        find='action="https://sendy.example.org/subscribe"',
        change='action="URL/subscribe"',
    ),
    Preset(
        name="brevo",
        title="Brevo (Sendinblue)",
        signs=("email_address_check", "html_type"),
        ignored=("html_type",),
        success={"message": LOOK},
        failure={"success": False, "message": SENTENCE, "errors": {"EMAIL": SENTENCE}},
        onward="redirect",
        sample="EMAIL=alex%40example.org&FIRSTNAME=Alex&email_address_check=&locale=en&html_type=simple",
        find='action="https://….sibforms.com/serve/…"',
        limits="The form that Brevo shows in an iframe cannot be changed; choose its HTML.",
    ),
    Preset(
        name="loops",
        title="Loops",
        signs=("userGroup", "mailingLists"),
        lists=("userGroup", "mailingLists"),
        speaks=Speech.JSON,
        failure={"success": False, "message": SENTENCE},
        sample="email=alex%40example.org&firstName=Alex&userGroup=&mailingLists=",
        find='action="https://app.loops.so/api/newsletter-form/…"',
        limits="Where a script names the address in fetch(…), change it there.",
    ),
    Preset(
        name="emailoctopus",
        title="EmailOctopus",
        signs=(r"hp[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"field_\d+"),
        speaks=Speech.JSON,
        failure={"success": False, "message": SENTENCE},
        sample="field_0=alex%40example.org&field_1=Alex&hpc4b27b6e-eb38-11e9-be00-06b4694bee2a=",
        find='action="https://eocampaign1.com/form/…"',
        limits="The script embed cannot be changed. Fields are numbered: the one that holds an address is the address.",
    ),
    Preset(
        name="ghost",
        title="Ghost",
        signs=("integrityToken", "emailType"),
        paths=("/members/api/send-magic-link/", "/members/api/send-magic-link"),
        lists=(r"labels(\[\d+\])?", r"newsletters\[\d+\]\[name\]"),
        ignored=(r"urlhistory.*", "emailtype", "autoredirect", "integritytoken", "includeotc", "requestsrc"),
        refuses=("emailType", "signin", "There is nothing to sign in to here; please sign up instead."),
        speaks=Speech.JSON,
        failure={"errors": [{"type": "BadRequestError", "message": SENTENCE}]},
        status=201,
        sample="email=alex%40example.org&name=Alex&emailType=subscribe&integrityToken=x",
        find="location /members/api/ in the proxy before Ghost",
        change="proxy_pass URL/members/api/;",
        limits="Members cannot sign in any more, as their links would come from Ghost.",
    ),
    Preset(
        name="listmonk",
        title="listmonk form",
        signs=("l",),
        paths=("/subscription/form",),
        traps=("nonce",),
        sample="email=alex%40example.org&name=Alex&l=dc032645-9dee-4d94-bf0d-b95745c01b1e&nonce=",
        find='action="https://listmonk.example.org/subscription/form"',
        change='action="URL/subscription/form"',
    ),
    Preset(
        name="listmonk-api",
        title="listmonk public API",
        signs=("list_uuids",),
        paths=("/api/public/subscription",),
        speaks=Speech.JSON,
        failure={"message": SENTENCE},
        sample="email=alex%40example.org&name=Alex&list_uuids=dc032645-9dee-4d94-bf0d-b95745c01b1e",
        find="https://listmonk.example.org/api/public/subscription",
        change="URL/api/public/subscription",
    ),
    Preset(
        name="jetpack",
        title="Jetpack Subscriptions",
        signs=("jetpack_subscriptions_widget", "sub-type"),
        ignored=(
            *("action", "sub-type", "redirect_fragment", "jetpack_subscriptions_widget"),
            *("post_id", "blog_id", "app_source"),
        ),
        sample="email=alex%40example.org&action=subscribe&sub-type=widget&_wpnonce=0d1f&jetpack_subscriptions_widget=",
        find='action="#" of the widget, action="https://wordpress.com/email-subscriptions" of the block',
        limits="Both are written by WordPress: put their HTML, changed, into a block of your own.",
    ),
    Preset(
        name="wordpress-newsletter",
        title="WordPress Newsletter (tnp)",
        signs=("ne",),
        lists=(r"nl\[\]",),
        redirects=("ncu",),
        ignored=("action", "na", "nr", "nhr", "ny", "nv", "nfid", r"nar\[\]"),
        words=Words(done=LOOK),
        words_for=("na", "sa"),
        sample="ne=alex%40example.org&nn=Alex&ny=on&nlang=en&na=s",
        find='action="…/wp-admin/admin-ajax.php?action=tnp&na=s"',
        limits="A form of the class tnp-ajax posts to newsletter_data.action_url; set that to the same address.",
    ),
    Preset(
        name="netlify",
        title="Netlify Forms",
        signs=("form-name", "bot-field"),
        ignored=("form-name",),
        sample="form-name=newsletter&bot-field=&name=Alex&email=alex%40example.org",
        find='data-netlify="true"',
    ),
    Preset(
        name="formspree",
        title="Formspree, FormSubmit, Web3Forms",
        signs=("_gotcha", "_honey", "_replyto", "_subject", "_next", "access_key"),
        email=("email", "_replyto"),
        traps=("botcheck",),
        ignored=("access_key", "subject", "from_name"),
        failure={"error": SENTENCE, "errors": [{"field": "email", "message": SENTENCE}]},
        onward="next",
        sample="_replyto=alex%40example.org&message=Hello&_gotcha=",
        find='action="https://formspree.io/f/…"',
    ),
    Preset(
        name="beehiiv-form",
        title="beehiiv form",
        signs=("sent_from_orchid", "bhba", "premium_offer_id"),
        ignored=(
            r"subscribe_(error|success)_message|bhba|visit_token|premium_offer_id|fallback_path|is_js_enabled",
            r"sent_from_orchid|signup_flow_id|automation_ids|double_opt|auto_login_enabled|trigger_redirect",
        ),
        sample="email=alex%40example.org&sent_from_orchid=true&fallback_path=/&double_opt=false",
        find='action="https://….beehiiv.com/create"',
    ),
    Preset(
        name="beehiiv",
        title="beehiiv API",
        paths=("/v2/publications/{id}/subscriptions",),
        private=True,
        ignored=(
            r"(reactivate_existing|send_welcome_email|double_opt_override|tier|stripe_customer_id)",
            r"premium_tiers?(_ids)?|premium_tier_names|automation_ids",
        ),
        speaks=Speech.JSON,
        success={"data": {"id": f"sub_{NUMBER}", "email": ADDRESS, "status": "pending", "created": NOW}},
        failure={"errors": [{"message": SENTENCE}]},
        status=201,
        sample="email=alex%40example.org&custom_fields[First Name]=Alex&utm_source=site&send_welcome_email=true",
        find="https://api.beehiiv.com/v2/publications/…/subscriptions",
        change="URL/v2/publications/…/subscriptions",
        limits="Nobody is made active by it: the owner of the address is asked, as by any form.",
    ),
    Preset(
        name="beehiiv-link",
        title="beehiiv magic link",
        link="/v1/{id}",
        sample="email=alex%40example.org&utm_source=site",
        find="https://magic.beehiiv.com/v1/…?email=…&redirect_to=…",
        change="URL/v1/…?email=…&redirect_to=…",
        limits="The forms that beehiiv shows in an iframe cannot be changed; put one of ours in their place.",
    ),
)

# Whatever no other row knows: the site's own form, and our pages.
PLAIN = Preset(
    name="plain",
    title="Plain HTML",
    traps=("website",),
    sample="email=alex%40example.org&name=Alex&timezone=Europe/London&website=",
    find='action="…"',
)
ALL = (*ROWS, PLAIN)
_BY_NAME = {row.name: row for row in ALL}
# One pattern for the signs of all rows, as each field of each request is compared with it.
_SIGNS = re.compile("|".join(f"(?P<row{at}>{'|'.join(row.signs)})" for at, row in enumerate(ROWS) if row.signs))
_LONGEST_SIGN = 100
_REMEMBERED = "_shape"


def of(given: Pairs) -> Preset:
    """The row of a form: the one that a page of ours remembers, or the first that has a field of this form's."""
    names = tuple([name for name, _ in given])
    row, remembers = (_kept if layout.is_usual(names) else _signed)(names)
    remembered = _BY_NAME.get(shapes.first(given, (_REMEMBERED,))) if remembers else None
    # Whoever says so is no program with a key.
    return remembered if remembered and not remembered.private else row


def _signed(names: tuple[str, ...]) -> tuple[Preset, bool]:
    """The row that has fields of these names, and whether one of them may remember another row."""
    signs = (at for name in names if (at := _sign(name)) is not None)
    at = min(signs, default=None)
    return PLAIN if at is None else ROWS[at], any(name.lower() == _REMEMBERED for name in names)


_kept = lru_cache(512)(_signed)


def _sign(name: str) -> int | None:
    """The place of the row of which this field is a sign; None where it is of none."""
    if len(name) > _LONGEST_SIGN:
        return None
    return _sign_of(name)


@lru_cache(1024)
def _sign_of(name: str) -> int | None:
    found = _SIGNS.fullmatch(name)
    return int(found.lastgroup[3:]) if found and found.lastgroup else None


def named(name: str) -> Preset | None:
    """The row of this name."""
    return _BY_NAME.get(name)
