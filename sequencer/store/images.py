"""Which images do lessons show? Rows of `image`, each by the digest of its bytes, and shared by all revisions."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from sequencer.core.model import Image, ImageKind
from sequencer.store.database import Transaction
from sequencer.store.tables import image as image_table


def kept(tx: Transaction, digests: Collection[str]) -> frozenset[str]:
    """Those of the digests whose bytes are here."""
    query = select(image_table.c.digest).where(image_table.c.digest.in_(digests))
    return frozenset(tx.execute(query).scalars())


def keep(tx: Transaction, image: Image, content: bytes) -> None:
    """Put the bytes of an image here; twice is once."""
    make = (sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert)(image_table)
    row = {
        "digest": image.digest,
        "media_type": image.kind.media_type,
        "width": image.width,
        "height": image.height,
        "content": content,
    }
    tx.execute(make.values(row).on_conflict_do_nothing())


def content(tx: Transaction, digest: str, kind: ImageKind) -> bytes | None:
    """The bytes of an image of this kind; None where there is none."""
    same = (image_table.c.digest == digest, image_table.c.media_type == kind.media_type)
    found: bytes | None = tx.execute(select(image_table.c.content).where(*same)).scalar_one_or_none()
    return found
