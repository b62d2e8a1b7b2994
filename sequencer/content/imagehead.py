"""What do an image's first bytes say? Its kind and its size, whatever the file is called."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sequencer.core.model import ImageKind

_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112
_LYING = range(5, 9)  # orientations in which the image is seen turned by a quarter
# Markers of JPEG: where a frame begins (C4, C8 and CC among them mean other things), the segment in which Exif stands,
# those without a segment, and those behind which there is no head any more.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APP1 = 0xE1
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_END = frozenset({0xD9, 0xDA})
_FILL = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The kind of an image, and its size in pixels as it is seen."""

    kind: ImageKind
    width: int
    height: int


def read(content: bytes) -> Head | None:
    """The head of an image; None for bytes that begin as no PNG, JPEG, GIF or WebP does, or break off too early."""
    try:
        found = _head(content)
    except (struct.error, IndexError):
        return None
    return found if found and found.width and found.height else None


def _head(content: bytes) -> Head | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", content, 16)
        return Head(kind=ImageKind.PNG, width=width, height=height)
    if content.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack_from("<HH", content, 6)
        return Head(kind=ImageKind.GIF, width=width, height=height)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _webp(content)
    return _jpeg(content) if content.startswith(b"\xff\xd8\xff") else None


def _webp(content: bytes) -> Head | None:
    """WebP has three shapes: extended, without loss, and the first one."""
    match content[12:16]:
        case b"VP8X":
            width, height = (1 + int.from_bytes(struct.unpack_from("3s", content, at)[0], "little") for at in (24, 27))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 21)
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", content, 26))
        case _:
            return None
    return Head(kind=ImageKind.WEBP, width=width, height=height)


def _jpeg(content: bytes) -> Head | None:
    turned = False
    for marker, begin, end in _segments(content):
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, begin + 1)
            size = (height, width) if turned else (width, height)
            return Head(kind=ImageKind.JPEG, width=size[0], height=size[1])
        # Cameras do not turn the picture, but write down how it is to be turned.
        turned = turned or (marker == _APP1 and _orientation(content[begin:end]) in _LYING)
    return None


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Each segment's marker, where what is in it begins, and where it ends."""
    at = 2
    while content[at] == _FILL and (marker := content[at + 1]) not in _END:
        if marker == _FILL:
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            yield marker, at + 4, at + 2 + length
            at += 2 + max(length, 2)


def _orientation(segment: bytes) -> int:
    """What Exif says of how the picture is to be turned; 1, not at all, where it says nothing that can be read."""
    if not segment.startswith(_EXIF):
        return 1
    exif = segment[len(_EXIF) :]
    order = ">" if exif.startswith(b"MM") else "<"
    try:
        (first,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, first)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, first + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return int(value)
    except struct.error:
        pass  # the picture is good all the same
    return 1
