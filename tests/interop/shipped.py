"""Which mails does the shipped course become? Each of them, sent by our program through a relay, in one theme."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from interop import course
from sqlalchemy import text

from benchmarks import ground
from sequencer.content import courses
from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.flows import course as course_flow
from sequencer.flows import reminders
from sequencer.flows.reminders import Patience
from sequencer.store.database import connect

THEMES = tuple(sorted(Templates().themes()))
# An author may have a course of their own looked at.
COURSE = Path(os.environ.get("INTEROP_COURSE", shipped("lessons") / "why-men-pull-away")).resolve()
_DATABASE = "sqlite:///shipped.db"
_VISITOR = "visitor@example.com"
_POSTAL = "The Devotion Blueprint, 1 Example Street, London"
_SETTINGS = """base_url = "https://mail.example.org"
secret_key = "{secret}"
postal_address = "{postal}"
database_url = "{database}"
relay_url = "{relay}"
courses = "courses"
dkim_key = "{keys}/rsa.pem"
dkim_ed25519_key = "{keys}/ed25519.pem"
dkim_selector = "s1"
[forms.newsletter]
course = "{course}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """An installation with the shipped course, whose every lesson is due to somebody, and a visitor who signed up.

    `trusts` is the file of the authorities whose certificates it believes.
    """

    folder: Path
    keys: Path
    trusts: Path
    theme: str

    def send(self, relay: str) -> Sequence[tuple[str, str]]:
        """Send all of it by this relay, now, as filters compare dates. Who gets which mail, in their order."""
        settings = _SETTINGS.format(
            secret=ground.SECRET,
            postal=_POSTAL,
            database=_DATABASE,
            relay=relay,
            keys=self.keys,
            course=COURSE.name,
        )
        (self.folder / "sequencer.toml").write_text(settings, encoding="utf-8")
        self._copy()
        lessons = self._seat()
        self._run("subscriber", "add", _VISITOR)
        self._tick(expected=len(lessons) + 1)
        soon = datetime.now(UTC) + timedelta(seconds=2)
        self._remind(soon)
        self._tick("--now", soon.isoformat(), expected=1)
        return (*lessons.items(), (_VISITOR, "confirmation"), (_VISITOR, "reminder"))

    def _tick(self, *words: str, expected: int) -> None:
        said = self._run("tick", *words)
        assert f"accepted {expected}, deferred 0, rejected 0, uncertain 0" in said, said

    def _remind(self, now: datetime) -> None:
        """Let the visitor's patience be over, who was asked a moment ago."""
        db = connect(_DATABASE, root=self.folder)
        patience = Patience(link=timedelta(days=7), reminder=timedelta(seconds=1))
        assert reminders.remind(db, patience, now=now) == 1
        db.close()

    def _copy(self) -> None:
        """The course in this theme. Its site becomes example.org: filters see no address in what ends in .example."""
        folder = self.folder / "courses" / COURSE.name
        shutil.copytree(COURSE, folder)
        for path in (*folder.rglob("*.md"), folder / "course.toml"):
            words = path.read_text(encoding="utf-8").replace("devotionblueprint.example", course.SENDER_DOMAIN)
            path.write_text(re.sub('(?m)^theme = ".*"$', f'theme = "{self.theme}"', words), encoding="utf-8")

    def _seat(self) -> Mapping[str, str]:
        """Publish it, and seat as many people as there are lessons, each before another; who gets which."""
        db, now = ground.database(self.folder, _DATABASE), datetime.now(UTC)
        made = courses.read(self.folder / "courses" / COURSE.name)
        revision = course_flow.publish(db, made, Templates(), postal_address=_POSTAL, now=now)
        assert revision is not None
        ground.fill(db, revision, people=len(made.lessons), due=len(made.lessons))
        with db.begin() as tx:
            tx.execute(text("UPDATE enrolment SET step = id - 1, next_due_at = :now"), {"now": int(now.timestamp())})
            tx.execute(text("UPDATE subscriber SET normalized = 'reader' || id || '@example.com'"))
            tx.execute(text("UPDATE subscriber SET wire = normalized"))
        db.close()
        return {f"reader{number}@example.com": Path(one.source).stem for number, one in enumerate(made.lessons, 1)}

    def _run(self, *words: str) -> str:
        return course.run(*words, folder=self.folder, SSL_CERT_FILE=str(self.trusts))
