"""Does a stranger see the course arrive, look around, and sign up by hand?"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from door import Page, wait_until

from sequencer.demo.story import VISITORS

PROGRAM = (sys.executable, "-W", "error", "-m", "sequencer", "demo")
KEYS = ["course", "lessons", "subscribers", "delivered", "lost", "doubled", "seconds"]


class Running:
    """The demo as a process that stays up: its first words, and a browser."""

    def __init__(self, process: subprocess.Popen[str], temporary: Path) -> None:
        self.process = process
        self.temporary = temporary
        self.said = ""
        assert process.stdout
        for line in process.stdout:
            self.said += line
            if "Ctrl-C" in line:
                break
        self.site, self.inbox, self.service = re.findall(r"http://\S+", self.said)
        self.ask = httpx.Client(timeout=20)

    def page(self, url: str) -> Page:
        """A page that must be there."""
        return Page(self.ask.get(url).raise_for_status().text)

    def mails(self, who: str) -> list[str]:
        """The addresses of a person's mails in the inbox, the oldest first."""
        page = self.page(f"{self.inbox}?who={who}")
        return [tag["href"] for tag in page.all("a") if re.fullmatch(r"/inbox/\d+", tag["href"])]

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        """Stop it as a terminal does; how it ended, and its last words."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


def environ(temporary: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEQUENCER_")}
    return {**kept, "TMPDIR": str(temporary), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One demo, up for all tests of this file; the last of them stops it."""
    temporary = tmp_path_factory.mktemp("demo")
    process = subprocess.Popen(  # noqa: S603 (our own program)
        PROGRAM, env=environ(temporary), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        made = Running(process, temporary)
        with made.ask:
            yield made
    finally:
        process.kill()
        process.communicate()


def test_once_with_json_prints_one_line_and_nothing_was_lost_or_doubled(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 (our own program)
        [*PROGRAM, "--once", "--json"],
        cwd=tmp_path,
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert list(result) == KEYS
    assert [result[key] for key in KEYS[:-1]] == ["why-men-pull-away", 14, 3, 42, 0, 0]
    assert 0 < result["seconds"] < 60
    assert list(tmp_path.iterdir()) == []


def test_the_table_shows_each_lesson_at_each_persons_own_eight_oclock(running: Running) -> None:
    rows = [line for line in running.said.splitlines() if re.match(r"\s*\d+\. ", line)]
    assert len(rows) == 14
    for row in rows:
        assert re.findall(r"\d\d:\d\d", row) == ["08:00"] * 3
    assert "42 lessons delivered, lost 0, doubled 0" in running.said
    assert all(visitor.name in running.said for visitor in VISITORS)


def test_the_site_shows_the_article_with_the_form_at_both_ends(running: Running) -> None:
    page = running.page(running.site)
    assert page.text("h1") == ["Why Men Pull Away"]
    assert {tag["action"] for tag in page.all("form")} == {f"{running.service}f/newsletter"}
    assert len(page.all("form")) == 2
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    parts = {tag["href"] for tag in page.all("a") if tag["href"].startswith("#")}
    assert {part.removeprefix("#") for part in parts} <= set(ids)
    assert running.ask.get(f"{running.site}static/site.css").status_code == 200
    assert running.ask.get(f"{running.site}nowhere").status_code == 404


def test_the_inbox_shows_everybodys_mail_and_each_persons(running: Running) -> None:
    everything = running.page(running.inbox)
    assert len(set(everything.text("h2"))) >= 3
    for visitor in VISITORS:
        assert len(running.mails(visitor.address)) == 15
    assert running.mails("nobody@example.org") == []


@pytest.mark.parametrize(
    ("view", "holds"),
    [
        ("text", "Welcome. This is the first of fourteen short letters"),
        ("headers", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
        ("raw", "Content-Type: text/html; charset=utf-8"),
    ],
)
def test_a_message_is_shown_as_text_as_headers_and_raw(running: Running, view: str, holds: str) -> None:
    link = running.mails(VISITORS[0].address)[1]
    page = running.page(f"{running.site.rstrip('/')}{link}?view={view}")
    assert holds in page.text("pre")[0]
    assert [tag["href"] for tag in page.all("a") if "aria-current" in tag] == [f"{link}?view={view}"]


def test_a_message_is_shown_as_a_mail_client_shows_it(running: Running) -> None:
    link = running.mails(VISITORS[0].address)[1]
    site = running.site.rstrip("/")
    page = running.page(f"{site}{link}?width=phone")
    (frame,) = page.all("iframe")
    assert "phone" in frame["class"]
    assert "allow-scripts" not in frame["sandbox"]
    body = running.ask.get(f"{site}{frame['src']}")
    assert f"Hello {VISITORS[0].name}," in unescape(body.text)
    assert '<base target="_top">' in body.text
    assert "script-src" not in body.headers["content-security-policy"]
    assert "default-src 'none'" in body.headers["content-security-policy"]
    assert f"img-src data: {running.service.rstrip('/')};" in body.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["inbox/4711", "inbox/4711/body.html", "inbox/x", "static/nothing.css"])
def test_what_is_not_in_the_demo_is_not_found(running: Running, path: str) -> None:
    answer = running.ask.get(f"{running.site}{path}")
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


def test_who_signs_up_by_hand_gets_mail_confirms_and_moves_the_clock(running: Running) -> None:
    me, site = "me@example.org", running.site.rstrip("/")
    answer = running.ask.post(f"{running.service}f/newsletter", data={"email": me, "timezone": "Asia/Tokyo"})
    assert answer.status_code == 200
    wait_until(lambda: len(running.mails(me)) == 1)
    words = running.page(f"{site}{running.mails(me)[0]}?view=text").text("pre")[0]
    link = re.search(r"http://\S+/confirm/\S+", words)
    assert link
    assert running.page(link[0]).text("button") == ["Yes, send me the course"]
    assert "08:00 (Asia/Tokyo)" in running.ask.post(link[0]).text
    (button,) = running.page(running.inbox).all("form")
    answer = running.ask.post(f"{site}{button['action']}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    assert len(running.mails(me)) == 2
    assert "Welcome. This is the first" in running.page(f"{site}{running.mails(me)[1]}?view=text").text("pre")[0]


def test_ctrl_c_ends_it_and_leaves_nothing_behind(running: Running) -> None:
    assert list(running.temporary.iterdir())
    assert running.stop(signal.SIGINT) == (0, "", "")
    assert list(running.temporary.iterdir()) == []


def test_sigterm_ends_it_too_and_json_stays_alone_on_stdout(tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: S603 (our own program)
        [*PROGRAM, "--json"], env=environ(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["delivered"] == 42
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_sigterm_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(PROGRAM, env=environ(tmp_path), stdout=output, stderr=output)  # noqa: S603 (ours)
        wait_until(lambda: any(tmp_path.glob("*/demo.db")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 1
        output.seek(0)
        assert b"Traceback" not in output.read()
    assert list(tmp_path.iterdir()) == []
