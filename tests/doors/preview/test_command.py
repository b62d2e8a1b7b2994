"""What does `course preview` do as a command: say its address, open the browser, end?"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from door import Page, wait_until
from manuscripts import write


@contextmanager
def previewed(folder: Path, *words: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process in the folder of an installation, and the address that it says."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEQUENCER_")}
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-W", "error", "-m", "sequencer", "course", "preview", "--port", "0", *words],
        cwd=folder,
        env={**inherited, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        found = re.fullmatch(r"small: (http://127\.0\.0\.1:\d+)/ \(Ctrl-C ends\)\n", process.stdout.readline())
        try:
            assert found
            yield process, found[1]
        finally:
            process.kill()


@pytest.fixture
def house(course: Path) -> Path:
    """The folder of an installation whose settings say where courses are, and nothing else."""
    (course.parent / "sequencer.toml").write_text('courses = "."\n', encoding="utf-8")
    return course.parent


def test_the_browser_is_opened_at_the_first_page_and_ctrl_c_ends_it(house: Path) -> None:
    browser = house / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\n', encoding="utf-8")
    browser.chmod(0o700)
    with previewed(house, "--open", BROWSER=f"{browser} %s") as (process, url):
        wait_until(lambda: (house / "opened").is_file() and (house / "opened").read_text(encoding="utf-8"))
        assert (house / "opened").read_text(encoding="utf-8") == f"{url}/\n"
        assert Page(httpx.get(url, timeout=30).text).text("h1") == ["Lessons"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_a_course_that_is_broken_from_the_start_is_looked_at_all_the_same(house: Path, course: Path) -> None:
    write(course, 1, "\n{{ nobody }}\n")
    with previewed(house, "small") as (_, url), httpx.Client(base_url=url, timeout=30) as ask:
        assert ask.get("/lesson/1").status_code == 500
        before = ask.get("/stamp").text
        write(course, 1)
        wait_until(lambda: ask.get("/stamp").text != before)
        assert ask.get("/lesson/1").status_code == 200


def test_where_the_key_is_elsewhere_the_source_is_shown_unsigned(house: Path) -> None:
    with (house / "sequencer.toml").open("a", encoding="utf-8") as settings:
        settings.write('dkim_key = "elsewhere.pem"\n')
    with previewed(house) as (process, url):
        source = Page(httpx.get(f"{url}/lesson/1?shape=source", timeout=30).text).words["pre"][0]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert source.startswith("From: Ann Author")
    assert re.fullmatch(r"The source is shown unsigned\. There is no .*elsewhere\.pem; .*\n", err)
