"""Which course does a command mean? The folders of the settings, and the courses in them."""

from pathlib import Path

from sequencer.content import courses as files
from sequencer.content.templates import Templates
from sequencer.errors import BadContent
from sequencer.settings import Settings


def folder(settings: Settings) -> Path:
    """The folder that holds one folder a course."""
    return settings.root / settings.courses


def templates(settings: Settings) -> Templates:
    """The templates of this installation."""
    return Templates(settings.root / settings.templates if settings.templates else None, live=True)


def paths(settings: Settings, slug: str | None) -> tuple[Path, ...]:
    """The folder of one course, or all of them. Raises BadContent where there is none."""
    found = files.find(folder(settings))
    chosen = tuple(path for path in found if slug in (None, path.name))
    if not chosen:
        there = ", ".join(path.name for path in found) or "none"
        raise BadContent(f'{folder(settings)}: there is no course "{slug or ""}"; there is {there}.')
    return chosen


def path(settings: Settings, slug: str | None) -> Path:
    """The folder of one course; without a slug, of the only one there is. Raises BadContent."""
    found = paths(settings, slug)
    if len(found) > 1:
        there = ", ".join(one.name for one in found)
        raise BadContent(f"{folder(settings)}: there are several courses; name one of {there}.")
    return found[0]
