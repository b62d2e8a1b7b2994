"""How is a sentence of ours said in another language? Catalogues (templates/locale/*.po), read into memory, and dates.

English is the source: what a catalogue lacks is said in English, and where there is no catalogue, all is.
"""

import gettext
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from sequencer.core.model import Gap
from sequencer.errors import BadContent

ENGLISH = "en"
FOLDER = "locale"
_VALUE = re.compile(r"%\((\w+)\)s")


def later(sentence: str) -> str:
    """English words that are said in a language later, marked for whoever translates them."""
    return sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All that can be said in one language. `language` is that of its catalogue, "en" where there is none."""

    language: str = ENGLISH
    locale: Locale | None = None
    catalogue: gettext.NullTranslations = field(default_factory=gettext.NullTranslations)
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()

    def say(self, sentence: str, /, **values: object) -> str:
        """The sentence, with these values in it."""
        said = self.catalogue.gettext(sentence) if sentence else ""
        return said % values if values else said

    def count(self, one: str, many: str, number: int) -> str:
        """The sentence for this number, which it may hold as `num`."""
        return self.catalogue.ngettext(one, many, number) % {"num": number}

    def again(self, sentence: str) -> str:
        """A sentence that somebody has finished in English already; in English still where nobody translated it."""
        said = self.say(sentence)
        for pattern, whole in self.patterns if said == sentence else ():
            found = pattern.fullmatch(sentence)
            if found:
                return self.say(whole, **{name: self.again(value) for name, value in found.groupdict().items()})
        return said

    def day(self, day: date) -> str:
        """A day as a person says it."""
        if self.locale is None:
            return f"{day:%A} {day.day} {day:%B %Y}"
        return format_date(day, "full", locale=self.locale)

    def time(self, instant: datetime) -> str:
        """A local time as a person says it, with its zone."""
        values = {"day": self.day(instant.date()), "hour": f"{instant:%H:%M}", "zone": str(instant.tzinfo)}
        return self.say("%(day)s at %(hour)s (%(zone)s)", **values)

    def short(self, instant: datetime) -> str:
        """A local time in a list, without year and zone."""
        if self.locale is None:
            return f"{instant:%a} {instant.day} {instant:%B}, {instant:%H:%M}"
        return f"{format_skeleton('MMMMEd', instant, locale=self.locale)}, {instant:%H:%M}"

    def weekday(self, day: int) -> str:
        """The name of a weekday; Monday is 0."""
        monday = date(2024, 1, 1)
        if self.locale is None:
            return f"{monday.replace(day=1 + day):%A}"
        return str(self.locale.days["stand-alone"]["wide"][day])

    def gap(self, gap: Gap) -> str:
        """The least time between two lessons."""
        if gap.hours:
            return self.count("%(num)s hour", "%(num)s hours", gap.hours)
        return self.count("%(num)s day", "%(num)s days", gap.days)


class Catalogues:
    """The languages of one installation: the messages of its own folder go before the shipped ones."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._known: dict[str, Words] = {}

    def of(self, tag: str) -> Words:
        """The words of a language tag such as de-AT: its own, else those of the language, else English."""
        name = tag.strip().replace("_", "-").lower()
        files = self.files()
        found = next((one for one in (name, name.partition("-")[0]) if one in files), ENGLISH)
        if found not in self._known:
            self._known[found] = _words(found, files.get(found, ()))
        return self._known[found]

    def files(self) -> Mapping[str, tuple[Path, ...]]:
        """The catalogues of each language, in small letters; the shipped one first."""
        if not hasattr(self, "_files"):
            self._files: dict[str, tuple[Path, ...]] = {}
            for folder in reversed(self._folders):
                for path in sorted((folder / FOLDER).glob("*.po")):
                    name = path.stem.replace("_", "-").lower()
                    self._files[name] = (*self._files.get(name, ()), path)
        return self._files


def read(path: Path, language: str) -> Catalog:
    """The catalogue in a file. Raises BadContent."""
    try:
        with path.open("rb") as file:
            return read_po(file, locale=language.replace("-", "_"), abort_invalid=True)
    except (OSError, PoFileError, ValueError, UnknownLocaleError) as error:
        raise BadContent(f"{path}: this catalogue cannot be read: {error}.") from error


def pattern(message: str) -> re.Pattern[str]:
    """What a sentence with values looks like when it is finished."""
    parts = _VALUE.split(message)
    return re.compile("".join(f"(?P<{one}>.+)" if at % 2 else re.escape(one) for at, one in enumerate(parts)))


def _is_refusal(message: object) -> bool:
    """Whether this is a whole sentence with values in it, which somebody may have finished already.

    Not what begins with a value, such as "%(done)s of %(total)s": that would take any sentence for its own.
    """
    if not isinstance(message, str) or not message[:1].isupper() or not message.endswith("."):
        return False
    names = _VALUE.findall(message)
    return 0 < len(names) == len(set(names))


def _words(language: str, paths: Sequence[Path]) -> Words:
    if not paths:
        return Words()
    first, *more = [read(path, language) for path in paths]
    for own in more:
        for message in own:
            if message.id and message.string:
                first.delete(message.id, message.context)
                first.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, first)
    compiled.seek(0)
    return Words(
        language=language,
        # Whoever changes English words has the dates as they were.
        locale=None if language == ENGLISH else first.locale,
        catalogue=gettext.GNUTranslations(compiled),
        patterns=tuple((pattern(str(one.id)), str(one.id)) for one in first if _is_refusal(one.id)),
    )
