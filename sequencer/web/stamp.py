"""Has a file changed since a page was made? One stamp for all files that pages are made of."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

_KINDS = frozenset({".md", ".toml", ".mjml", ".txt", ".html", ".css", ".js", ".png", ".jpg", ".jpeg", ".gif", ".webp"})


def stamp(folders: Sequence[Path]) -> str:
    """The same as long as no file is written, made, renamed or removed; made of their names, times and sizes.

    What an editor puts beside them for its own use does not count.
    """
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in _KINDS and not path.name.startswith("."):
                digest.update(f"{path}|{_state(path)}\n".encode())
    return digest.hexdigest()[:16]


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "gone"  # between two looks, or a link that leads nowhere
    return f"{found.st_mtime_ns}|{found.st_size}|{found.st_ino}"
