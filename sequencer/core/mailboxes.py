"""Whose mailbox is it? What an address alone gives away: a slip of the finger, an office, two spellings of one."""

from functools import lru_cache

# The domains of large providers, which are never slips, and from which many people come.
LARGE = frozenset(
    """
    gmail.com googlemail.com yahoo.com ymail.com rocketmail.com yahoo.co.uk yahoo.fr yahoo.de yahoo.es yahoo.it
    yahoo.ca yahoo.in yahoo.co.in yahoo.com.br hotmail.com hotmail.co.uk hotmail.fr hotmail.de hotmail.es hotmail.it
    outlook.com outlook.de outlook.fr outlook.es live.com live.co.uk live.de live.fr live.nl msn.com icloud.com me.com
    mac.com aol.com aim.com gmx.de gmx.net gmx.com gmx.at gmx.ch web.de mail.com mail.de email.com t-online.de
    freenet.de posteo.de mailbox.org proton.me protonmail.com pm.me tutanota.com fastmail.com zoho.com orange.fr
    free.fr sfr.fr laposte.net wanadoo.fr libero.it virgilio.it comcast.net verizon.net att.net cox.net sbcglobal.net
    bellsouth.net btinternet.com sky.com talktalk.net ntlworld.com bigpond.com qq.com 163.com 126.com sina.com mail.ru
    yandex.ru yandex.com bk.ru inbox.ru list.ru rambler.ru seznam.cz wp.pl o2.pl onet.pl interia.pl naver.com daum.net
    uol.com.br bol.com.br terra.com.br hey.com bluewin.ch ziggo.nl kpnmail.nl telenet.be skynet.be
    """.split()  # noqa: SIM905 (a paragraph reads better than a column)
)
# What a slip of the finger is compared with: where most people are, with names long enough to be slipped in.
_OFTEN_MEANT = tuple(
    "gmail.com googlemail.com yahoo.com hotmail.com outlook.com icloud.com proton.me protonmail.com t-online.de".split()  # noqa: SIM905 (as above)
)
# The last parts of institutions' domains, by themselves or before that of a country, as in "agency.gov.uk".
_OF_INSTITUTIONS = frozenset({"gov", "mil", "edu", "int"})
_OF_INSTITUTIONS_WITHIN = frozenset({"gov", "gob", "gouv", "govt", "go", "gv", "gc", "mil", "mod", "edu", "ac"})
_INSTITUTIONS = ("bund.de", "admin.ch", "europa.eu")
_ROLES = frozenset(
    """
    abuse admin administrator hostmaster noc postmaster root security webmaster mailer-daemon noreply no-reply
    donotreply do-not-reply bounce bounces spam
    """.split()  # noqa: SIM905 (a paragraph reads better than a column)
)


def canonical(address: str) -> str:
    """The mailbox behind an address as far as providers let us know: for counting, never for sending."""
    local, _, domain = address.lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"


def meant(address: str) -> str:
    """The address that was probably meant, where its domain is one slip away from a large provider's; else ""."""
    local, _, domain = address.rpartition("@")
    large = _domain_meant(domain)
    return f"{local}@{large}" if large else ""


def is_role(address: str) -> bool:
    """Whether an address belongs to an office rather than a person."""
    return address.partition("@")[0].lower() in _ROLES


@lru_cache(4096)
def institution(domain: str) -> str:
    """What makes a domain one of a state, an army or a university: "gov", "gov.uk", "ac.jp"; else ""."""
    name, _, last = domain.rpartition(".")
    within = name.rpartition(".")[2]
    if last in _OF_INSTITUTIONS:
        return last
    if len(last) == 2 and name != within and within in _OF_INSTITUTIONS_WITHIN:  # noqa: PLR2004 (a country's letters)
        return f"{within}.{last}"
    return next((one for one in _INSTITUTIONS if domain == one or domain.endswith(f".{one}")), "")


@lru_cache(4096)
def _domain_meant(domain: str) -> str:
    if domain in LARGE:
        return ""
    return next((large for large in _OFTEN_MEANT if _is_a_slip(domain, large)), "")


def _is_a_slip(typed: str, right: str) -> bool:
    """Whether one letter is missing, added, wrong, or has changed places with its neighbour."""
    if typed == right or abs(len(typed) - len(right)) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(typed, right, strict=False)) if a != b), min(len(typed), len(right)))
    a, b = typed[same:], right[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:] and len(a) > 1)
