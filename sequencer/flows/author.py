"""How does an article become a course, and stay one when the article changes? Nothing is lost, nothing overwritten."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

from sequencer.content import built, convert, courses, manuscript
from sequencer.content.article import shape, themes
from sequencer.content.article.parts import Article, Paragraph, Theme
from sequencer.content.built import Memory, Written
from sequencer.content.manuscript import Cover
from sequencer.errors import BadRequest
from sequencer.flows import compare, images
from sequencer.flows.compare import Entry, State

log = logging.getLogger(__name__)
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the author says. `merge` and `split` add to what was said at earlier builds; `take` and `keep` name ids."""

    level: int | None = None
    merge: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    take: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    shortest: float = 1
    longest: float = 7
    update: bool = False
    write: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one paragraph of the source went: into a lesson, or nowhere and why. Numbers begin at 1."""

    number: int
    begins: str
    lesson: str
    dropped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A lesson in the report. `wrote` says whether its file was written just now."""

    key: str
    file: str
    theme: str
    subject: str
    preheader: str
    words: int
    minutes: float
    state: State
    wrote: bool = False
    yours: str = ""
    theirs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a build found and did. `gone` are files of lessons whose theme the source has no more; they stay."""

    title: str
    folder: Path
    lessons: tuple[Outline, ...]
    places: tuple[Place, ...]
    gone: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())


def build(article: Article, folder: Path, choices: Choices, *, source: str, beside: Path | None = None) -> Report:
    """Make a course of an article in `folder`, or bring the one there up to it; images are copied from `beside` it.

    New themes become files. A lesson whose source changed is written on `update`, together with what the author edited
    in other places; where both changed one place it is written only if `take` names it, and settled by `keep`.
    Raises BadRequest where the folder is something else, and BadContent for a lesson that cannot be read.
    """
    memory = _memory(folder, source)
    memory = replace(memory, level=choices.level or memory.level)
    paragraphs, found = themes.settle(article, memory.level)
    shaped, memory, remarks = _shaped(compare.named(found, memory), paragraphs, memory, choices)
    entries = compare.entries(shaped, memory, folder)
    _refuse_unknown((*choices.take, *choices.keep), entries)
    names = _names(entries, choices)
    outlines = tuple(_outline(entry, names[entry.key], choices) for entry in entries)
    if choices.write:
        _write(article, folder, entries, outlines, memory, choices)
    brought = images.bring(_texts(entries, choices), beside, folder, write=choices.write)
    return Report(
        title=article.title,
        folder=folder,
        lessons=outlines,
        places=places(paragraphs, entries),
        gone=tuple(path.name for path in compare.gone(shaped, memory, folder)),
        proposals=tuple(_proposals(shaped, choices)),
        remarks=(*article.remarks, *_lost_lists(shaped), *remarks, *brought, *_order(entries)),
    )


def places(paragraphs: Sequence[Paragraph], entries: Sequence[Entry]) -> tuple[Place, ...]:
    """The place of every paragraph, in order: the proof that each is used once, or dropped for a reason."""
    lesson = {at: entry.key for entry in entries for at in range(entry.theme.begin, entry.theme.end)}
    return tuple(
        Place(
            number=at + 1,
            begins=" ".join(one.raw.split())[:_SHOWN],
            lesson="" if one.dropped else lesson[at],
            dropped=one.dropped,
        )
        for at, one in enumerate(paragraphs)
    )


def _memory(folder: Path, source: str) -> Memory:
    if folder.exists() and not folder.is_dir():
        raise BadRequest(f"{folder} is a file; name a folder for the course with --into.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return Memory(source=source)
    if not (folder / courses.COURSE_FILE).is_file():
        raise BadRequest(f"{folder} is there and is no course; name another folder with --into.")
    memory = built.recall(folder)
    if memory is None:
        raise BadRequest(f"{folder} holds a course that was not built from an article; name another with --into.")
    return replace(memory, source=source)


def _shaped(
    found: Sequence[Theme], paragraphs: Sequence[Paragraph], memory: Memory, choices: Choices
) -> tuple[Sequence[Theme], Memory, list[str]]:
    """The themes, joined and divided by today's choices and by those of earlier builds."""
    remarks: list[str] = []
    shaped = list(found)
    for key in dict.fromkeys((*memory.split, *choices.split)):
        if key not in choices.split and key not in [one.key for one in shaped]:
            remarks.append(f'"{key}" was split at an earlier build, and the source has it no more.')
        else:
            shaped = shape.divide(shaped, key, choices.longest, paragraphs)
    for key in dict.fromkeys((*memory.merge, *choices.merge)):
        if key not in choices.merge and key not in [one.key for one in shaped]:
            remarks.append(f'"{key}" was joined to another at an earlier build, and the source has it no more.')
        else:
            shaped = shape.join(shaped, key, paragraphs)
    merge, split = tuple(dict.fromkeys((*memory.merge, *choices.merge))), (*memory.split, *choices.split)
    return shaped, replace(memory, merge=merge, split=tuple(dict.fromkeys(split))), remarks


