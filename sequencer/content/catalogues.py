"""How do the shipped catalogues keep up with our sentences? What is new is added, what nobody says is dropped."""

import re
from io import BytesIO
from pathlib import Path

from babel.messages.pofile import write_po

from sequencer.content import messages, words
from sequencer.content.files import shipped

# What says nothing here: git knows who wrote what and when.
_EMPTY = re.compile(rb'"(Project-Id|Report-Msgid|POT-Creation|PO-Revision|Last-Trans|Language-Team|Generated).*\n')


def update_shipped() -> str:
    """Bring each catalogue in templates/locale up to date; a line for each says what is left to translate."""
    return "".join(update(path) for path in sorted((shipped("templates") / words.FOLDER).glob("*.po")))


def update(path: Path) -> str:
    """Bring this catalogue up to date."""
    catalogue = words.read(path, path.stem)
    # A guess would say something else than is meant.
    catalogue.update(messages.template(), no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    written = BytesIO()
    write_po(written, catalogue, width=120, include_lineno=False)
    path.write_bytes(_EMPTY.sub(b"", written.getvalue()))
    left = sum(1 for _ in messages.problems(catalogue))
    return f"{path.name}: {left} messages are left to translate.\n" if left else f"{path.name}: all is translated.\n"
