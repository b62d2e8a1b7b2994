"""What does a sequence of another program hold? CSV, JSON or a folder of Markdown becomes mails in their order."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from sequencer.content import convert
from sequencer.content.article import source
from sequencer.errors import BadContent

# Our name for a column, and what Kit, Mailchimp, Buttondown and the like call it: small letters, one space between.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subject": ("subject", "subject line", "email subject", "subject lines", "title", "email title",
                "name", "email name"),
    "body": ("body", "content", "email body", "email content", "html", "body html", "html body", "content html",
             "html content", "message", "text", "body text", "markdown", "plain text"),
    "preheader": ("preheader", "preview text", "preview", "description", "snippet"),
    "delay": ("delay", "delay days", "send after", "send after days", "wait", "wait days", "days after", "delay value",
              "interval", "send days after", "days"),
    "unit": ("delay unit", "unit", "send after interval", "delay period", "interval unit", "wait unit"),
    "day": ("day", "send day", "day number", "on day"),
    "position": ("position", "order", "email number", "number", "index", "step", "sequence position", "sort order"),
    "key": ("slug", "id", "email id"),
    "state": ("status", "state", "published"),
}  # fmt: skip
_LISTS = ("emails", "sequence", "messages", "email_templates", "sequence_emails", "results", "items", "data", "steps")
_DRAFTS = frozenset({"draft", "false", "archived", "disabled", "inactive", "unpublished", "0"})
# Their marks for the reader's name, and for links that our mails have at their foot already.
_NAME = re.compile(
    r"\*\|(?:FNAME|NAME|FIRST_?NAME)(?::[^|]*)?\|\*"
    r"|\{\{-?\s*(?:subscriber\.)?(?:first_?name|name|metadata\.(?:first_)?name)(?:\s*\|[^}]*)?\s*-?\}\}"
    r"|\[(?:first ?name|name)\]|%(?:FIRSTNAME|NAME)%", re.IGNORECASE)  # fmt: skip
_DEFAULT = re.compile(r"default:?\s*\(?[\"']([^\"'{}]*)[\"']")
_NOBODY = "friend"  # how somebody is called who gave no name, where the other program said nothing
_NAME_PLACE = "\ue000"
_MARK = re.compile(r"\*\|[A-Z_:]+\|\*|\{\{[^}]*\}\}|\{%[^%]*%\}")
_DELAY = re.compile(r"\D*?(\d+)\s*([a-z]*)", re.IGNORECASE)
_FRONT = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of a sequence. `gap` is the time since the one before it as lessons write it, empty where not said.

    `marks` are the other program's, left in the words for the author to replace.
    """

    subject: str
    body: str
    preheader: str = ""
    gap: str = ""
    key: str = ""
    marks: tuple[str, ...] = ()


def read(path: Path | None, content: bytes = b"") -> tuple[Mail, ...]:
    """The mails in a file, a folder of Markdown, or (without a path) in `content`; drafts are left out.

    Raises BadContent with the path for what holds no mails.
    """
    name = str(path) if path else "-"
    if path is not None and path.is_dir():
        rows = [_markdown(file) for file in sorted(path.glob("*.md"))]
    else:
        text = source.decode(source.load(path) if path else content, name)
        rows = _json(text, name) if text.lstrip()[:1] in ("[", "{") else _csv(text, name)
    live = [row for row in rows if str(row.get("state", "")).strip().lower() not in _DRAFTS]
    if not live:
        raise BadContent(f"{name}: there is no mail in it; give a CSV, a JSON list or a folder of Markdown files.")
    numbered = [_number(row.get("position")) for row in live]
    if all(number is not None for number in numbered):
        live = [row for _, row in sorted(zip(numbered, live, strict=True), key=lambda pair: pair[0] or 0)]
    return tuple(_mails(live, name))


def _csv(text: str, name: str) -> list[dict[str, object]]:
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    csv.field_size_limit(source.MOST_BYTES)
    try:
        return [_known(row) for row in csv.DictReader(io.StringIO(text), delimiter=separator, strict=True)]
    except csv.Error as error:
        raise BadContent(f"{name}: this is no valid CSV: {error}.") from error


