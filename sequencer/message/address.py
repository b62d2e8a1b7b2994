"""Is this an e-mail address we can write to? Text becomes an Address, or a sentence for whoever typed it."""

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from sequencer.core.model import Address
from sequencer.errors import BadRequest

_LONGEST = 320


def parse(text: str) -> Address:
    """The address in `text`. Raises BadRequest; asks no name server, so that a form is never kept waiting."""
    typed = text.strip()
    if not typed:
        raise BadRequest("Please give your e-mail address.")
    if len(typed) > _LONGEST or not typed.isprintable():
        raise BadRequest("This is not an e-mail address; it needs a form like name@example.org.")
    try:
        found = validate_email(typed, check_deliverability=False)
    except EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise BadRequest(f"This e-mail address cannot be used. {reason}.") from error
    # The local part's case is its owner's affair (RFC 5321 §2.4), but no two people differ only by it.
    return Address(
        normalized=found.normalized.lower(),
        wire=found.ascii_email or f"{found.local_part}@{found.ascii_domain}",
        needs_smtputf8=found.ascii_email is None,
    )


def is_disposable(address: Address) -> bool:
    """Whether the address is one of a provider whose addresses are soon thrown away, as the known list has it."""
    domain = address.wire.rpartition("@")[2].lower()
    while domain:
        if domain in blocklist:
            return True
        domain = domain.partition(".")[2]
    return False