def _refuse_unknown(keys: Sequence[str], entries: Sequence[Entry]) -> None:
    unknown = sorted(set(keys) - {entry.key for entry in entries})
    if unknown:
        raise BadRequest(f'There is no lesson "{unknown[0]}"; there is {", ".join(one.key for one in entries)}.')


def _writes(entry: Entry, choices: Choices) -> str:
    """The text that is to be written now; empty where the file stays as it is."""
    if entry.key in choices.keep:
        return ""
    if entry.state is State.NEW or entry.key in choices.take:
        return entry.text
    return entry.merged if choices.update and entry.state in (State.CHANGED, State.BOTH) else ""


def _texts(entries: Sequence[Entry], choices: Choices) -> list[str]:
    """What each lesson says when all is written, or would say."""
    texts = [_writes(entry, choices) for entry in entries]
    stay = [entry.path for entry, text in zip(entries, texts, strict=True) if entry.path is not None and not text]
    return [*texts, *(path.read_text(encoding="utf-8-sig") for path in stay)]


def _names(entries: Sequence[Entry], choices: Choices) -> Mapping[str, str]:
    """The file of each lesson; those that have none yet get one that sorts where the source has them."""
    known = [entry for entry in entries if entry.path is not None or _writes(entry, choices)]
    names = [entry.path.name if entry.path else None for entry in known]
    numbered = zip(known, names, manuscript.numbers(names), strict=True)
    made = {entry.key: name or manuscript.file_name(number, entry.key) for entry, name, number in numbered}
    return {entry.key: made.get(entry.key, "") for entry in entries}


def _outline(entry: Entry, name: str, choices: Choices) -> Outline:
    return Outline(
        key=entry.key,
        file=name,
        theme=entry.theme.heading,
        subject=entry.manuscript.subject,
        preheader=entry.manuscript.preheader,
        words=entry.theme.words,
        minutes=round(entry.theme.minutes, 1),
        state=entry.state,
        wrote=choices.write and bool(_writes(entry, choices)),
        yours=entry.yours,
        theirs=entry.theirs,
    )


def _write(
    article: Article,
    folder: Path,
    entries: Sequence[Entry],
    outlines: Sequence[Outline],
    memory: Memory,
    choices: Choices,
) -> None:
    """What is remembered goes last, so that a build that was interrupted is simply run again."""
    if not (folder / courses.COURSE_FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        built.remember(folder, Memory(source=memory.source))
        built.put(folder / courses.COURSE_FILE, manuscript.course_text(_cover(article, folder)))
    lessons = dict(memory.lessons)
    for entry, outline in zip(entries, outlines, strict=True):
        text = _writes(entry, choices)
        if text:
            built.put(folder / outline.file, text)
            log.info("lesson.built", extra={"course": folder.name, "lesson": entry.key})
        # What both sides have is the ground from which the next difference is told.
        settled = text or entry.key in choices.keep or entry.state is State.SAME
        if (settled and entry.state is not State.LEFT_OUT) or text:
            lessons[entry.key] = Written(heading=entry.theme.heading, source=entry.source, text=entry.text)
    built.remember(folder, replace(memory, lessons=lessons))


def _cover(article: Article, folder: Path) -> Cover:
    title = article.title or folder.name.replace("-", " ").capitalize()
    return Cover(title=title, author=article.author, brand=article.brand, language=article.language, site=article.site)


def _proposals(shaped: Sequence[Theme], choices: Choices) -> list[str]:
    short = [one for one in shaped if one.minutes < choices.shortest]
    made = [
        f"{one.key} takes {one.minutes:.0f} minutes; --split {one.key} divides it"
        for one in shaped
        if one.minutes > choices.longest
    ]
    if short and len(shaped) > 1:
        which = short[0].key if len(short) == 1 else f"{len(short)} of {len(shaped)} lessons"
        made.append(
            f"{which} take less than {choices.shortest:g} min; write more, or join one to the lesson before it: "
            f"--merge {short[-1].key}"
        )
    return made


def _lost_lists(shaped: Sequence[Theme]) -> list[str]:
    """Scrapers lose lists: a paragraph that ends in a colon, and running text or nothing behind it."""
    made = []
    for theme in shaped:
        for one, after in zip_longest(theme.text, theme.text[1:]):
            follows = after is not None and not after.level and after.markdown[:1] in "-*>|`!0123456789 "
            if one.markdown.rstrip("*_ ").endswith(":") and not one.level and not follows:
                said = " ".join(convert.words(one.markdown).split()[-6:])
                made.append(f"{theme.key}: a list may be lost behind “… {said}”")
    return made


def _order(entries: Sequence[Entry]) -> list[str]:
    files = [entry.path.name for entry in entries if entry.path]
    if files == sorted(files):
        return []
    return ["The source has another order now than the files have; rename files if lessons are to follow it."]
