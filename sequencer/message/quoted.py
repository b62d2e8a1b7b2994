"""How is text written so that any relay carries it unchanged? Quoted-printable (RFC 2045 §6.7), in pieces."""

import re
from binascii import b2a_qp

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_DOT = re.compile(r"(?m)^\.")
_DOT_OF_A_FULL_LINE = re.compile(r"(?m)^\.(?=[^\r\n]{76})")  # binascii goes one beyond its own limit
_BARE_NEWLINE = re.compile(r"(?<!\r)\n")
# Almost every value is short and plain: a name, an address, a link.
_PLAIN = re.compile(r"(?!\.)[A-Za-z0-9 _,;:!?@/()'+&#%.-]{0,74}[A-Za-z0-9_,;:!?@/()'+&#%-]")

SOFT = "=\r\n"


def encode(text: str) -> str:
    """ASCII lines of at most 78 characters that decode to `text`; the last ends softly unless the text ends its line.

    So pieces can be set one after the other, each on lines of its own. No text gives nothing. Line ends are CRLF,
    whichever they were. No line begins with a dot: what is sent by SMTP needs no stuffing (RFC 5321 §4.5.2).
    """
    if not text:
        return ""
    if _PLAIN.fullmatch(text):
        return text + SOFT
    lines = _LINE_BREAK.sub("\r\n", text)
    quoted = b2a_qp(lines.encode("utf-8", "replace"), istext=True).decode("ascii")
    quoted = _DOT_OF_A_FULL_LINE.sub("=2E=\r\n", _BARE_NEWLINE.sub("\r\n", quoted))
    quoted = _DOT.sub("=2E", quoted)
    return quoted if lines.endswith("\r\n") else quoted + SOFT
