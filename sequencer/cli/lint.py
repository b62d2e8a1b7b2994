"""What does an author hear about a course's files? Findings for people, for programs, or for GitHub's diff."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from sequencer.cli import frame, shelf
from sequencer.content.lint.findings import Finding, Level
from sequencer.flows import lint as flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding, and the course that it is about."""

    course: str
    finding: Finding

    @property
    def file(self) -> str:
        """The file as seen from where the command runs: what editors and GitHub can open."""
        path, here = Path(self.finding.file), Path.cwd()
        return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

    @property
    def where(self) -> str:
        """The file, and the line where there is one."""
        return f"{self.file}:{self.finding.line}" if self.finding.line else self.file


@click.command()
@click.argument("slug", required=False)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option(
    "--check-links",
    is_flag=True,
    help="Ask each address that the lessons name whether it answers; without it nothing leaves this machine.",
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="Lines for people, JSON for programs, or workflow commands that GitHub shows beside the lines.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, with course, where and sentence alone.")
@click.pass_context
def lint(ctx: click.Context, slug: str | None, *, strict: bool, check_links: bool, shape: str, as_json: bool) -> None:
    """Check the files of one course, or of all; exit code 1 where something is wrong.

    Warnings are printed and let the course pass; docs/lessons.md lists the rules.
    """
    settings = frame.load_settings(ctx, only_looking=True)
    templates, now = shelf.templates(settings), frame.clock()
    first: dict[Finding, str] = {}  # what is wrong with a template is wrong with every course, and told once
    for path in shelf.paths(settings, slug):
        postal = settings.postal_address
        for finding in flow.lint(path, templates, postal_address=postal, now=now, ask_the_web=check_links):
            first.setdefault(finding, path.name)
    found = [Found(course=course, finding=finding) for finding, course in first.items()]
    _SHAPES["bare" if as_json else shape](found)
    if any(strict or one.finding.level is Level.ERROR for one in found):
        ctx.exit(1)


def _text(found: Sequence[Found]) -> None:
    for one in found:
        level = "warning: " if one.finding.level is Level.WARNING else ""
        click.echo(f"{one.where}: {level}{one.finding.sentence} [{one.finding.rule}]")
    if not found:
        click.echo("All is well.")


def _json(found: Sequence[Found]) -> None:
    frame.print_json(
        [
            {
                "course": one.course,
                "file": one.file,
                "line": one.finding.line or None,
                "rule": one.finding.rule,
                "level": one.finding.level.value,
                "sentence": one.finding.sentence,
            }
            for one in found
        ]
    )


def _bare(found: Sequence[Found]) -> None:
    frame.print_json([{"course": one.course, "where": one.where, "sentence": one.finding.sentence} for one in found])


def _github(found: Sequence[Found]) -> None:
    for one in found:
        line = f",line={one.finding.line}" if one.finding.line else ""
        title = f",title={_property(one.finding.rule)}"
        click.echo(
            f"::{one.finding.level.value} file={_property(one.file)}{line}{title}::{_message(one.finding.sentence)}"
        )


_SHAPES: dict[str, Callable[[Sequence[Found]], None]] = {
    "text": _text,
    "json": _json,
    "bare": _bare,
    "github": _github,
}


def _message(words: str) -> str:
    """Words of a workflow command, as GitHub's runner unescapes them."""
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _message(words).replace(":", "%3A").replace(",", "%2C")
