"""Is this an e-mail address we can write to? Text becomes an Address, or a sentence for whoever typed it."""

import re
from functools import lru_cache

from disposable_email_domains import blocklist
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from sequencer.core.model import Address
from sequencer.errors import BadRequest

_LONGEST = 320
# A local part of words with dots between them, in ASCII (RFC 5322 §3.2.3), and a domain that needs no translation.
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"(?=.{{3,254}}$)(?=[^@]{{1,64}}@)({_WORD}(?:\.{_WORD})*)@((?!.*xn--)[A-Za-z0-9.-]+)", re.ASCII)

# A domain that the library leaves as it is, but for the reserved ones: labels of at most 63 in lower case, a last one
# that ends with a letter, and no two hyphens in a row, which may mean a translation.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_USUAL = re.compile(rf"(?=.{{1,253}}$)(?!.*--)(?:{_LABEL}\.)+(?=.*[a-z]$){_LABEL}", re.ASCII)
_RESERVED = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)


def parse(text: str) -> Address:
    """The address in `text`. Raises BadRequest; asks no name server, so that a form is never kept waiting."""
    typed = text.strip()
    if not typed:
        raise BadRequest("Please give your e-mail address.")
    if len(typed) > _LONGEST or not typed.isprintable():
        raise BadRequest("This is not an e-mail address; it needs a form like name@example.org.")
    plain = _PLAIN.fullmatch(typed)
    try:
        if plain:
            # As the library has it, but the domain, which is most of the work, is looked at once.
            local, domain = plain[1], _domain(plain[2].lower())
            return Address(normalized=f"{local}@{domain}".lower(), wire=f"{local}@{domain}")
        # Strict: the part before the @ has 64 octets at most (RFC 5321 §4.5.3.1.1).
        found = validate_email(typed, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise BadRequest(f"This e-mail address cannot be used. {reason}.") from error
    # The local part's case is its owner's affair (RFC 5321 §2.4), but no two people differ only by it.
    return Address(
        normalized=found.normalized.lower(),
        wire=found.ascii_email or f"{found.local_part}@{found.ascii_domain}",
        needs_smtputf8=found.ascii_email is None,
    )


@lru_cache(4096)
def _domain(domain: str) -> str:
    """The domain as the library writes it. Raises EmailNotValidError.

    The library takes a tenth of what a sign-up costs to find that nothing is unusual about it.
    """
    if _USUAL.fullmatch(domain) and not f".{domain}".endswith(_RESERVED):
        return domain
    return validate_email(f"a@{domain}", check_deliverability=False).domain


def is_disposable(address: Address) -> bool:
    """Whether the address is one of a provider whose addresses are soon thrown away, as the known list has it."""
    domain = address.wire.rpartition("@")[2].lower()
    while domain:
        if domain in blocklist:
            return True
        domain = domain.partition(".")[2]
    return False
