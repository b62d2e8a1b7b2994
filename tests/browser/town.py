"""What is there to visit? The real program with its mail, people at every point of a course, and a writer's own site.

The site is of another origin and holds the form of the README, letter by letter.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from story.stage import LESSONS, Stage, wait_for

from sequencer.core import tokens
from sequencer.core.tokens import Purpose
from sequencer.flows import report
from sequencer.forms import Form
from sequencer.message import address
from sequencer.web import snippets

ROOT = Path(__file__).parents[2]
COURSE = "why-men-pull-away"
DATABASE = "browser.db"
# A second, so that who meets a locked database need not be waited for.
DATABASE_URL = f"sqlite:///{DATABASE}?timeout=1"

READER = "reader@example.org"  # has the first lesson
ASKED = "asked@example.org"  # has not confirmed yet
CONFIRMS = "confirms@example.org"  # confirms, again and again
LEFT = "left@example.org"  # has left, and may leave again
PAUSED = "paused@example.org"  # has the first lesson, and pauses again and again
GRADUATE = "graduate@example.org"  # has had the last lesson
TWO = "two@example.org"  # is on two courses
RETURNED = "returned@example.org"  # had left, and undid it
MOVES, MOVED, STAYED = "moves@example.org", "moved@example.org", "stayed@example.org"  # at the former address
ARABIC = "arabic@example.org"  # reads from right to left
REFUSED = "refused@example.org"  # has said that it was not them
UNDECIDED = "undecided@example.org"  # says so, and takes it back, again and again
SUBSCRIBED = "subscribed@example.org"  # is on the newsletter alone, and has its first issue
INVITED = "invited@example.org"  # has not confirmed the newsletter yet

FIRST_ISSUE, SECOND_ISSUE = "winter-2026", "spring-2026"
_ISSUES = {
    FIRST_ISSUE: """---
id: winter-2026
subject: "Winter on the bay, and what a long list of mails shows behind its subjects"
preheader: "The first storm came on Tuesday"
theme: "Weather"
---
{{ subscriber.name or "Hello" }}, the first storm came on Tuesday.

## What it brought

