"""Did the owner of a key sign this? Ed25519 (RFC 8032), for programs that keep their half of the key to themselves."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def is_signed(key: bytes, signature: bytes, content: bytes) -> bool:
    """Whether the owner of the public key, 32 bytes, made this signature of the content; False for what is no key."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
