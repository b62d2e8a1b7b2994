"""How does an author make a course? From an article, from another program's sequence, or empty."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.padding import Padding
from rich.text import Text

from sequencer.cli import frame, shelf
from sequencer.content import exports
from sequencer.content.article import source as sources
from sequencer.content.article import themes
from sequencer.errors import BadRequest
from sequencer.flows import arrive
from sequencer.flows import author as flow
from sequencer.flows.arrive import Brought
from sequencer.flows.author import Choices, Outline, Report
from sequencer.flows.compare import State

_STDIN = "-"
_SHOWN = 38  # characters, so that the reason fits beside them
_source = click.argument("source", type=click.Path(path_type=Path, allow_dash=True))
_into = click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Of the course; lessons/TITLE unless said otherwise.",
)


class _Minutes(click.ParamType[tuple[float, float]]):
    """A reading time from the shortest to the longest, such as 1..7."""

    name = "FROM..TO"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """The two numbers."""
        if isinstance(value, tuple):
            return value
        try:
            low, high = (float(part) for part in str(value).split(".."))
        except ValueError:
            self.fail(f'{value!r} is no span of minutes; write one like "2..7".', param, ctx)
        if not 0 <= low < high < 1000:  # noqa: PLR2004 (more than a day's reading)
            self.fail(f'{value!r} is no span of minutes; write one like "2..7".', param, ctx)
        return low, high


@click.command()
@_source
@_into
@click.option("--level", type=click.IntRange(1, 6), help="Of the headings that begin a lesson; found out unless said.")
@click.option("--minutes", type=_Minutes(), default="1..7", show_default=True, help="A lesson's shortest and longest.")
@click.option("--merge", multiple=True, metavar="ID", help="Join this lesson to the one before it.")
@click.option("--split", multiple=True, metavar="ID", help="Divide this lesson into parts.")
@click.option("--update", is_flag=True, help="Write lessons whose source has changed; your edits elsewhere stay.")
@click.option("--take", multiple=True, metavar="ID", help="Write this lesson as the source has it, over your edits.")
@click.option("--keep", multiple=True, metavar="ID", help="Keep this lesson as you have it; the change is settled.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@frame.json_option
@click.pass_context
def build(
    ctx: click.Context,
    source: Path,
    into: Path | None,
    level: int | None,
    minutes: tuple[float, float],
    merge: tuple[str, ...],
    split: tuple[str, ...],
    take: tuple[str, ...],
    keep: tuple[str, ...],
    *,
    update: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a course of an article: one lesson a theme, and a report on where every paragraph went.

    SOURCE is an HTML, Markdown or plain-text file, or - for standard input. Run it again when the article has changed:
    new themes become lessons, changed ones are shown, and what you wrote yourself is never written over unasked.
    """
    content = _content(source)
    beside = None if str(source) == _STDIN else source.parent
    article = sources.read(content, str(source), beside)
    folder = into or _default(ctx, article.title or _stem(source))
    choices = Choices(
        level=level,
        merge=merge,
        split=split,
        take=take,
        keep=keep,
        shortest=minutes[0],
        longest=minutes[1],
        update=update,
        write=not dry_run,
    )
    report = flow.build(article, folder, choices, source=source.name, beside=beside)
    if as_json:
        frame.print_json(_as_json(report))
    else:
        _print(report, dry=dry_run)


@click.command()
@click.argument("slug")
@click.option("--title", help="Of the course; made of the slug unless said otherwise.")
@_into
@click.pass_context
def new(ctx: click.Context, slug: str, title: str | None, into: Path | None) -> None:
    """Begin an empty course, with one lesson that explains itself."""
    if themes.slug(slug) != slug:
        raise BadRequest(f'"{slug}" cannot be the name of a folder and of a link; write it like "{themes.slug(slug)}".')
    folder = into or _default(ctx, slug)
    path = arrive.begin(folder, title or slug.replace("-", " ").capitalize())
    click.echo(f"Wrote {folder}: fill in course.toml, and write {path.name}.")


@click.command("import")
@_source
@_into
@click.option("--title", help="Of the course; made of the file's name unless said otherwise.")
@frame.json_option
@click.pass_context
def import_(ctx: click.Context, source: Path, into: Path | None, title: str | None, *, as_json: bool) -> None:
    """Make a course of a sequence exported from Kit, Mailchimp, Buttondown and the like.

    SOURCE is a CSV or JSON file with a subject, a body and a delay for each mail, or a folder of Markdown files.
    """
    is_stdin = str(source) == _STDIN
    mails = exports.read(None, _content(source)) if is_stdin else exports.read(source)
    name = title or _stem(source).replace("-", " ").replace("_", " ").strip().capitalize()
    folder = into or _default(ctx, name)
    brought = arrive.bring(mails, folder, name or folder.name)
    if as_json:
        frame.print_json({"folder": str(folder), "lessons": [_with_id(one) for one in brought]})
        return
    table = frame.table("file", "subject", "gap", "words")
    for one in brought:
        table.add_row(one.file, one.subject, one.gap or "as the course", str(one.words))
    frame.console.print(table)
    for one in brought:
        if one.marks:
            click.echo(f"{one.file}: replace what the other program would have filled in: {', '.join(one.marks)}")
    click.echo(f"\nWrote {folder}: fill in the sender in course.toml.")