- Foam, as far as the Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft
- A [letter](https://www.example.org/a/very/long/path/to/nowhere/in/particular) in a bottle

> Whoever waits for the wind hears it first.

```
tide = high_water("the bay", day="Tuesday", at="a quarter past eight in the morning", wind="north-west, 9")
```
""",
    SECOND_ISSUE: """---
id: spring-2026
subject: "Spring"
preheader: "What the ice leaves behind"
---
The ice is gone.
""",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A writer</title></head>
<body><main><h1>{title}</h1>{body}</main></body></html>"""


@dataclass(slots=True)
class Town:
    """The service at `url`, and the writer's site at `site`."""

    stage: Stage
    site: str
    _strangers: int = 0

    @property
    def url(self) -> str:
        """Where the service is."""
        return self.stage.url

    def build(self) -> None:
        """Write the settings and the courses, start the service, and let people come to where they are."""
        stage = self.stage
        stage.set_up()
        shutil.copytree(ROOT / "lessons" / COURSE, stage.folder / "lessons" / COURSE)
        with (stage.folder / "sequencer.toml").open("a") as settings:
            settings.write(f'\n[forms.article]\ncourse = "{COURSE}"\nnext = ["{self.site}/thanks"]\n')
            settings.write(f'\n[forms.guarded]\ncourse = "{COURSE}"\nchallenge = "always"\n')
            settings.write(f'\n[forms.framed]\ncourse = "{COURSE}"\nchallenge = "never"\nlists = {{ s = "small" }}\n')
            settings.write(f'embed = ["{self.site}"]\n')
            settings.write(f'\n[forms.known]\ncourse = "{COURSE}"\nopt_in = "single"\nsingle_because = "A test."\n')
            settings.write('\n[forms.arabic]\ncourse = "arabic"\n')
            settings.write('\n[forms.letter]\nnewsletter = true\nchallenge = "never"\n')
        arabic = shutil.copytree(stage.folder / "lessons" / "small", stage.folder / "lessons" / "arabic")
        with (arabic / "course.toml").open("a") as course:
            course.write('language = "ar"\n')
        (stage.folder / "issues").mkdir()
        letter = 'title = "The Letter"\nsender = "Ann Author <ann@example.org>"\n'
        (stage.folder / "issues" / "newsletter.toml").write_text(letter)
        for name, content in _ISSUES.items():
            (stage.folder / "issues" / f"{name}.md").write_text(content)
        stage.serve()
        self._publish()
        self._graduate()
        readers = (READER, LEFT, PAUSED, TWO, RETURNED, MOVES, MOVED, STAYED)
        for email in (ASKED, CONFIRMS, REFUSED, UNDECIDED, *readers):
            self.sign_up(email)
        self.sign_up(ARABIC, form="arabic")
        for email in (*readers, ARABIC):
            stage.confirm(email)
        self.next_lesson(*readers, ARABIC)
        self.one_click(LEFT)
        self.link(ASKED, "/confirm/")
        self.link(CONFIRMS, "/confirm/")
        self._answer_mails()
        # Somebody else wants another course for them.
        self.sign_up(READER, form="newsletter")

    def article_guarded(self) -> str:
        """The same, but its form always asks a browser to work first."""
        return self.article().replace("/f/article", "/f/guarded")

    def article(self) -> str:
        """The writer's page with the form of the README; only the address is ours."""
        readme = (ROOT / "README.md").read_text()
        form = re.search(r"```html\n(<form.*?</form>)\n```", readme, re.DOTALL)
        assert form is not None
        snippet = form.group(1).replace("https://mail.example.org/f/newsletter", f"{self.url}/f/article")
        return _PAGE.format(title="An article", body=snippet)

    def article_with_next(self) -> str:
        """The same, with a page of the writer's own to go on to."""
        onward = f'<input type="hidden" name="next" value="{self.site}/thanks">'
        return self.article().replace("</form>", f"{onward}</form>")

    def framing(self, form: str = "framed") -> str:
        """A page of the writer's with our sign-up page in a frame, as "form show" prints it."""
        shown = Form(key=form, course=COURSE)
        return _PAGE.format(title="An article", body=snippets.framed(shown, self.url, "Sign up"))

    def thanks(self) -> str:
        """The writer's own page after the form."""
        return _PAGE.format(title="Thank you", body="<p>A mail is on its way.</p>")

    def sign_up(self, email: str, form: str = "article") -> None:
        """Somebody sends a form."""
        fields = {"email": email, "name": "Rea", "timezone": "Europe/London"}
        httpx.post(f"{self.url}/f/{form}", data=fields).raise_for_status()

    def lessons_of(self, email: str) -> int:
        """How many lessons somebody has got."""
        return sum(one.is_lesson for one in self.stage.inbox.to(email))

    def next_lesson(self, *emails: str) -> None:
        """A day passes for everyone; come back when these people have their next lesson."""
        before = {email: self.lessons_of(email) for email in emails}
        self.stage.let_time_pass()
        wait_for("the next lesson", lambda: all(self.lessons_of(email) > had for email, had in before.items()))

    def link(self, email: str, kind: str) -> str:
        """The newest link of this kind in somebody's mail, such as "/confirm/"; waits for the mail."""
        wait_for(f"a mail to {email} with {kind}", lambda: self._links(email, kind))
        return self._links(email, kind)[-1]

    def expired(self, email: str) -> str:
        """The confirmation link of somebody's newest mail, as if it had been made long ago."""
        link = self.link(email, "/confirm/")
        secret, purpose = self.stage.app.settings.secret_key, Purpose.CONFIRM
        said = tokens.read(secret, purpose, link.rpartition("/")[2])
        token = tokens.seal(secret, purpose, said.subject, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
        return f"{self.url}/confirm/{token}"

    def one_click(self, email: str) -> None:
        """What a mail program does when its own unsubscribe button is pressed (RFC 8058)."""
        mail = self.stage.inbox.to(email)[-1].parsed()
        target = re.search(r"<(http[^>]*)>", str(mail["List-Unsubscribe"]))
        assert target is not None
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        httpx.post(target.group(1), data={"List-Unsubscribe": "One-Click"}).raise_for_status()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program writes to the database, and does not stop."""
        with closing(sqlite3.connect(self.stage.folder / DATABASE, timeout=10, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    def _links(self, email: str, kind: str) -> Sequence[str]:
        return [link for one in self.stage.inbox.to(email) if (link := one.link(kind))]

    def stranger(self) -> str:
        """Somebody new on a course; the link to their data."""
        self._strangers += 1
        email, now = f"stranger-{self._strangers}@example.org", datetime.now(UTC)
        self.stage.enrol(email, now=now)
        who = report.find(self.stage.app.db, address.parse(email)).id
        return self.stage.app.press.data_url(who, now)

    def press(self, link: str, **fields: str) -> None:
        """Somebody presses a button behind a link."""
        answer = httpx.post(link, data=fields)
        assert answer.status_code < httpx.codes.BAD_REQUEST, answer.text

    def _answer_mails(self) -> None:
        """People do what a page is about that can be come to only once."""
        self.stage.enrol(TWO, now=datetime.now(UTC))
        self.one_click(RETURNED)
        self.press(self.link(RETURNED, "/back/"))
        self.press(f"{self.link(READER, '/p/')}/data")
        self.link(READER, "/data/")
        for email in (MOVES, MOVED, STAYED):
            self.press(f"{self.link(email, '/p/')}/move", email=f"new-{email}")
            self.link(f"new-{email}", "/move/")
        for email in (MOVED, STAYED):
            self.press(self.link(f"new-{email}", "/move/"))
            self.link(email, "/move/")
        self.press(self.link(STAYED, "/move/"))

    def _publish(self) -> None:
        """Somebody is on the newsletter, and two of its issues go out."""
        self.sign_up(SUBSCRIBED, form="letter")
        self.stage.confirm(SUBSCRIBED)
        for name in _ISSUES:
            self.stage.told(self.stage.start("issue", "schedule", name, "--yes", "--json"))
        self.link(SUBSCRIBED, "/v/")
        self.sign_up(INVITED, form="letter")

    def _graduate(self) -> None:
        self.sign_up(GRADUATE, form="newsletter")
        self.stage.confirm(GRADUATE)
        for _ in range(LESSONS):
            self.next_lesson(GRADUATE)
