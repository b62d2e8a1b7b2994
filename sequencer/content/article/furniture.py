"""What on a page is no part of the article? Tables of names and lines, each with the reason that the report gives."""

import re
from collections.abc import Iterable
from itertools import pairwise

_TAGS = {
    "nav": "navigation",
    "footer": "the page's foot",
    "aside": "beside the article",
    "form": "a form",
    "dialog": "a dialogue",
    "button": "a button",
    "select": "a form",
    "iframe": "something embedded",
    "object": "something embedded",
    "svg": "a drawing",
    "menu": "navigation",
}
_ROLES = {
    "navigation": "navigation",
    "banner": "the page's head",
    "contentinfo": "the page's foot",
    "complementary": "beside the article",
    "search": "a search box",
    "dialog": "a dialogue",
    "alertdialog": "a dialogue",
    "form": "a form",
    "menu": "navigation",
}
# Words in an element's class or id. A name is cut at hyphens, underlines and capitals: "post-newsletterBox" has three.
_NAMES = {
    "an invitation to subscribe": "newsletter subscribe subscription signup optin mailchimp convertkit",
    "a cookie notice": "cookie cookies consent gdpr",
    "navigation": "nav navbar navigation menu breadcrumb breadcrumbs pagination pager toc skip",
    "related posts": "related recommended recommendations readnext",
    "buttons to share": "share sharing social sharedaddy",
    "comments": "comments comment respond disqus",
    "an advertisement": "advert advertisement ads sponsor sponsored promo",
    "beside the article": "sidebar widget popup modal overlay",
    "the page's foot": "footer colophon copyright",
    "about the author": "byline authorbox bio",
}
_BY_NAME = {word: reason for reason, words in _NAMES.items() for word in words.split()}
_PAIRS = {
    ("sign", "up"): "an invitation to subscribe",
    ("read", "next"): "related posts",
    ("author", "box"): "about the author",
    ("author", "bio"): "about the author",
    ("entry", "meta"): "about the author",
    ("post", "meta"): "about the author",
    ("table", "contents"): "navigation",
    ("also", "like"): "related posts",
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_DATED = r"((published|posted|updated|last updated|first published)( on)?:? )?"
# Whole lines of scraped text, in small letters.
_LINES = (
    (r"(home|menu|archives?|about( us)?|contact( us)?|blog|search|log in|sign in|account)( [|·•>/-].*)?", "navigation"),
    (r"(skip to|toggle) .*", "navigation"),
    (r"(next|previous|older|newer)( (post|article)s?)?( .)?|.{1,30}( [|·•›>»/] .{1,30}){2,}", "navigation"),
    (r"(sign up|subscribe|join)( (now|today|free))?\W*", "an invitation to subscribe"),
    (r"(sign up|subscribe|join|get)\b.{0,60}\b(newsletters?|updates|inbox|mailing list)\b.{0,30}",
     "an invitation to subscribe"),
    (r"(enter )?your e-?mail( address)?|e-?mail address\W*|no spam\b.{0,50}", "an invitation to subscribe"),
    (r"(we|this (web)?site) uses? cookies\b.*|accept( all)?( cookies)?|cookie (policy|settings|preferences)|reject all",
     "a cookie notice"),
    (r"advertisements?|sponsored( content)?", "an advertisement"),
    (r"(share|tweet|pin|like)( (this|on|it)\b.{0,40})?:?|(facebook|twitter|linkedin|pinterest|whatsapp|e-?mail|print)",
     "buttons to share"),
    (r"(©|\(c\)|copyright\b).*|all rights reserved\W*|privacy( policy)?|terms( (of|and) .*)?|powered by .{1,40}",
     "the page's foot"),
    (r"(by|written by|posted by|words by|author:) [^.?!]{2,50}", "the author's line"),
    (r"\d+ ?min(ute)?s?( read)?|(reading time|read time)\b.{0,20}", "the author's line"),
    (_DATED + r"((\w{3,9}\.? \d{1,2}(st|nd|rd|th)?,? \d{4})|(\d{1,2}(st|nd|rd|th)?\.? \w{3,9},? \d{4}))", "a date"),
    (_DATED + r"(\d{4}-\d\d-\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})", "a date"),
    (r"(photo|image|picture|credit|photograph)s?( credit)?( by|:) .{1,80}", "a picture's credit"),
    (r"read (more|next|also)\b.{0,80}|click here.{0,40}|back to top|\|", "navigation"),
)  # fmt: skip
_LINE_RULES = tuple((re.compile(pattern), reason) for pattern, reason in _LINES)
_TAIL = re.compile(
    r"(related (posts?|articles?|stories|reading)|you (may|might) also (like|enjoy).*|more from .{1,40}|read next"
    r"|(leave|post) a (reply|comment).*|(\d+ )?(comments?|responses)( \(\d+\))?|share this.{0,30}|recommended for you"
    r"|about the author|recent posts|popular posts|more (stories|articles))\W*"
)


def of_element(tag: str, role: str, names: str, *, hidden: bool) -> str:
    """Why an element of a page is no part of the article; empty where it may be one."""
    if hidden:
        return "hidden on the page"
    if reason := _TAGS.get(tag) or _ROLES.get(role.strip().lower()):
        return reason
    return next((reason for name in names.split() if (reason := _of_name(name))), "")


def of_line(line: str) -> str:
    """Why a line of scraped text is no part of the article; empty where it may be one."""
    small = " ".join(line.lower().split()).strip(" |")
    if not any(letter.isalnum() for letter in small):
        return "a line without words"
    return next((reason for pattern, reason in _LINE_RULES if pattern.fullmatch(small)), "")


def ends_article(line: str) -> bool:
    """Is this the heading of what stands below an article, such as related posts?"""
    return _TAIL.fullmatch(" ".join(line.lower().split())) is not None


def _of_name(name: str) -> str:
    """`has-sidebar` and `no-comments` speak about the page, not about what is in the element."""
    found = [word.lower() for word in _WORDS.findall(name)]
    if found[:1] in (["has"], ["no"], ["with"], ["without"], ["is"]):
        return ""
    return _first(_PAIRS.get(pair) for pair in pairwise(found)) or _first(map(_BY_NAME.get, found))


def _first(reasons: Iterable[str | None]) -> str:
    return next((reason for reason in reasons if reason), "")