def _json(text: str, name: str) -> list[dict[str, object]]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadContent(f"{name}: this is no valid JSON: {error}.") from error
    return [_known(row) for row in _list_in(given) if isinstance(row, dict)]


def _list_in(given: object) -> Iterable[object]:
    """The list of mails: the document itself, or the first one below a name that programs use."""
    if isinstance(given, list):
        return given
    if isinstance(given, dict):
        for name in _LISTS:
            found = list(_list_in(given.get(name)))
            if found:
                return found
    return ()


def _markdown(path: Path) -> dict[str, object]:
    text = source.decode(source.load(path), str(path))
    front = _FRONT.match(text)
    try:
        given = yaml.safe_load(front.group(1)) if front else {}
    except (yaml.YAMLError, ValueError) as error:
        raise BadContent(f"{path}: the front matter is not valid YAML.") from error
    row = _known(given if isinstance(given, dict) else {})
    body = text[front.end() :] if front else text
    heading = re.match(r"\s*# +(.+)\n", body)
    if heading and "subject" not in row:
        row["subject"], body = convert.words(heading.group(1)), body[heading.end() :]
    return {"subject": path.stem.lstrip("0123456789-_ ").replace("-", " ").capitalize(), **row, "body": body}


def _known(row: Mapping[object, object]) -> dict[str, object]:
    """A row under our names; where two columns mean the same, the one that is named first in the table."""
    even = {" ".join(re.split(r"[\s_-]+", str(key).strip().lower())): value for key, value in row.items()}
    found: dict[str, object] = {}
    for ours, theirs in _COLUMNS.items():
        value = next((even[name] for name in theirs if even.get(name) not in (None, "")), None)
        if value is not None:
            found[ours] = value
    return found


def _mails(rows: Sequence[Mapping[str, object]], name: str) -> Iterable[Mail]:
    day = None
    for number, row in enumerate(rows, 1):
        if "subject" not in row or "body" not in row:
            wanting = "subject" if "subject" not in row else "body"
            raise BadContent(
                f"{name}: mail {number} has no {wanting}; a column may be called {', '.join(_COLUMNS[wanting][:4])}."
            )
        mail = _mail(row)
        on_day = _number(row.get("day"))
        if on_day is not None and "delay" not in row:
            mail = replace(mail, gap=_gap(on_day - day, "day") if day is not None else "")
            day = on_day
        yield replace(mail, gap="") if number == 1 else mail


def _mail(row: Mapping[str, object]) -> Mail:
    subject, body = str(row["subject"]), str(row["body"])
    is_html = re.search(r"</?(p|div|br|h[1-6]|table|ul|ol|a|body)\b[^>]*>", body, re.IGNORECASE) is not None
    named = _NAME.search(body)
    default = _DEFAULT.search(named.group()) if named else None
    nobody = (default.group(1).strip() if default else "") or _NOBODY
    marked = _NAME.sub(_NAME_PLACE, body)
    words = convert.from_html(marked) if is_html else convert.neutral(marked)
    delay = _DELAY.fullmatch(str(row.get("delay", "")).strip().rstrip(".")) or _DELAY.match(str(row.get("delay", "")))
    unit = (delay[2] if delay else "") or str(row.get("unit", "")) or "day"
    return Mail(
        subject=" ".join(_NAME.sub("", subject).split()).lstrip(" ,:-"),
        body=words.replace(_NAME_PLACE, f"{{{{ subscriber.name or '{nobody}' }}}}"),
        preheader=" ".join(_NAME.sub("", str(row.get("preheader", ""))).split()),
        gap=_gap(int(delay[1]), unit.lower()) if delay else "",
        key=str(row.get("key", "")),
        marks=tuple(dict.fromkeys(_MARK.findall(marked))),
    )


def _gap(count: int, unit: str) -> str:
    """As lessons write it. A mail that follows at once follows on the next day: two lessons never share an hour."""
    if unit.startswith(("h", "min")):
        hours = count if unit.startswith("h") else max(1, count // 60)
        return f"{hours} hours" if hours > 0 else ""
    days = count * 7 if unit.startswith("w") else count
    return f"{days} days" if days > 1 else ("1 day" if days == 1 else "")


def _number(value: object) -> int | None:
    found = re.search(r"\d+", str(value)) if value is not None else None
    return int(found.group()) if found else None
