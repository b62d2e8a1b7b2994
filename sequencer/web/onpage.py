"""How does a mail stand as a page that styles nothing inline? Its styles move into one block, known by its digest.

Mail programs want styles at each tag; a policy that allows them there would allow them wherever else they came from.
"""

import hashlib
import re
from base64 import b64encode
from html import unescape

# What only Outlook reads, and what surrounds the words that it alone does not.
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r'<[a-zA-Z][^<>]*\sstyle="[^"]*"[^<>]*>')
_STYLE = re.compile(r'\s+style="([^"]*)"')
_CLASS = re.compile(r'\sclass="')
_BLOCK = re.compile(r"<style\b[^>]*>(.*?)</style>", re.DOTALL)


def page(mail: str) -> tuple[str, str]:
    """The mail as a page, and its policy: images may come from anywhere by HTTPS, nothing runs, nothing is sent."""
    found: dict[str, str] = {}
    moved = _TAG.sub(lambda tag: _named(tag[0], found), _COMMENT.sub("", mail))
    # As often as that the class is named, the rule wins over all others but those that are important, as it did inline.
    rules = "".join(f"{f'.{name}' * 4} {{ {style} }}\n" for style, name in found.items())
    # In a mailbox it is one of many; here it is what the page is about.
    moved = moved.replace(' aria-roledescription="email"', "", 1).replace('role="article"', 'role="main"', 1)
    moved = moved.replace("</head>", f"<style>\n{rules}</style></head>", 1)
    sources = " ".join(f"'sha256-{_digest(block)}'" for block in _BLOCK.findall(moved))
    policy = (
        f"default-src 'none'; style-src {sources}; img-src 'self' https: data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return moved, policy


def _named(tag: str, found: dict[str, str]) -> str:
    """The tag with a class in place of its style."""
    (style,) = _STYLE.findall(tag)
    said = unescape(style).strip()
    bare = _STYLE.sub("", tag, count=1)
    if "<" in said or "}" in said:
        return bare
    name = found.setdefault(said, f"s{len(found) + 1}")
    if _CLASS.search(bare):
        return _CLASS.sub(f' class="{name} ', bare, count=1)
    return re.sub(r"^<([a-zA-Z0-9:-]+)", rf'<\1 class="{name}"', bare, count=1)


def _digest(block: str) -> str:
    return b64encode(hashlib.sha256(block.encode()).digest()).decode()