def _content(source: Path) -> bytes:
    if str(source) == _STDIN:
        return sys.stdin.buffer.read(sources.MOST_BYTES + 1)
    return sources.load(source)


def _stem(source: Path) -> str:
    return "" if str(source) == _STDIN else source.stem


def _default(ctx: click.Context, title: str) -> Path:
    """The folder of a course that is called so, among the courses of the settings."""
    if not title:
        raise BadRequest("What comes from a pipe has no name; name a folder for the course with --into.")
    folder = shelf.folder(frame.load_settings(ctx, only_looking=True)) / themes.slug(title)
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _as_json(report: Report) -> dict[str, object]:
    dropped = sum(bool(place.dropped) for place in report.places)
    return {
        "title": report.title,
        "folder": str(report.folder),
        "paragraphs": {"all": len(report.places), "used": len(report.places) - dropped, "dropped": dropped},
        "lessons": [_with_id(one) for one in report.lessons],
        "places": [asdict(place) for place in report.places],
        "gone": report.gone,
        "proposals": report.proposals,
        "remarks": report.remarks,
    }


def _with_id(one: Outline | Brought) -> dict[str, object]:
    """As authors know it: what is a key within the program is an id in a lesson's file."""
    return {"id" if name == "key" else name: value for name, value in asdict(one).items()}


def _print(report: Report, *, dry: bool) -> None:
    frame.console.print(Text(report.title, style="bold"), end="\n\n")
    table = frame.table("", "lesson", "words", "min", "")
    for column in ("words", "min"):
        next(one for one in table.columns if one.header == column).justify = "right"
    for number, one in enumerate(report.lessons, 1):
        written = "written" if one.wrote else str(one.state)
        shown = Text.assemble(one.theme, "\n", (one.key, "dim"))
        table.add_row(str(number), shown, str(one.words), f"{one.minutes:.1f}", written)
    frame.console.print(table)
    _print_dropped(report)
    for one in report.lessons:
        _print_difference(one)
    for heading, lines in _notes(report):
        frame.console.print(f"\n[bold]{heading}[/bold]")
        for line in lines:
            frame.console.print(Padding(Text(line), (0, 0, 0, 2)))
    frame.console.print()
    click.echo(_last_line(report, dry=dry))


def _print_dropped(report: Report) -> None:
    dropped = [place for place in report.places if place.dropped]
    used = len(report.places) - len(dropped)
    frame.console.print(
        f"\n{len(report.places)} paragraphs in the source, each used once and in order: "
        f"{used} in lessons, {len(dropped)} left out."
    )
    if dropped:
        table = frame.table("", "left out", "why")
        table.columns[2].no_wrap = True
        for place in dropped:
            table.add_row(str(place.number), Text(_shortened(place.begins)), place.dropped)
        frame.console.print()
        frame.console.print(table)


def _shortened(words: str) -> str:
    return words if len(words) <= _SHOWN else words[:_SHOWN].rstrip() + "…"


def _print_difference(one: Outline) -> None:
    if one.wrote or one.state not in (State.CHANGED, State.BOTH, State.CLASH):
        return
    way = f"--take {one.key} or --keep {one.key}" if one.state is State.CLASH else "--update writes it"
    frame.console.print(f"\n[bold]{one.key}[/bold]: {one.state}; {way}")
    for diff in (one.theirs, one.yours):
        for line in diff.splitlines():
            style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
            frame.console.print(Text(f"  {line}", style=style), soft_wrap=True)


def _notes(report: Report) -> list[tuple[str, tuple[str, ...]]]:
    gone = tuple(
        f"{name}: the source has this theme no more; the file stays until you remove it" for name in report.gone
    )
    found = (("No longer in the source", gone), ("Proposals", report.proposals), ("Remarks", report.remarks))
    return [(heading, lines) for heading, lines in found if lines]


def _last_line(report: Report, *, dry: bool) -> str:
    wrote = sum(one.wrote for one in report.lessons)
    if dry:
        return f"Nothing was written; this was to look at {report.folder}."
    if wrote == len(report.lessons):
        return f"Wrote {report.folder}: {wrote} lessons. Fill in the sender in course.toml."
    return f"Wrote {wrote} of {len(report.lessons)} lessons in {report.folder}; the others stay as they are."
