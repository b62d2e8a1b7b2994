"""What is ready when the preview is tested? A course of two lessons on a desk, and a browser at its pages."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from door import ENVIRON, served
from house import NOW
from manuscripts import COURSE, write

from sequencer import settings as options
from sequencer.content.files import shipped
from sequencer.content.templates import Templates
from sequencer.flows.press import Imprint
from sequencer.web import preview
from sequencer.web.preview import Desk


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The files of a course of two lessons."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "course.toml").write_text(COURSE, encoding="utf-8")
    for number in (1, 2):
        write(folder, number)
    return folder


@pytest.fixture
def desk(course: Path) -> Desk:
    """What the pages are made with; mails are not signed."""
    settings = options.load(None, ENVIRON)
    return Desk(
        folder=course,
        watched=(shipped("templates"),),
        templates=Templates(),
        imprint=Imprint(
            base_url=settings.base_url, secret="thrown away", postal_address="1 Example Street", confirm_within=7
        ),
        signers=None,
        relay=settings.all_relays[0],
        clock=lambda: NOW,
    )


@pytest.fixture
def ask(desk: Desk) -> Iterator[httpx.Client]:
    """A browser at the preview of that course."""
    with served(preview.build(desk)) as url, httpx.Client(base_url=url, timeout=30) as browser:
        yield browser
