"""What does a site paste into its pages? Our form, with and without the visitor's zone, in a frame; or one line."""

import html
from collections.abc import Sequence

from sequencer.forms import Form
from sequencer.web.shapes import Preset

_PLAIN = """\
<form method="post" action="{action}">
  <p><label>E-mail address <input type="email" name="email" autocomplete="email" required></label></p>
  <p><label>First name <input type="text" name="name" autocomplete="given-name"></label></p>
{zone}  <p hidden><label>Leave this empty <input type="text" name="website" autocomplete="off"></label></p>
  <p>{consent}</p>
  <p><button type="submit">Sign up</button></p>
</form>
"""
_ZONE = '  <input type="hidden" name="timezone" value="">\n'
# The browser knows its zone; where scripts are off, the field stays empty and the zone of the settings is taken.
_DETECT = (
    "<script>document.currentScript.previousElementSibling.elements.timezone.value = "
    "Intl.DateTimeFormat().resolvedOptions().timeZone;</script>\n"
)
_FRAME = (
    '<iframe src="{action}/embed" title="{title}" width="100%" height="640" style="border: 0" loading="lazy">'
    "</iframe>\n"
)


def action(form: Form, base_url: str) -> str:
    """The address to which the form is sent."""
    return f"{base_url}/f/{form.key}"


def plain(form: Form, base_url: str) -> str:
    """The form as plain HTML."""
    return _PLAIN.format(action=_escaped(action(form, base_url)), zone="", consent=_escaped(form.consent))


def with_zone(form: Form, base_url: str) -> str:
    """The form, and a tiny script that fills in the visitor's time zone."""
    filled = _PLAIN.format(action=_escaped(action(form, base_url)), zone=_ZONE, consent=_escaped(form.consent))
    return filled + _DETECT


def framed(form: Form, base_url: str, title: str) -> str:
    """Our own page in a frame; `embed` of the form names the sites that may show it."""
    return _FRAME.format(action=_escaped(action(form, base_url)), title=_escaped(title))


def change(row: Preset, form: Form, base_url: str) -> str:
    """What takes the place of the row's `find` in the pages of the site."""
    return row.change.replace("URL", action(form, base_url))


def table(rows: Sequence[Preset]) -> str:
    """What to change in each provider's form, as a table for docs/forms.md."""
    lines = ["| your form is by | find | change it to | remarks |", "|---|---|---|---|"]
    lines += [f"| {row.title} | `{row.find}` | `{row.change}` | {row.limits} |" for row in rows]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return html.escape(text)
