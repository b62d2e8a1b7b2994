"""Is a mail fit to be sent? Its links, its size, its colours, as somebody would get it."""

from collections.abc import Iterator
from dataclasses import replace

from sequencer.content.digest import SAMPLE_DIGEST
from sequencer.content.lint import contrast, page, tags
from sequencer.content.render import SAMPLE_LINKS, CompiledMail, Mail, sample_person
from sequencer.errors import BadContent

# Gmail cuts a mail off at about 102 KB, and with it the unsubscribe link at its foot.
MOST_HTML = 90_000


def samples(compiled: CompiledMail) -> tuple[Mail, BadContent | None]:
    """The mail for somebody with a name; the refusal, if somebody without one cannot have it. Raises BadContent.

    It holds all that a mail can hold: where a course makes digests, one of those.
    """
    named = compiled.fill(replace(sample_person(), digest=SAMPLE_DIGEST))
    try:
        compiled.fill(sample_person(""))
    except BadContent as error:
        return named, error
    return named, None


def judged(mail: Mail, *, empty: int = 0) -> Iterator[tuple[str, str]]:
    """Rule and sentence for each thing that is wrong with a mail; `empty` links are the lesson's own, told before."""
    if _pressed(mail).count("") > empty:
        yield "empty-link", "a link of the mail leads nowhere; the template leaves its address empty."
    size = len(mail.html.encode())
    if size > MOST_HTML:
        yield "clipped", f"the mail has {size:,} bytes of HTML; Gmail cuts it off."
    for tag in sorted(tags.left_over(mail.html)):
        yield "unknown-tag", f"the mail still holds <{tag}>, which MJML did not know."
    for faint in contrast.faint(mail.html):
        mode = "dark" if faint.dark else "light"
        yield (
            "contrast",
            (
                f'"{faint.words[:40]}" is {faint.colour} on {faint.ground} in {mode} mode: {faint.ratio:.1f}:1, '
                f"less than {contrast.LEAST}:1."
            ),
        )


def staying(mail: Mail) -> Iterator[tuple[str, str]]:
    """Rule and sentence where a lesson's reader is not told how to leave, in one part or the other."""
    for part, links in (("HTML", _pressed(mail)), ("text", mail.text.split())):
        if SAMPLE_LINKS["unsubscribe"] not in links:
            yield "no-unsubscribe", f"the {part} part has no link to unsubscribe; the template leaves it out."


def _pressed(mail: Mail) -> list[str]:
    """Where the links of the HTML part lead."""
    root, _ = page.read(mail.html)
    return [element.attributes.get("href", "") for element in root.all() if element.tag == "a"]
